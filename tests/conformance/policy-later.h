/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that end things a little later, and in another order than they were given. */
#pragma once

struct later;

struct later *later_new(void (*end)(void *item));
void later_add(struct later *l, void *item); /* any thread */
void later_free(struct later *l);            /* nothing is left; takes NULL */
