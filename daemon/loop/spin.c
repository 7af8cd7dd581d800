/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waking a thread costs 1 to 40 us, much of what a lone fault takes. So before it sleeps a
 * loop asks the source that had something last, again and again, for its window; each time
 * it looks for other sources as well, so that nobody waits longer for it than for a callback.
 *
 * A fixed window is spent once after each find. An automatic one begins at nothing: it grows
 * to twice the length of a sleep that a spin of SPIN_AUTO_MAX_NS would have made needless,
 * and is halved by a spin in vain. Who finds nothing does not spin again before the next
 * find: a loop without faults spins at most one window, then never.
 */
#include "loop/spin.h"

#include "base/clock.h"
#include "base/util.h"

/* A sleep of more than that is cheaper than the spin that saves its wake-up. */
#define SPIN_AUTO_MAX_NS (50 * NSEC_PER_USEC)
#define SPIN_AUTO_MIN_NS (2 * NSEC_PER_USEC)

/* So often is the source asked, which costs a read each, before all others are. */
#define READS_BETWEEN_POLLS 4

void spin_found(struct loop *l, struct loop_source *s)
{
	if (s->spin_ns)
		l->spin.source = s;
}

void spin_forget(struct loop *l, const struct loop_source *s)
{
	if (l->spin.source == s)
		l->spin.source = NULL;
}

static uint64_t window(const struct loop *l)
{
	const struct loop_source *s = l->spin.source;

	if (!s || !(s->events & LOOP_READ))
		return 0;
	return s->spin_ns == LOOP_SPIN_AUTO ? l->spin.auto_ns : (uint64_t)s->spin_ns;
}

/* Asks the source, in a round of its own. True if it had something, or is gone. */
static bool ask(struct loop *l)
{
	bool found;

	l->clock.now_ns = 0;
	found = loop_call(l, l->spin.source, 0) || !l->spin.source;
	round_finish(l);
	return found;
}

/* True: there is something to do. False: the window has passed. */
static bool spin(struct loop *l, uint64_t ns, int *ret)
{
	uint64_t end_ns = clock_now_ns() + ns;

	do {
		bool found = false;

		for (int i = 0; i < READS_BETWEEN_POLLS && !found; i++)
			found = ask(l);
		*ret = l->backend->wait(l, false);
		if (found || *ret < 0 || !TAILQ_EMPTY(&l->ready) || l->stopped)
			return true;
	} while (clock_now_ns() < end_ns);
	return false;
}

static void learn(struct loop *l, const struct loop_source *waited_for, uint64_t slept_ns)
{
	if (slept_ns < SPIN_AUTO_MAX_NS && waited_for->ready)
		l->spin.auto_ns = MIN(MAX(l->spin.auto_ns, slept_ns * 2), (uint64_t)SPIN_AUTO_MAX_NS);
}

int spin_wait(struct loop *l)
{
	struct loop_source *s = l->spin.source;
	uint64_t ns = window(l), asleep_ns;
	int r = 0;

	if (ns && spin(l, ns, &r))
		return r;
	if (ns && s->spin_ns == LOOP_SPIN_AUTO)
		l->spin.auto_ns = ns / 2 < SPIN_AUTO_MIN_NS ? 0 : ns / 2;
	l->spin.source = NULL;
	if (s->spin_ns != LOOP_SPIN_AUTO)
		return l->backend->wait(l, true);
	asleep_ns = clock_now_ns();
	r = l->backend->wait(l, true);
	learn(l, s, clock_now_ns() - asleep_ns);
	return r;
}
