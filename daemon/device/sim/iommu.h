/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One simulated IO address space: areas, the fault queue, what its devices expect to find in
 * memory, and who is attached. MAP and UNMAP give the errors of the kernel's (ioas.c and
 * io_pagetable.c of iommufd).
 *
 * MAP and UNMAP come from any thread, of different ranges; the rest from the owner of the space.
 *
 * Locks, outermost first: users_lock, a device's own lock, queue.lock, map_lock; contents, the
 * files' and a device's mailbox are leaves. UNMAP asks each attachment to forget translations,
 * with users_lock held, after the areas are out of the table and before their memory is let go.
 */
#pragma once

#include "device/device.h"
#include "device/sim/areas.h"
#include "device/sim/backing.h"
#include "device/sim/contents.h"
#include "device/sim/queue.h"

struct sim_injection;
SLIST_HEAD(sim_injection_list, sim_injection);

/* Embedded in a device's own struct. */
struct sim_attachment {
	TAILQ_ENTRY(sim_attachment) link;
	uint32_t dev_id;
	uint32_t pasid; /* or PASID_NONE */
	/* When it returns the device uses no translation of the range that it got before. */
	void (*invalidate)(struct sim_attachment *t, uint64_t iova, uint64_t length);
};

TAILQ_HEAD(sim_attachment_list, sim_attachment);

struct sim_ioas {
	struct sim_queue queue;
	struct contents contents;
	pthread_mutex_t map_lock;
	struct areas areas;        /* under map_lock */
	pthread_mutex_t users_lock;
	struct sim_attachment_list attachments; /* both locks to change, one of them to look */
	struct backings backings;
	struct sim_injection_list injections; /* under map_lock */
	struct iova_range *ranges; /* page aligned, sorted as given */
	size_t n_ranges;
	uint64_t n_pages;          /* in all ranges */
};

int sim_ioas_new(const struct iova_range *ranges, size_t n_ranges, struct sim_ioas **ret, struct reason *why);
struct sim_ioas *sim_ioas_free(struct sim_ioas *s); /* nothing attached; unmaps the rest */
DEFINE_CLEANUP(struct sim_ioas, sim_ioas_free)

/* -EEXIST: the same device and PASID twice. Attach and detach want users_lock, from before the
 * device's own one on. */
int sim_ioas_attach(struct sim_ioas *s, struct sim_attachment *t);
void sim_ioas_detach(struct sim_ioas *s, struct sim_attachment *t); /* takes back its groups */
int sim_ioas_map(struct sim_ioas *s, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access);
int sim_ioas_unmap(struct sim_ioas *s, uint64_t iova, uint64_t length);

/* Any thread. The memory behind an IOVA and the rights there; NULL if nothing is mapped. It
 * is good until the attachment is asked to forget it. */
void *sim_ioas_translate(struct sim_ioas *s, uint64_t iova, uint32_t *ret_access);

/* IOVA of the n-th page of all ranges, n < n_pages. */
uint64_t sim_ioas_page(const struct sim_ioas *s, uint64_t n);

/* For tests, any thread: raises a group of any records, as they are; it belongs to the
 * attachment that the first record names, if there is one. */
int sim_ioas_inject(struct sim_ioas *s, const struct uapi_fault_record *records, size_t n_records,
		    struct sim_injection **ret);

/* UAPI_ANSWER_*, -EAGAIN while there is none, -ECANCELED after a detach. Valid until the
 * space is freed. */
int sim_injection_answer(struct sim_ioas *s, struct sim_injection *i);
