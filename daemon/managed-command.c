/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bus asks of a space: a job on its shard, and the reply when that has ended. That is
 * no step, so neither a reload nor a stop waits for it, but its space does with being closed,
 * for the job that is under way. A prefault may take as long as a store is slow; so it is done
 * piece by piece, and no piece begins while the daemon stops or the space is closed.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "fault/job.h"
#include "managed.h"

#define PIECE_BYTES (16ull << 20)

struct command {
	struct shard_call call;
	struct pager_job job;
	struct managed_space *space;
	struct service_call *reply;
	uint64_t end;   /* of a prefault; job.end is that of the piece */
	uint64_t bytes; /* of the pieces before */
};

static void job_done(struct pager_job *job)
{
	struct command *c = container_of(job, struct command, job);

	shard_call_finish(&c->call, job->result);
}

static int run_command(struct shard_call *call)
{
	struct command *c = container_of(call, struct command, call);

	if (!c->space->pager.ioas)
		return -ESTALE;
	job_submit(&c->space->pager, &c->job);
	pager_schedule(&c->space->pager);
	return SHARD_PENDING;
}

/* What is left to do of a prefault: the next piece. */
static void set_piece(struct command *c, uint64_t first)
{
	c->job.first = first;
	c->job.end = MIN(c->end, first + MAX(PIECE_BYTES >> c->job.region->granule_shift, 1ull));
}

static void command_done(struct shard_call *call)
{
	struct command *c = container_of(call, struct command, call);
	struct manager *m = c->space->manager;
	bool prefault = c->job.kind == JOB_PREFAULT;

	c->bytes += c->job.bytes;
	if (call->result >= 0 && c->job.end < c->end) {
		if (c->space->is_open && !m->stop_asked) {
			set_piece(c, c->job.end);
			managed_space_submit(c->space, call);
			return;
		}
		call->result = -ESTALE;
	}
	/* How far a prefault came before the budget ended is its answer, not an error. */
	service_call_reply(c->reply, prefault && call->result == -EDQUOT ? 0 : call->result, c->bytes);
	c->space->n_commands--;
	m->n_commands--;
	free(c);
}

/* The granules that the range touches. */
static void set_range(struct pager_job *job, uint64_t offset, uint64_t length)
{
	unsigned shift = job->region->granule_shift;

	job->first = offset >> shift;
	job->end = (offset + length + region_bytes(job->region, 1) - 1) >> shift;
}

void managed_space_command(void *userdata, struct space_entry *e, size_t region, enum space_command command,
			   uint64_t offset, uint64_t length, struct service_call *reply)
{
	static const enum job_kind kinds[] = {
		[SPACE_FLUSH] = JOB_FLUSH,
		[SPACE_TRIM] = JOB_TRIM,
		[SPACE_PREFAULT] = JOB_PREFAULT,
	};
	struct managed_space *s = container_of(e, struct managed_space, entry);
	struct manager *m = userdata;
	struct command *c;

	if (m->stop_asked || !s->is_open) {
		service_call_reply(reply, -ESTALE, 0);
		return;
	}
	if (m->n_commands >= COMMANDS_MAX) {
		service_call_fail(reply, EBUSY, "Too many commands are under way, try again.");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		service_call_reply(reply, -ENOMEM, 0);
		return;
	}
	c->space = s;
	c->reply = reply;
	c->job.kind = kinds[command];
	c->job.done = job_done;
	if (region != SIZE_MAX) {
		c->job.region = &s->pager.space.regions[region];
		set_range(&c->job, offset, length);
	}
	if (command == SPACE_PREFAULT) {
		c->end = c->job.end;
		set_piece(c, c->job.first);
	}
	c->call.run = run_command;
	c->call.done = command_done;
	m->n_commands++;
	s->n_commands++;
	managed_space_submit(s, &c->call);
}
