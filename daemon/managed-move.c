/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A space without attachments moves to the shard that has least to do, when a device comes
 * to it. While it moves no call reaches it: they are held, and go to where it ends up. What the
 * new shard needs for it is made before it leaves the old one, so it is always at home on one.
 */
#include "base/log.h"
#include "managed.h"

void managed_space_submit(struct managed_space *s, struct shard_call *c)
{
	if (s->moving)
		STAILQ_INSERT_TAIL(&s->held, c, link);
	else
		shard_submit(s->shard, c);
}

static int run_prepare(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	return pager_prepare(&s->pager, shard_loop(c->shard), &s->place);
}

static int run_leave(struct shard_call *c)
{
	return pager_leave(&container_of(c, struct managed_space, move_call)->pager);
}

static int run_give_up(struct shard_call *c)
{
	pager_give_up(&container_of(c, struct managed_space, move_call)->place);
	return 0;
}

static int run_join(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	pager_join(&s->pager, &s->place, shard_inbox(c->shard), shard_orphans(c->shard), shard_traces(c->shard));
	return 0;
}

static void arrived(struct managed_space *s)
{
	struct shard_call *c;

	s->moving = false;
	while ((c = STAILQ_FIRST(&s->held))) {
		STAILQ_REMOVE_HEAD(&s->held, link);
		shard_submit(s->shard, c);
	}
	manager_settled(s->manager);
}

static void submit(struct managed_space *s, struct shard *shard, int (*run)(struct shard_call *c),
		   void (*done)(struct shard_call *c))
{
	s->move_call = (struct shard_call){ .run = run, .done = done };
	shard_submit(shard, &s->move_call);
}

static void done_move(struct shard_call *c)
{
	arrived(container_of(c, struct managed_space, move_call));
}

static void done_leave(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	if (c->result < 0) {
		submit(s, s->move_to, run_give_up, done_move);
		return;
	}
	s->shard = s->move_to;
	submit(s, s->shard, run_join, done_move);
}

static void done_prepare(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	if (c->result >= 0) {
		submit(s, s->shard, run_leave, done_leave);
		return;
	}
	log_with(LOG_WARNING, c->result, &(struct log_fields){ .space = s->entry.name },
		 "space %s stays with the busier one of two threads%s", s->entry.name, error_hint(-c->result));
	arrived(s);
}

void managed_space_rebalance(struct managed_space *s)
{
	struct shard *best;

	/* Before it has started there is nothing to prepare for. */
	if (s->moving || s->starting || shards_pick(s->manager, s, &best) < 0 || best == s->shard)
		return;
	manager_begin(s->manager);
	s->moving = true;
	s->move_to = best;
	submit(s, best, run_prepare, done_prepare);
}
