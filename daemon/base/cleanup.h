/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scope-bound release of what a function holds. A variable marked with one of the
 * attributes is released when its scope ends; TAKE_PTR and TAKE_FD hand it over to its
 * final owner first. Every constructor uses them; see x_freep pairs made by
 * DEFINE_CLEANUP for heap objects.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

#define TAKE_PTR(p)                            \
	({                                     \
		__typeof__(p) *taken_ = &(p);  \
		__typeof__(p) value_ = *taken_; \
		*taken_ = NULL;                \
		value_;                        \
	})

#define TAKE_FD(fd)                \
	({                         \
		int *taken_ = &(fd); \
		int value_ = *taken_; \
		*taken_ = -1;      \
		value_;            \
	})

/* Makes x_freep() for _cleanup_ from a destructor that takes NULL and returns NULL. */
#define DEFINE_CLEANUP(type, destructor)                 \
	static inline void destructor##p(type **p)       \
	{                                                \
		if (*p)                                  \
			*p = destructor(*p);             \
	}

/* Closes a stored fd and marks it closed; -1 is fine. */
static inline void close_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}
