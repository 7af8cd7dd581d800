/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-stress.h"

#include "t.h"

static int outcome_of(enum trouble trouble)
{
	switch (trouble) {
	case TROUBLE_ERROR:
	case TROUBLE_LATE_ERROR:
	case TROUBLE_LOST:
	case TROUBLE_LATE_LOST:
		return -EIO;
	case TROUBLE_NOSPACE:
	case TROUBLE_LATE_NOSPACE:
		return IOPFD_NOSPACE;
	default:
		return 0;
	}
}

static void one_trouble(struct drive *d, uint64_t g, enum wrap_call call, enum trouble trouble)
{
	struct drive_call *c;

	wrap_command(call, trouble);
	if (call != WRAP_FILL)
		drive_fill(d, g, 1, READ | WRITE);
	if (call != WRAP_FILL)
		drive_write(d, g);
	c = drive_start(d, call, g, 1, READ | WRITE);
	T_EQ(drive_wait(c), outcome_of(trouble));
	wrap_let_go();
	/* All of it works when it is asked for again, and nothing is lost. */
	drive_fill(d, g, 1, READ | WRITE);
	drive_check(d, g, 1);
	drive_write(d, g);
	drive_flush(d, g, 1);
	drive_check(d, g, 1);
	drive_release(d, g, 1);
	drive_sync(d);
	drive_check_durable(d);
}

void policy_stress_troubles(struct drive *d)
{
	for (enum wrap_call call = WRAP_FILL; call < WRAP_CALL_MAX; call++)
		for (enum trouble t = TROUBLE_NONE; t < (call == WRAP_FILL ? TROUBLE_MAX : TROUBLE_NOSPACE); t++) {
			const char *log;

			t_capture_begin();
			one_trouble(d, (unsigned)t % d->n_granules, call, t);
			T_WAIT(wrap_n_under_way() == 0);
			log = t_capture_end();
			if ((t == TROUBLE_TWICE) != !!strstr(log, "not pending; ignored") && t != TROUBLE_AFTERWARDS)
				t_fail(__FILE__, __LINE__, "%s: the log is '%s'", trouble_names[t], log);
		}
}

/* Everything at random, with several calls out at once; a range is in one of them only. */
#define OUT_MAX 8

struct out {
	struct drive_call *calls[OUT_MAX];
	bool is_busy[DRIVE_GRANULES_MAX];
};

static void take_result(struct drive *d, struct out *out, struct drive_call **slot)
{
	struct drive_call *c = *slot;
	int r = drive_wait(c);

	*slot = NULL;
	memset(out->is_busy + c->first, false, c->n);
	T_ASSERT(r == 0 || (d->wrap == WRAP_FAIL && (r == -EIO || r == IOPFD_NOSPACE)));
	if (c->kind != WRAP_FILL || r)
		return;
	drive_check(d, c->first, c->n);
	for (uint64_t g = c->first; g < c->first + c->n; g++)
		if (d->filled[g] & WRITE)
			drive_write(d, g);
}

static uint64_t free_run(struct drive *d, const struct out *out, uint64_t first, uint64_t max)
{
	uint64_t n = 0;

	while (n < max && first + n < d->n_granules && !out->is_busy[first + n] &&
	       d->filled[first + n] == d->filled[first])
		n++;
	return n;
}

static struct drive_call *start_something(struct drive *d, struct out *out)
{
	uint64_t first = drive_random(d, d->n_granules), n = free_run(d, out, first, 1 + drive_random(d, 4));
	bool writes = drive_random(d, 2);
	struct drive_call *c;

	if (!n)
		return NULL;
	/* What was filled together stays together. */
	if (d->filled[first]) {
		n = d->range[first].n;
		first = d->range[first].first;
	}
	if (!d->filled[first] || (writes && !(d->filled[first] & WRITE))) {
		c = drive_start(d, WRAP_FILL, first, n, writes ? READ | WRITE : drive_read_access(d));
	} else if (d->filled[first] & WRITE && drive_random(d, 2)) {
		/* As the core does: mapped read-only first, which must not wait for anything. */
		T_EQ(drive_start(d, WRAP_FILL, first, n, READ)->returned, 0);
		c = drive_start(d, WRAP_FLUSH, first, n, 0);
	} else {
		c = drive_start(d, WRAP_RELEASE, first, n, 0);
	}
	memset(out->is_busy + first, true, n);
	return c;
}

static void settle(struct drive *d, struct out *out)
{
	for (unsigned i = 0; i < OUT_MAX; i++)
		if (out->calls[i])
			take_result(d, out, &out->calls[i]);
	for (uint64_t g = 0; g < d->n_granules; g++) {
		drive_fill(d, g, 1, drive_read_access(d));
		drive_check(d, g, 1);
		drive_release(d, g, 1);
	}
	drive_sync(d);
	drive_check_durable(d);
}

void policy_stress_random(struct drive *d)
{
	struct out out = { 0 };

	for (unsigned i = 0; i < 2000 && i * d->granule < 512 << 20; i++) {
		struct drive_call **slot = &out.calls[drive_random(d, OUT_MAX)];

		if (*slot && drive_random(d, 4) && !drive_has_ended(*slot))
			continue;
		if (*slot)
			take_result(d, &out, slot);
		*slot = start_something(d, &out);
		if (i % 500 == 499)
			settle(d, &out);
	}
	settle(d, &out);
}
