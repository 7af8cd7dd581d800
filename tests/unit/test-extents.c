/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extents against a plain model of them, and how good the eviction is on small traces.
 */
#include "fault/extents.h"

#include "caches.h"
#include "device/device.h"
#include "t.h"

#define RW (ACCESS_READ | ACCESS_WRITE)

static uint64_t seed;

static unsigned below(unsigned n)
{
	return (unsigned)(next_random(&seed) >> 33) % n;
}

static unsigned add(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access, uint32_t now_ms)
{
	T_OK(extents_reserve(e));
	return extents_add(e, region, first, n, access, now_ms);
}

/* The model: slots, each of which is a granule of one of four regions. */

#define N_REGIONS 4u
#define N_SLOTS 512u
#define SKIPPED 2u
#define GRACE_MS 20u
#define FARTHEST ((1ull << 35) - 1)

static const unsigned region_ids[N_REGIONS] = { 0, 1, SKIPPED, UINT16_MAX };

/* Region 1: each in a chunk of its own, and no order; the last ends where numbers end. */
static uint64_t granule_of(unsigned region, unsigned slot)
{
	if (region == 1)
		return (uint64_t)slot * 7919 % N_SLOTS * 48 + slot % 16;
	return region == 3 ? FARTHEST + 1 - N_SLOTS + slot : slot;
}

struct slot {
	unsigned access; /* 0 = absent */
	unsigned first;  /* slots of its extent */
	unsigned n;
	uint32_t used_ms;
	bool evicted;    /* since it was mapped */
};

static struct slot slots[N_REGIONS][N_SLOTS];
static unsigned n_present;

static void model_set(unsigned region, unsigned first, unsigned n, struct slot s)
{
	for (unsigned i = first; i < first + n; i++)
		slots[region][i] = s;
}

static void check_slot(struct extents *e, unsigned region, unsigned slot)
{
	const struct slot *s = &slots[region][slot];
	uint64_t granule = granule_of(region, slot), first;
	unsigned n;

	T_EQ(extents_access(e, region_ids[region], granule), s->access);
	if (!s->access)
		return;
	extents_range(e, region_ids[region], granule, &first, &n);
	T_EQ(first, granule_of(region, s->first));
	T_EQ(n, s->n);
}

/* Which slot is this? Every granule that comes back is one. */
static unsigned slot_of(unsigned region_id, uint64_t granule, unsigned *ret_region)
{
	for (unsigned r = 0; r < N_REGIONS; r++)
		for (unsigned i = 0; region_ids[r] == region_id && i < N_SLOTS; i++)
			if (granule_of(r, i) == granule) {
				*ret_region = r;
				return i;
			}
	t_fail(__FILE__, __LINE__, "region %u has no granule %" PRIu64, region_id, granule);
}

/* A walk finds every extent once. */
static void check_walk(struct extents *e)
{
	static bool seen[N_REGIONS][N_SLOTS];
	unsigned id, region, slot, n, access, n_seen = 0;
	size_t cursor = 0;
	uint64_t first;

	memset(seen, 0, sizeof(seen));
	while (extents_next(e, &cursor, &id, &first, &n, &access)) {
		slot = slot_of(id, first, &region);
		T_ASSERT(!seen[region][slot]);
		seen[region][slot] = true;
		T_EQ(slots[region][slot].first, slot);
		T_EQ(slots[region][slot].n, n);
		T_EQ(slots[region][slot].access, access);
		n_seen += n;
	}
	T_EQ(n_seen, n_present);
	T_ASSERT(!extents_next(e, &cursor, &id, &first, &n, &access));
}

static unsigned n_back, n_false_back;

static void model_add(struct extents *e, unsigned region, unsigned slot, uint32_t now_ms)
{
	unsigned n = 1, n_evicted = 0, told, access = 1 + below(3);

	/* As far as the block and what is absent in it goes, at most. */
	for (unsigned most = region == 1 ? 1 : 1 + below(below(4) ? EXTENTS_CHUNK : EXTENTS_MAX);
	     n < most && (slot + n) % EXTENTS_MAX && !slots[region][slot + n].access; n++)
		;
	for (unsigned i = slot; i < slot + n; i++)
		n_evicted += slots[region][i].evicted;
	told = add(e, region_ids[region], granule_of(region, slot), n, access, now_ms);
	n_back += told;
	n_false_back += told > n_evicted ? told - n_evicted : 0;
	model_set(region, slot, n, (struct slot){ access, slot, n, now_ms, false });
	n_present += n;
}

static void model_remove(struct extents *e, unsigned region, unsigned slot, bool evicted)
{
	unsigned first = slots[region][slot].first, n = slots[region][slot].n;

	extents_remove(e, region_ids[region], granule_of(region, slot), evicted);
	model_set(region, first, n, (struct slot){ .evicted = evicted });
	n_present -= n;
}

static bool skip_one(void *userdata, unsigned region)
{
	T_ASSERT(userdata == slots);
	return region == SKIPPED;
}

static struct extents_victim last_victim; /* n = 0: something changed since */

/* Is anything in there that was not used for so long? */
static bool any_older(uint32_t now_ms, uint32_t age_ms)
{
	for (unsigned r = 0; r < N_REGIONS; r++)
		for (unsigned i = 0; r != SKIPPED && i < N_SLOTS; i++)
			if (slots[r][i].access && now_ms - slots[r][i].used_ms >= age_ms)
				return true;
	return false;
}

static void check_victim(const struct extents_victim *v, unsigned region, unsigned slot, uint32_t now_ms,
			 unsigned max_n)
{
	unsigned access = 0, i;

	T_ASSERT(v->n > 0 && region != SKIPPED);
	T_EQ(v->first / EXTENTS_MAX, (v->first + v->n - 1) / EXTENTS_MAX);
	T_ASSERT(v->n <= max_n || v->n == slots[region][slot].n);
	for (i = slot; i < slot + v->n; i += slots[region][i].n) {
		T_ASSERT(slots[region][i].access);
		T_EQ(slots[region][i].first, i);
		T_ASSERT(now_ms - slots[region][i].used_ms >= GRACE_MS);
		access |= slots[region][i].access;
	}
	T_EQ(i, slot + v->n);
	T_EQ(v->access, access);
	T_ASSERT(v->region != last_victim.region || v->first != last_victim.first || v->n != last_victim.n);
}

static void model_pick(struct extents *e, uint32_t now_ms)
{
	unsigned max_n = 1 + below(20), region, slot, n;
	struct extents_victim v;
	uint32_t wait_ms;

	if (!extents_pick(e, now_ms, max_n, skip_one, slots, &v, &wait_ms)) {
		T_ASSERT(wait_ms > 0);
		T_EQ(wait_ms == UINT32_MAX, !any_older(now_ms, 0));
		T_ASSERT(wait_ms == UINT32_MAX || wait_ms <= GRACE_MS);
		T_ASSERT(last_victim.n > 0 || !any_older(now_ms, 2 * GRACE_MS));
		last_victim.n = 0;
		return;
	}
	slot = slot_of(v.region, v.first, &region);
	check_victim(&v, region, slot, now_ms, max_n);
	last_victim = v;
	if (below(8) == 0)
		return;
	last_victim.n = 0;
	for (unsigned i = slot; i < slot + v.n; i += n) {
		n = slots[region][i].n;
		model_remove(e, region, i, true);
	}
}

static void model_step(struct extents *e, uint32_t now_ms, unsigned fill)
{
	unsigned region = below(N_REGIONS), slot = below(N_SLOTS);
	struct slot *s = &slots[region][slot];

	check_slot(e, region, slot);
	if (n_present > fill || below(10) == 0) {
		model_pick(e, now_ms);
	} else if (!s->access) {
		model_add(e, region, slot, now_ms);
		last_victim.n = 0;
	} else if (below(4) == 0) {
		model_remove(e, region, slot, false);
		last_victim.n = 0;
	} else if (below(2)) {
		extents_touch(e, region_ids[region], granule_of(region, slot), now_ms);
		for (unsigned i = s->first, end = s->first + s->n; i < end; i++)
			slots[region][i].used_ms = now_ms;
		last_victim.n = 0;
	} else {
		unsigned access = 1 + below(3);

		extents_set_access(e, region_ids[region], granule_of(region, slot), access);
		for (unsigned i = s->first, end = s->first + s->n; i < end; i++)
			slots[region][i].access = access;
	}
}

static void test_model(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	uint32_t now_ms = UINT32_MAX - 100000; /* wraps on the way */
	unsigned fill = 0;

	seed = 1;
	T_OK(extents_new(&e, GRACE_MS));
	for (unsigned i = 0; i < 1000000; i++) {
		if (i % 10000 == 0) {
			check_walk(e);
			fill = below(N_REGIONS * N_SLOTS);
			last_victim.n = 0;
		}
		now_ms += below(3) / 2;
		model_step(e, now_ms, fill);
	}
	T_ASSERT(now_ms < 1000000);
	for (unsigned r = 0; r < N_REGIONS; r++)
		for (unsigned i = 0; i < N_SLOTS; i++)
			check_slot(e, r, i);
	T_ASSERT(n_back > 1000);
	T_ASSERT(n_false_back * 500 < n_back);
}

static void test_empty(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v;
	size_t cursor = 0;
	uint32_t wait_ms;
	uint64_t first;
	unsigned n;

	T_OK(extents_new(&e, 10));
	T_EQ(extents_access(e, 0, 0), 0);
	T_ASSERT(!extents_next(e, &cursor, &n, &first, &n, &n));
	T_ASSERT(!extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
	T_EQ(wait_ms, UINT32_MAX);
}

static bool skip_first(void *userdata, unsigned region)
{
	*(unsigned *)userdata += 1;
	return region == 0;
}

/* Nothing is left but what is never evicted: so it is said, and new things are found without
 * going through all that again. */
static void test_only_skipped(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v;
	unsigned n_asked = 0;
	uint32_t wait_ms;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 16000; i++)
		add(e, 0, i, 1, RW, 0);
	T_ASSERT(!extents_pick(e, 0, 1, skip_first, &n_asked, &v, &wait_ms));
	T_EQ(wait_ms, UINT32_MAX);
	n_asked = 0;
	add(e, 1, 5, 1, RW, 0);
	T_ASSERT(extents_pick(e, 0, 1, skip_first, &n_asked, &v, &wait_ms));
	T_EQ(v.region, 1);
	T_EQ(v.first, 5);
	T_ASSERT(n_asked < 10);
	extents_remove(e, 1, 5, true);
	for (unsigned i = 0; i < 16000; i++)
		if (i % 3 == 0 || i / 16 % 5 == 0)
			extents_remove(e, 0, i, false);
	T_ASSERT(!extents_pick(e, 0, 1, skip_first, &n_asked, &v, &wait_ms));
	T_EQ(wait_ms, UINT32_MAX);
	for (unsigned i = 0; i < 16000; i++)
		T_EQ(extents_access(e, 0, i), i % 3 && i / 16 % 5 ? RW : 0);
}

/* Nothing goes before its grace is over, all goes soon after, and waiting as told is enough. */
static void test_grace(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	uint32_t added_ms = UINT32_MAX - 55, now_ms = added_ms, wait_ms, touched_ms;
	struct extents_victim v;
	unsigned n_asked = 0;

	T_OK(extents_new(&e, 100));
	add(e, 0, 3, 1, RW, now_ms);
	for (; !extents_pick(e, now_ms, 1, NULL, NULL, &v, &wait_ms); now_ms += wait_ms, n_asked++)
		T_ASSERT(wait_ms > 0 && wait_ms <= 100);
	T_ASSERT(now_ms - added_ms >= 100 && now_ms - added_ms <= 200);
	T_ASSERT(n_asked <= 2);

	/* A touch begins a new one. */
	touched_ms = now_ms;
	extents_touch(e, 0, 3, now_ms);
	for (; !extents_pick(e, now_ms, 1, NULL, NULL, &v, &wait_ms); now_ms++)
		T_ASSERT(now_ms - touched_ms < 200);
	T_ASSERT(now_ms - touched_ms >= 100);

	/* Time jumps, with something new beside it. */
	now_ms += 100000;
	add(e, 0, 4, 1, RW, now_ms);
	T_ASSERT(extents_pick(e, now_ms, 16, NULL, NULL, &v, &wait_ms));
	T_EQ(v.first, 3);
	T_EQ(v.n, 1);
}

/* Traffic in the same chunk does not keep everything else of it for ever. */
static void test_grace_is_of_granules(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v;
	uint32_t now_ms = 0, wait_ms;

	T_OK(extents_new(&e, 10));
	add(e, 0, 0, 1, RW, now_ms);
	for (; now_ms < 100; now_ms++) {
		if (extents_access(e, 0, 1))
			extents_remove(e, 0, 1, false);
		add(e, 0, 1, 1, RW, now_ms);
		if (extents_pick(e, now_ms, 16, NULL, NULL, &v, &wait_ms))
			break;
	}
	T_ASSERT(now_ms >= 10 && now_ms <= 20);
	T_EQ(v.first, 0);
	T_EQ(v.n, 1);
}

/* What may go belongs to a chunk, not to the place where it was: another one comes there. */
static void test_hand_follows_no_place(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v = { 0 };
	uint32_t wait_ms;

	T_OK(extents_new(&e, 1000));
	add(e, 0, 0, 1, RW, 0);
	add(e, 1, 0, 1, RW, 0);
	add(e, 1, 1, 1, RW, 0);
	while (v.region != 1)
		T_ASSERT(extents_pick(e, 5000, 1, NULL, NULL, &v, &wait_ms));
	extents_remove(e, 0, 0, false);
	add(e, 2, 0, 1, RW, 5000);
	add(e, 2, 1, 1, RW, 5000);
	for (unsigned i = 0; i < 3; i++)
		if (extents_pick(e, 5000, 1, NULL, NULL, &v, &wait_ms))
			T_EQ(v.region, 1);
}

/* The only one that may go is not proposed again at once, but it is after a while. */
static void test_not_twice_in_a_row(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v;
	uint32_t wait_ms = 0;

	T_OK(extents_new(&e, 0));
	add(e, 7, 100, 1, ACCESS_WRITE, 0);
	for (unsigned i = 0; i < 3; i++) {
		T_ASSERT(extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
		T_EQ(v.first, 100);
		T_EQ(v.access, ACCESS_WRITE);
		T_ASSERT(!extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
		T_EQ(wait_ms, 1);
	}
	T_ASSERT(extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
	extents_touch(e, 7, 100, 0);
	T_ASSERT(extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
}

/* A run ends at max_n, at what is absent and at the chunk; an extent is never cut. */
static void test_runs(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	static const unsigned want[][2] = { { 0, 4 }, { 4, 6 }, { 11, 4 }, { 15, 1 }, { 16, 4 } };
	struct extents_victim v;
	uint32_t wait_ms;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 20; i++)
		if (i < 4 || i > 10)
			add(e, 0, i, 1, ACCESS_READ, 0);
	add(e, 0, 4, 6, ACCESS_WRITE, 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		T_ASSERT(extents_pick(e, 0, 4, NULL, NULL, &v, &wait_ms));
		T_EQ(v.first, want[i][0]);
		T_EQ(v.n, want[i][1]);
		T_EQ(v.access, v.first == 4 ? ACCESS_WRITE : ACCESS_READ);
	}
}

/* Ten granules that are used all the time, each among neighbours that are used once: FIFO
 * would lose each of the ten with every turnover. */
static void test_scan_resistance(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	unsigned n_present_now = 0, n_hot_faults = 0, n_scanned = 50000;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 2 * n_scanned; i++) {
		uint64_t granule = i & 1 ? i / 2 % 10 * 16 : i / 2 + i / 2 / 15 + 1;
		struct extents_victim v;
		uint32_t wait_ms;

		if (extents_access(e, 0, granule))
			continue;
		n_hot_faults += i & 1;
		if (n_present_now == 160) {
			T_ASSERT(extents_pick(e, 0, 16, NULL, NULL, &v, &wait_ms));
			for (unsigned k = 0; k < v.n; k++)
				extents_remove(e, 0, v.first + k, true);
			n_present_now -= v.n;
		}
		add(e, 0, granule, 1, RW, 0);
		n_present_now++;
	}
	T_ASSERT(n_hot_faults * 5 < n_scanned / 160 * 10);
}

/* When all have credit, and it pays, something goes nevertheless. */
static void test_all_have_credit(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	struct extents_victim v;
	uint32_t wait_ms;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 100; i++)
		add(e, 0, i, 1, RW, 0);
	for (unsigned i = 0; i < 1000; i++) {
		add(e, 1, i, 1, RW, 0);
		extents_remove(e, 1, i, true);
	}
	for (unsigned i = 0; i < 300; i++) {
		extents_remove(e, 0, i % 100, true);
		T_EQ(add(e, 0, i % 100, 1, RW, 0), 1);
	}
	for (unsigned n = 0; n < 100; n += v.n) {
		T_ASSERT(extents_pick(e, 0, 16, NULL, NULL, &v, &wait_ms));
		for (unsigned i = 0; i < v.n; i++)
			extents_remove(e, v.region, v.first + i, true);
	}
}

/* A re-fault is known as such for a while, in chunks that stay and in those that are gone;
 * what was removed for good is not. */
static void test_refaults(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	unsigned n_known = 0;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 1000; i++)
		T_EQ(add(e, 0, i, 1, RW, 0), 0);
	extents_remove(e, 0, 1, true);
	extents_remove(e, 0, 2, false);
	extents_remove(e, 0, 3, true);
	T_EQ(add(e, 0, 1, 3, RW, 0), 2);
	extents_remove(e, 0, 1, true);
	T_EQ(add(e, 0, 1, 2, RW, 0), 2);

	T_EQ(add(e, 1, 77777, 1, RW, 0), 0);
	extents_remove(e, 1, 77777, true);
	T_EQ(add(e, 1, 77776, 2, RW, 0), 1);

	/* Also when there is much more by then. */
	for (unsigned i = 0; i < 20; i++) {
		add(e, 2, 16 * i, 1, RW, 0);
		extents_remove(e, 2, 16 * i, true);
	}
	for (unsigned i = 0; i < 5000; i++)
		add(e, 3, 16 * i, 1, RW, 0);
	for (unsigned i = 0; i < 20; i++)
		n_known += add(e, 2, 16 * i, 1, RW, 0);
	T_ASSERT(n_known >= 12);
}

/* So many granules are evicted and come again; one is used all the time. */
static void turn_over(struct extents *e, unsigned n, uint64_t used)
{
	struct extents_victim v;
	uint32_t wait_ms;

	for (unsigned i = 0; i < n; i++) {
		extents_touch(e, 0, used, 0);
		T_ASSERT(extents_pick(e, 0, 1, NULL, NULL, &v, &wait_ms));
		T_ASSERT(v.first != used);
		extents_remove(e, v.region, v.first, true);
		add(e, v.region, v.first, 1, RW, 0);
	}
}

/* What went longer ago than a turnover is no re-fault, however long, in a chunk that stays
 * and in one that does not. */
static void test_ghosts_end(void)
{
	for (unsigned n = 0; n < 8000; n += 100) {
		_cleanup_(extents_freep) struct extents *e = NULL;
		unsigned n_known;

		T_OK(extents_new(&e, 0));
		for (unsigned i = 0; i < 1000; i++)
			add(e, 0, i, 1, RW, 0);
		add(e, 1, 5, 1, RW, 0);
		extents_remove(e, 0, 500, true);
		extents_remove(e, 1, 5, true);
		turn_over(e, n, 501);
		n_known = add(e, 0, 500, 1, RW, 0) + add(e, 1, 5, 1, RW, 0);
		T_ASSERT(n > 400 || n_known == 2);
		T_ASSERT(n < 1100 || n_known == 0);
	}
}

/* Holes are filled on the way, but nothing is met twice or missed. */
static void test_walk_with_holes(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	static unsigned char n_met[20000];
	unsigned region, n, access;
	size_t cursor = 0;
	uint64_t first;

	seed = 2;
	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 20000; i++)
		add(e, 0, 16 * i, 1, RW, 0);
	for (unsigned i = 0; i < 5000; i += 10)
		extents_remove(e, 0, 16 * (4990 - i), false);
	while (extents_next(e, &cursor, &region, &first, &n, &access)) {
		T_EQ(n_met[first / 16]++, 0);
		if (below(2))
			extents_remove(e, 0, first, false);
	}
	for (unsigned i = 0; i < 20000; i++)
		T_EQ(n_met[i], i >= 5000 || i % 10 != 0);
}

/* Bytes for each extent, at the worst moment of filling, replacing and thinning out. */
static void check_isolated(unsigned n_extents)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	unsigned n = 0;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < 4 * n_extents; i++) {
		uint64_t granule = next_random(&seed) % (FARTHEST / 16) * 16;

		if (extents_access(e, i % 7, granule))
			continue;
		if (n >= n_extents) {
			struct extents_victim v;
			uint32_t wait_ms;

			T_ASSERT(extents_pick(e, 0, 16, NULL, NULL, &v, &wait_ms));
			extents_remove(e, v.region, v.first, true);
			n--;
		}
		add(e, i % 7, granule, 1, RW, 0);
		if (++n >= 3000 && i % 61 == 0)
			T_ASSERT(extents_footprint(e) <= 32 * (size_t)n);
	}
	while (n > 0) {
		unsigned region, run, access, stay = n;
		size_t cursor = 0;
		uint64_t first;

		while (extents_next(e, &cursor, &region, &first, &run, &access))
			if (below(3) == 0 || stay < 3000) {
				extents_remove(e, region, first, false);
				if (--n >= 3000)
					T_ASSERT(extents_footprint(e) <= 34 * (size_t)n);
			}
	}
	T_ASSERT(extents_footprint(e) < 32000);
}

static void test_footprint_isolated(void)
{
	seed = 3;
	check_isolated(3000);
	check_isolated(10007);
	check_isolated(150000);
}

static void test_footprint_dense(void)
{
	_cleanup_(extents_freep) struct extents *e = NULL;
	unsigned n_granules = 1 << 18;

	T_OK(extents_new(&e, 0));
	for (unsigned i = 0; i < n_granules; i++)
		add(e, 0, i, 1, RW, 0);
	T_ASSERT(extents_footprint(e) <= 2 * n_granules);

	/* A window that walks on, evicted behind: no ghosts without bound. */
	for (unsigned i = 0; i < 4 * n_granules; i++) {
		extents_remove(e, 0, i, true);
		add(e, 0, n_granules + i, 1, RW, 0);
	}
	T_ASSERT(extents_footprint(e) <= 4 * n_granules);
}

/* On each trace at least as good as FIFO, but for chance; where pages are popular, nearly as
 * good as one that sees all visits. */
static void test_hit_ratio(void)
{
	for (size_t i = 0; i < n_traces(); i++) {
		struct trace t = trace_make(i, (struct trace_size){ 4000, 200000 });
		size_t fifo = fifo_hits(&t), lru = lru_hits(&t), apart = extents_hits(&t, 16, 1);
		size_t dense = extents_hits(&t, 1, 16), slack = t.n_visits / 1000;

		if (apart + slack < fifo || dense + slack < fifo)
			t_fail(__FILE__, __LINE__, "%s: FIFO %zu, ours %zu and dense %zu", t.name, fifo, apart, dense);
		if (strncmp(t.name, "zipf 0.99, 2x", 13) == 0)
			T_ASSERT(apart * 100 >= lru * 95 && dense * 100 >= lru * 95);
		trace_free(&t);
	}
}

/* A cache that is compared with must be what its name says. */
static void test_comparators(void)
{
	static uint32_t visits[] = { 0, 1, 2, 0, 3, 0, 1, 4, 2, 0 };
	struct trace t = { "by hand", 5, 3, sizeof(visits) / sizeof(*visits), visits };

	T_EQ(fifo_hits(&t), 1);
	T_EQ(lru_hits(&t), 2);
	T_EQ(optimum_hits(&t), 4);
}

int main(void)
{
	t_run(test_empty);
	t_run(test_model);
	t_run(test_only_skipped);
	t_run(test_grace);
	t_run(test_grace_is_of_granules);
	t_run(test_hand_follows_no_place);
	t_run(test_not_twice_in_a_row);
	t_run(test_runs);
	t_run(test_scan_resistance);
	t_run(test_all_have_credit);
	t_run(test_refaults);
	t_run(test_ghosts_end);
	t_run(test_walk_with_holes);
	t_run(test_footprint_isolated);
	t_run(test_footprint_dense);
	t_run(test_comparators);
	t_run(test_hit_ratio);
	return 0;
}
