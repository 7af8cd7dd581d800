/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pager.c and pager-life.c need of each other. */
#pragma once

#include "fault/pager.h"

/* For loop_add() and loop_add_timer(); userdata: the pager. */
int pager_on_readable(struct loop_source *source, uint32_t events, void *userdata);
int pager_on_work(struct loop_source *source, uint32_t events, void *userdata);

/* A round_end's fn: counts the answers that were written. */
void pager_on_round_end(struct round_end *e, uint64_t now_ns);

/* All collected answers, whether the queue works or not. 0 or a negative errno. */
int pager_write_answers(struct pager *p);

/* Those that are ready, unless the queue has failed and is tried again later. */
void pager_flush_answers(struct pager *p);

/* An inbox_user's after: ops have ended, all that came out of the inbox together. */
void pager_on_ops_ended(struct inbox_user *u);
