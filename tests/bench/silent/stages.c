/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Likewise in place of daemon/fault/stages.c: no group is ever sampled.
 */
#include "fault/stages.h"

/* 2^32 groups from now. */
void stages_init(struct stages *s)
{
	*s = (struct stages){ .left = 0 };
}

void stages_begin(struct stages *s, struct stats *stats, uint64_t read_ns)
{
	(void)s;
	(void)stats;
	(void)read_ns;
}

void sample_enter(struct sample *sample, enum stage stage)
{
	(void)sample;
	(void)stage;
}

void stages_wait(struct stages *s, struct sample *ret, enum stage stage)
{
	(void)s;
	(void)ret;
	(void)stage;
}

void stages_resume(struct stages *s, struct sample *sample)
{
	(void)s;
	(void)sample;
}

void stages_answer(struct stages *s)
{
	(void)s;
}

void stages_written(struct stages *s, const struct stats *stats, uint64_t read_ns, uint64_t now_ns)
{
	(void)s;
	(void)stats;
	(void)read_ns;
	(void)now_ns;
}
