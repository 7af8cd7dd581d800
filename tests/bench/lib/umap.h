/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (c): memory of this program served in user space with userfaultfd, in the shape
 * that libraries for it have. For each window a thread reads the faults; fillers copy one
 * page for each. What came first goes first when as much is present as the high water mark
 * of the capacity allows, down to the low one. There is a descriptor for each page, so that
 * a second fault for a page costs no call. Who touches the memory is not here.
 *
 *	size=, queues=N    bytes of a window, and windows: each has a userfaultfd (1)
 *	capacity=          bytes of all windows that may be present (all)
 *	path=FILE          of the contents; what goes is written back. None: zeroes
 *	fillers=N          (2)
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define UMAP_PAGE 4096ull

struct umap;

struct umap *umap_open(void);
void umap_close(struct umap *u); /* prints bytes_written, with path= */

uint64_t umap_pages(const struct umap *u); /* of a window */
uint64_t umap_queues(const struct umap *u);

/* What a device does with a page: writes a word there. */
void umap_touch(struct umap *u, uint64_t queue, uint64_t page);

uint64_t umap_faults(struct umap *u);       /* so many were read */
uint64_t umap_cpu_ns(struct umap *u);       /* of readers and fillers */

uint64_t thread_cpu_ns(pthread_t thread);
