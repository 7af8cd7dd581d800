/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IO page table of a simulated space: which area lies at an IOVA. A radix tree of five
 * levels with 512 slots each (57 bits of IOVA in 4 KiB pages), where an area fills the
 * largest slots that it covers whole. Areas never overlap. Not locked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIM_IOVA_BITS 57

struct backing;
struct areas_node;

struct area {
	uint64_t iova;
	uint64_t length;
	char *host;              /* where iova is in this process */
	struct backing *backing; /* holds a reference */
	uint32_t access;         /* ACCESS_* */
	struct area *next;       /* for lists of areas that were removed */
};

struct areas {
	struct areas_node *root;
};

int areas_init(struct areas *a);
void areas_deinit(struct areas *a); /* areas that are left are not freed */

/* The area at the lowest IOVA that has a page in [start, end), or NULL. */
struct area *areas_first(const struct areas *a, uint64_t start, uint64_t end);
struct area *areas_find(const struct areas *a, uint64_t iova);

/* Page aligned, inside 57 bits, and nothing there yet. Returns 0 or -ENOMEM. */
int areas_add(struct areas *a, struct area *area);
void areas_remove(struct areas *a, struct area *area);
