/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A space without attachments moves to the shard that has least to do, when a device comes
 * to it. While it moves no call reaches it: they are held, and go to where it ends up.
 */
#include <errno.h>

#include "managed.h"

void managed_space_submit(struct managed_space *s, struct shard_call *c)
{
	if (s->moving)
		STAILQ_INSERT_TAIL(&s->held, c, link);
	else
		shard_submit(s->shard, c);
}

static int run_leave(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	return s->pager.ioas ? pager_leave(&s->pager) : -EBUSY;
}

static int run_join(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	return pager_join(&s->pager, shard_loop(c->shard), shard_inbox(c->shard), shard_orphans(c->shard),
			  shard_traces(c->shard));
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

static void done_join(struct shard_call *c);

static void join(struct managed_space *s, struct shard *shard)
{
	s->move_call = (struct shard_call){ .run = run_join, .done = done_join };
	s->shard = shard;
	shard_submit(shard, &s->move_call);
}

/* Where it cannot be served it does not stay. If it cannot be served where it came from either,
 * the attach that follows says so. */
static void done_join(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	if (c->result < 0 && s->shard == s->move_to)
		join(s, s->move_from);
	else
		arrived(s);
}

static void done_leave(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, move_call);

	if (c->result < 0)
		arrived(s);
	else
		join(s, s->move_to);
}

void managed_space_rebalance(struct managed_space *s)
{
	struct shard *best;

	if (s->moving || shards_pick(s->manager, s, &best) < 0 || best == s->shard)
		return;
	manager_begin(s->manager);
	s->moving = true;
	s->move_from = s->shard;
	s->move_to = best;
	s->move_call = (struct shard_call){ .run = run_leave, .done = done_leave };
	shard_submit(s->shard, &s->move_call);
}
