/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/shard.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "base/log.h"
#include "fault/pager.h"
#include "fault/trace.h"
#include "loop/mailbox.h"

/* Log records on their way; more than that in one go are dropped and counted. */
#define LOG_CAPACITY 256

struct shard {
	pthread_t thread;
	unsigned index;
	struct loop *loop;
	struct mailbox calls;   /* control thread to shard */
	struct mailbox results; /* and back */
	struct mailbox logs;
	struct inbox inbox;
	struct stats *orphans;
	struct traces traces;
	void (*on_dead)(void *userdata);
	void *userdata;
};

static void call_done(void *arg)
{
	struct shard_call *c = arg;

	c->done(c);
}

/* Neither ring can be full: each has room for every call that may be under way. */
static void post(struct mailbox *m, mail_fn fn, void *arg)
{
	int r = mailbox_post(m, fn, arg);

	assert(r == 0);
	(void)r;
}

void shard_call_finish(struct shard_call *c, int result)
{
	c->result = result;
	post(&c->shard->results, call_done, c);
}

static void call_run(void *arg)
{
	struct shard_call *c = arg;
	int r = c->run(c);

	if (r != SHARD_PENDING)
		shard_call_finish(c, r);
}

void shard_submit(struct shard *s, struct shard_call *c)
{
	c->shard = s;
	post(&s->calls, call_run, c);
}

static void log_deliver(void *arg)
{
	log_write(arg);
}

static int log_forward(void *userdata, struct log_record *record)
{
	struct shard *s = userdata;
	int r = mailbox_post(&s->logs, log_deliver, record);

	if (r < 0)
		log_record_free(record);
	return r;
}

static void *shard_main(void *arg)
{
	struct shard *s = arg;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "iopfd-shard%u", s->index % 1000);
	pthread_setname_np(pthread_self(), name);
	log_set_forward(log_forward, s);
	r = loop_run(s->loop);
	if (r < 0) {
		log_error_errno(r, "shard %u: its event loop failed", s->index);
		post(&s->results, s->on_dead, s->userdata);
	}
	return NULL;
}

static int start_thread(struct shard *s, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t cpus;
	int r;

	r = -pthread_attr_init(&attr);
	if (r < 0)
		return r;
	CPU_ZERO(&cpus);
	if (cpu >= 0) {
		CPU_SET(cpu, &cpus);
		r = -pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	}
	if (r >= 0)
		r = -pthread_create(&s->thread, &attr, shard_main, s);
	pthread_attr_destroy(&attr);
	return r;
}

static void shard_stop(void *arg)
{
	struct shard *s = arg;

	loop_stop(s->loop, 0);
}

static struct shard *shard_release(struct shard *s)
{
	mailbox_deinit(&s->calls);
	mailbox_deinit(&s->results);
	mailbox_deinit(&s->logs);
	inbox_deinit(&s->inbox);
	traces_deinit(&s->traces);
	loop_free(s->loop);
	free(s);
	return NULL;
}

int shard_new(unsigned index, const char *loop_name, struct loop *control, size_t capacity, struct stats *orphans,
	      int cpu, void (*on_dead)(void *userdata), void *userdata, struct shard **ret)
{
	struct shard *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct shard){
		.index = index,
		.orphans = orphans,
		.on_dead = on_dead,
		.userdata = userdata,
		.calls = MAILBOX_INIT,
		.results = MAILBOX_INIT,
		.logs = MAILBOX_INIT,
		.inbox = INBOX_INIT,
	};
	r = loop_new(loop_name, &s->loop);
	if (r >= 0)
		r = mailbox_init(&s->calls, capacity + 1); /* and the one that stops it */
	if (r >= 0)
		r = mailbox_init(&s->results, capacity + 1); /* and its own end */
	if (r >= 0)
		r = mailbox_init(&s->logs, LOG_CAPACITY);
	if (r >= 0)
		r = inbox_init(&s->inbox, pager_on_op);
	if (r >= 0)
		r = inbox_receive(&s->inbox, s->loop);
	if (r >= 0)
		r = mailbox_receive(&s->calls, s->loop);
	if (r >= 0)
		r = mailbox_receive(&s->results, control);
	if (r >= 0)
		r = mailbox_receive(&s->logs, control);
	if (r >= 0)
		r = start_thread(s, cpu);
	if (r < 0) {
		shard_release(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct shard *shard_free(struct shard *s)
{
	if (!s)
		return NULL;
	post(&s->calls, shard_stop, s);
	pthread_join(s->thread, NULL);
	mailbox_flush(&s->logs);
	return shard_release(s);
}

void shard_notify(struct shard *s, void (*fn)(void *userdata), void *userdata)
{
	post(&s->results, fn, userdata);
}

struct inbox *shard_inbox(struct shard *s)
{
	return &s->inbox;
}

struct loop *shard_loop(struct shard *s)
{
	return s->loop;
}

struct stats *shard_orphans(struct shard *s)
{
	return s->orphans;
}

struct traces *shard_traces(struct shard *s)
{
	return &s->traces;
}
