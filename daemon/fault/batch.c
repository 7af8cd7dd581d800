/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/batch.h"

#include "fault/account.h"

#define KNOWN_PERM (UAPI_PERM_READ | UAPI_PERM_WRITE | UAPI_PERM_EXEC | UAPI_PERM_PRIV)

/* A device may ask for what only a newer kernel knows: served as a read, told once. */
static void note_perm(struct pager *p, const struct attachment *a, uint32_t perm)
{
	struct log_fields fields = { .device = a->device->name, .space = p->space.name, .perm = perm };

	if (p->odd_perm_told)
		return;
	p->odd_perm_told = true;
	log_with(LOG_NOTICE, 0, &fields, "page request with permissions 0x%x, which say nothing known: taken for a read", perm);
}

static bool is_of(const struct uapi_fault_record *record, const struct attachment *a)
{
	return record->dev_id == a->dev_id && record_pasid(record) == a->pasid;
}

/* How many records are not of the attachment; the first one is, or nobody's. */
static uint32_t count_malformed(const struct pager *p, const struct attachment *a,
				const struct uapi_fault_record *records, uint32_t n)
{
	uint32_t n_malformed = 0;

	if (a == &p->nobody)
		return n;
	for (uint32_t i = 1; i < n; i++)
		n_malformed += !is_of(&records[i], a);
	return n_malformed;
}

/* False: the group is malformed. */
static bool admit_group(struct pager *p, const struct attachment *a, const struct uapi_fault_record *records, uint32_t n,
			struct account_read *counts)
{
	uint32_t n_malformed = count_malformed(p, a, records, n);

	counts->n_groups++;
	counts->n_records += n;
	counts->n_malformed += n_malformed;
	for (uint32_t i = 0; i < n; i++) {
		account_record(counts, &records[i]);
		if ((!records[i].perm || records[i].perm & ~KNOWN_PERM) && !n_malformed)
			note_perm(p, a, records[i].perm);
	}
	return !n_malformed;
}

void batch_admit(struct pager *p)
{
	struct account_read counts = { 0 };
	struct attachment *a = NULL;

	for (size_t i = 0; i < p->queue.n_groups; i++) {
		struct group *g = &p->queue.groups[i];
		const struct uapi_fault_record *records = &p->queue.records[g->first];

		if (!a || a == &p->nobody || !is_of(records, a)) {
			if (a)
				account_read(a->stats, &counts);
			counts = (struct account_read){ 0 };
			a = attachments_find(&p->attachments, records->dev_id, record_pasid(records)) ?: &p->nobody;
		}
		g->owner = a;
		if (admit_group(p, a, records, g->n_records, &counts))
			continue;
		queue_answer(&p->queue, g, false);
		g->n_records = 0;
	}
	if (a)
		account_read(a->stats, &counts);
}
