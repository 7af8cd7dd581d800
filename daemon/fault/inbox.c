/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/inbox.h"

#include <errno.h>
#include <sys/eventfd.h>

int inbox_init(struct inbox *b, void (*deliver)(struct inbox_item *item))
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	*b = (struct inbox){ .wake_fd = fd, .deliver = deliver };
	STAILQ_INIT(&b->users);
	return 0;
}

void inbox_deliver(struct inbox *b)
{
	struct inbox_item *item, *next, *oldest = NULL;
	struct inbox_user *user;
	uint64_t n;

	/* First the eventfd: what is posted after the exchange must wake us again. */
	(void)!read(b->wake_fd, &n, sizeof(n));
	for (item = atomic_exchange(&b->newest, NULL); item; item = next) {
		next = item->next;
		item->next = oldest;
		oldest = item;
	}
	for (item = oldest; item; item = next) {
		next = item->next;
		b->deliver(item);
	}
	while ((user = STAILQ_FIRST(&b->users))) {
		STAILQ_REMOVE_HEAD(&b->users, link);
		user->listed = false;
		user->after(user);
	}
}

void inbox_after(struct inbox *b, struct inbox_user *u)
{
	if (u->listed)
		return;
	u->listed = true;
	STAILQ_INSERT_TAIL(&b->users, u, link);
}

static int on_wake(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)s;
	(void)events;
	inbox_deliver(userdata);
	return 0;
}

int inbox_receive(struct inbox *b, struct loop *l)
{
	return loop_add(l, b->wake_fd, LOOP_READ | LOOP_DRAIN, on_wake, b, &b->source);
}

void inbox_post(struct inbox *b, struct inbox_item *item)
{
	struct inbox_item *before = atomic_load_explicit(&b->newest, memory_order_relaxed);
	uint64_t one = 1;

	do {
		item->next = before;
	} while (!atomic_compare_exchange_weak(&b->newest, &before, item));
	/* Who finds it empty wakes, the others come along. The item may be gone by now. */
	if (!before)
		(void)!write(b->wake_fd, &one, sizeof(one));
}

void inbox_deinit(struct inbox *b)
{
	b->source = loop_remove(b->source);
	close_fd(&b->wake_fd);
}
