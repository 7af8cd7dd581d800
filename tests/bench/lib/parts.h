/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which part of serving faults a sample of the kernel belongs to: that of the innermost
 * function of its call chain that is known here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum part {
	PART_OTHER,
	PART_ZERO,
	PART_COPY,
	PART_IOMMU,
	PART_PAGES,
	PART_MAP,
	PART_UNMAP,
	PART_READ,
	PART_ANSWER,
	PART_FILE,
	PART_PUNCH,
	PART_POPULATE,
	PART_WAIT,
	PART_FAULT,
	PART_ENTRY,
	PART_USER,
	PART_TRACE, /* of nobody but who counts the system calls */
	_PART_MAX,
};

struct parts;

/* NULL: the kernel does not tell where its functions are. */
struct parts *parts_new(void);
void parts_free(struct parts *p);

/* Of those below PART_TRACE. */
const char *part_name(enum part part);

/* ip: the function itself; chain: it and its callers, with the marks that perf puts there. */
enum part parts_find(const struct parts *p, uint64_t ip, const uint64_t *chain, size_t n);
