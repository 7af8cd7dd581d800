/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-handler.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t.h"

#define MAX_RECORDS 2048

void t_handler_init(struct t_handler *h, struct ioas *ioas, uint64_t iova, uint64_t length)
{
	*h = (struct t_handler){ .ioas = ioas, .iova = iova, .length = length, .access = ACCESS_READ | ACCESS_WRITE };
	h->fd = memfd_create("t-handler", MFD_CLOEXEC);
	T_ASSERT(h->fd >= 0);
	T_ASSERT(ftruncate(h->fd, (off_t)length) == 0);
	h->mapped = calloc(length / T_PAGE, sizeof(*h->mapped));
	T_ASSERT(h->mapped);
}

void t_handler_deinit(struct t_handler *h)
{
	close(h->fd);
	free(h->mapped);
}

void t_handler_map(struct t_handler *h, uint64_t page)
{
	uint64_t place = h->place ? h->place(page) : page;

	T_OK(h->ioas->ops->map(h->ioas, h->iova + page * T_PAGE, T_PAGE, h->fd, place * T_PAGE, h->access));
	h->mapped[page] = true;
}

void t_handler_unmap(struct t_handler *h, uint64_t page)
{
	T_OK(h->ioas->ops->unmap(h->ioas, h->iova + page * T_PAGE, T_PAGE));
	h->mapped[page] = false;
}

void t_handler_unmap_all(struct t_handler *h)
{
	for (uint64_t page = 0; page < h->length / T_PAGE; page++)
		if (h->mapped[page])
			t_handler_unmap(h, page);
}

static bool serve_record(struct t_handler *h, const struct uapi_fault_record *record)
{
	uint64_t page = (record->addr - h->iova) / T_PAGE;

	h->n_records++;
	if (record->addr < h->iova || page >= h->length / T_PAGE)
		return false;
	if ((record->perm & UAPI_PERM_WRITE) && !(h->access & ACCESS_WRITE))
		return false;
	if (!h->mapped[page])
		t_handler_map(h, page);
	return true;
}

unsigned t_handler_serve(struct t_handler *h)
{
	static _Thread_local struct uapi_fault_record records[MAX_RECORDS];
	static _Thread_local struct uapi_answer answers[MAX_RECORDS];
	ssize_t size = h->ioas->ops->read(h->ioas, records, sizeof(records));
	unsigned n = 0;

	T_OK(size);
	for (size_t i = 0; i < (size_t)size / sizeof(*records); n++) {
		uint32_t cookie = records[i].cookie;
		bool fine = true;

		for (; i < (size_t)size / sizeof(*records) && records[i].cookie == cookie; i++)
			fine &= serve_record(h, &records[i]);
		h->n_groups++;
		h->n_invalid += !fine;
		answers[n] = (struct uapi_answer){ cookie, fine ? UAPI_ANSWER_SUCCESS : UAPI_ANSWER_INVALID };
	}
	if (n)
		T_EQ(h->ioas->ops->write(h->ioas, answers, n * sizeof(*answers)), n * sizeof(*answers));
	return n;
}

unsigned t_handler_wait(struct t_handler *h, int timeout_ms)
{
	struct pollfd p = { .fd = h->ioas->fault_fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0 ? t_handler_serve(h) : 0;
}
