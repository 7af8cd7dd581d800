/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (a): one read of one record, one map of one 4 KiB page, one write of one answer,
 * and again. idle=spin reads again when there was nothing, as such programs do; where there
 * is one CPU only, that would keep the device from working: idle=sleep polls then.
 *
 * usage: one-at-a-time KEY=VALUE... (lib/server.h)
 */
#include <errno.h>

#include "server.h"

static void serve_one(struct server *s, size_t queue, const struct uapi_fault_record *record)
{
	struct uapi_answer answer = { .cookie = record->cookie, .code = UAPI_ANSWER_SUCCESS };
	struct ioas *a = s->queues[queue];
	int r = server_map(s, queue, (record->addr & ~(PAGE - 1)) - s->iova, PAGE);

	/* The page came twice */
	if (r < 0 && r != -EEXIST)
		die("map: %s", strerror(-r));
	s->maps++;
	s->faults++;
	if (record->flags & UAPI_FAULT_LAST_PAGE && a->ops->write(a, &answer, sizeof(answer)) < 0)
		die("write");
}

int main(int argc, char **argv)
{
	size_t queues[MAX_QUEUES], n;
	struct server s;

	options_init("one-at-a-time", argv + 1, (size_t)argc - 1);
	server_open(&s);
	server_ready(&s);
	while ((n = server_wait(&s, queues)))
		for (size_t i = 0; i < n; i++) {
			struct ioas *a = s.queues[queues[i]];
			struct uapi_fault_record record;

			while (a->ops->read(a, &record, sizeof(record)) > 0)
				serve_one(&s, queues[i], &record);
		}
	server_close(&s);
	return options_check();
}
