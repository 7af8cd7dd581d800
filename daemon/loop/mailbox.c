/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ring and its wake-up. Whoever is about to rest looks at the other side's counter
 * after publishing its own, both sequentially consistent: the poster writes the eventfd
 * if everything before its message had been taken (the receiver may have seen the ring
 * empty); the receiver, having taken everything, looks once more. At least one of the two
 * sees the other, so no message is left behind.
 */
#include "loop/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Messages in one round of the receiver's loop, so that a busy poster starves nobody. */
#define ROUND_MAX 64

int mailbox_init(struct mailbox *m, size_t capacity)
{
	_cleanup_free_ struct mail *ring = NULL;
	size_t size = 1;
	int fd;

	while (size < capacity) {
		if (size > SIZE_MAX / 2)
			return -ENOMEM;
		size *= 2;
	}
	ring = calloc(size, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return -errno;

	m->ring = TAKE_PTR(ring);
	m->capacity = size;
	m->wake_fd = fd;
	m->source = NULL;
	atomic_init(&m->head, 0);
	atomic_init(&m->tail, 0);
	return 0;
}

static int mailbox_on_wake(struct loop_source *s, uint32_t events, void *userdata)
{
	struct mailbox *m = userdata;
	size_t head = atomic_load_explicit(&m->head, memory_order_relaxed);
	struct mail mail;
	uint64_t n;

	(void)s;
	/* Before looking at the ring: a write that comes later must wake us again. */
	if (events)
		(void)!read(m->wake_fd, &n, sizeof(n));

	for (unsigned i = 0; i < ROUND_MAX; i++) {
		if (head == atomic_load(&m->tail))
			return 0;
		mail = m->ring[head & (m->capacity - 1)];
		atomic_store(&m->head, ++head);
		mail.fn(mail.arg);
	}
	return LOOP_AGAIN;
}

int mailbox_receive(struct mailbox *m, struct loop *l)
{
	return loop_add(l, m->wake_fd, LOOP_READ | LOOP_DRAIN, mailbox_on_wake, m, &m->source);
}

int mailbox_post(struct mailbox *m, mail_fn fn, void *arg)
{
	size_t tail = atomic_load_explicit(&m->tail, memory_order_relaxed);
	uint64_t one = 1;

	if (tail - atomic_load_explicit(&m->head, memory_order_acquire) == m->capacity)
		return -EAGAIN;
	m->ring[tail & (m->capacity - 1)] = (struct mail){ .fn = fn, .arg = arg };
	atomic_store(&m->tail, tail + 1);

	/* Cannot fail: the receiver reads the counter long before it has run over. */
	if (atomic_load(&m->head) == tail)
		(void)!write(m->wake_fd, &one, sizeof(one));
	return 0;
}

void mailbox_flush(struct mailbox *m)
{
	while (mailbox_on_wake(m->source, LOOP_READ, m) == LOOP_AGAIN)
		;
}

void mailbox_deinit(struct mailbox *m)
{
	m->source = loop_remove(m->source);
	close_fd(&m->wake_fd);
	free(m->ring);
	m->ring = NULL;
}
