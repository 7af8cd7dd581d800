/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The world of the pager's tests: a fake ioas below, a loop that the test turns by hand, and
 * policies in the middle. One space with regions of all kinds, two devices, one of them with
 * a PASID. A test calls setup() first and teardown() last, which checks that every group was
 * answered and every sample counted. Names are short: the tests consist of them.
 */
#pragma once

#include "fake-ioas.h"
#include "fault/pager.h"
#include "t-pager-loop.h"
#include "t-pager-policy.h"

#define HEAP 0x100000000ull
#define READ_ONLY 0x200000000ull
#define DENIED 0x300000000ull
#define FICKLE 0x400000000ull
#define AHEAD 0x500000000ull
#define WRITE_ONLY 0x600000000ull
#define MIB (1ull << 20)

#define SUCCESS ((int)UAPI_ANSWER_SUCCESS)
#define INVALID ((int)UAPI_ANSWER_INVALID)

extern struct fake_ioas fake;
extern struct fake_device one, two; /* dev_id 11, with PASID 5, and 12 */
extern struct pager pager;
extern struct stats own, orphans, stats_one, stats_pasid, stats_two;
extern int memory_fd; /* of the fickle policy */
extern uint32_t cookie; /* of the last group that serve() has queued */

/* Set before setup(), and back after teardown(); its regions' keys and the budgets. */
extern int64_t budget_total;
extern uint64_t deadline_ns;
extern unsigned merge, around, fickle_shift, populate;
extern bool ahead, pinned;

/* prepare(), pager_start() and attach_all(). */
void setup(void);
void prepare(void);
void attach_all(void);

/* detach_all(), pager_stop(), all checks and clean_up(). */
void teardown(void);
void detach_all(void);
void clean_up(void);

void check_equation(const struct stats *s);

/* Samples that were in a stage, and all of those for so long that their bucket begins there. */
uint64_t n_in_stage(const struct stats *s, enum stage stage, uint64_t at_least_ns);

/* What the loop does when the queue is readable. */
int turn(void);

/* One group from device one's RID, served; its answer. */
int serve(uint64_t iova, size_t n, uint32_t perm);

/* The fickle policy's request i ends. */
void complete(unsigned i, int result);

/* After the grace has passed everything may go. */
void age(void);

/* For pager_drain(). */
extern bool drained;
void on_drained(void *userdata);

/* The second time, the first group of each turn has a sample of its stages. */
void run_twice(void (*all)(void));
