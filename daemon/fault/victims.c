/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hit is invisible: all that is known about use are faults. This is a clock with two
 * classes, as in 2Q. What faults for the first time is spared once by the hand. What faults
 * again less than about one turnover of the memory after it was evicted (a ghost) gets
 * credit and is spared by CREDIT_ROUNDS rounds, so popular granules stay and a scan passes by
 * them. Credit is right only where the past tells the future. So it must pay: of those
 * evicted with credit, a larger part must come back soon than of those without. As long as
 * it does not, both classes are treated alike, which is FIFO.
 *
 * tests/bench/evict.sh, points of 100 beyond FIFO, granules far apart / dense: zipf 0.99 at
 * 2x +0.9 / +0.8 (that is 98.3 % of LRU's hits, and LRU sees all visits), zipf and a scan +2.8
 * / +3.7, a device with zipf and one that loops +26 / +28, a popularity that shifts 0 / -0.04,
 * phases that fit 0 / -0.04. Dense is not exactly FIFO: within a chunk there is no order.
 *
 * Also tried, on a fifth of that size: credit that need not pay (zipf +1.5 / +1.7, but shifting
 * -0.8, phases 0 / -9), three levels of credit by distance (zipf +1.9 / +2.2, shifting -0.9,
 * phases -2 / -12), up to 7 rounds without classes (zipf +0.7 / +1, two devices -0.5), a
 * further bit for 4 rounds instead of 2 (zipf +0.6 / +0.7, phases 0 / -0.1), a memory of
 * levels across evictions (no better than without).
 */
#include "fault/victims.h"

#include "base/util.h"
#include "fault/extents.h"

/* A fault is a re-fault if the granule was evicted in this epoch or the one before. */
#define GHOST_EPOCHS 2u

/* Rounds by which credit spares, as long as it pays. */
#define CREDIT_ROUNDS 16u

/* To pay, granules with credit must come back so many times as often. */
#define CREDIT_PAYS (4. / 3)

/* One call goes past so many chunks to find the coldest, then it takes what comes. */
#define PATIENCE 8192u

/* The note when a chunk is buried: which granules are ghosts; for all of them, credit and
 * epoch (modulo 8). */
#define NOTE_CREDIT (1u << EXTENTS_CHUNK)
#define NOTE_EPOCH_SHIFT (EXTENTS_CHUNK + 1)

/* Credit is trusted until more is known. */
void victims_init(struct victims *v, uint32_t grace_ms)
{
	*v = (struct victims){ .hand = UINT32_MAX, .grace_ms = grace_ms, .n_evicted = { 2, 2 }, .n_back = { 0, 1 } };
}

static unsigned n_bits(unsigned bits)
{
	return (unsigned)__builtin_popcount(bits);
}

static void set_bits(uint16_t *mask, unsigned bits, bool on)
{
	*mask = (uint16_t)(on ? *mask | bits : *mask & ~bits);
}

/* Absent granules use masks that they do not need otherwise: fresh = it is a ghost, credit
 * stays, joined and again are the epoch (modulo 4) of its eviction. The hand comes by at
 * least once in a turnover, which is two epochs, so the epoch of a ghost is never mistaken. */
static uint16_t find_ghosts(const struct victims *v, const struct chunk *k)
{
	unsigned of_epoch = 0;

	for (unsigned i = 0; i < GHOST_EPOCHS; i++) {
		unsigned epoch = v->epoch - i;

		of_epoch |= (epoch & 1 ? k->joined : ~k->joined) & (epoch & 2 ? k->again : ~k->again);
	}
	return (uint16_t)(of_epoch & k->fresh & ~chunk_present(k));
}

static void make_ghosts(struct chunk *k, uint16_t which, unsigned epoch)
{
	set_bits(&k->fresh, which, true);
	set_bits(&k->joined, which, epoch & 1);
	set_bits(&k->again, which, epoch & 2);
}

static void forget(struct chunk *k, uint16_t which)
{
	set_bits(&k->joined, which, false);
	set_bits(&k->credit, which, false);
	set_bits(&k->again, which, false);
	set_bits(&k->fresh, which, false);
	set_bits(&k->older, which, false);
}

static void roll_window(struct victims *v, uint32_t now_ms)
{
	uint32_t passed = now_ms - v->window_began_ms;

	if (v->grace_ms == 0 || passed < v->grace_ms)
		return;
	v->window = (uint16_t)(v->window + MIN(passed / v->grace_ms, 2u));
	v->window_began_ms = now_ms - passed % v->grace_ms;
}

/* What came in this window or the one before: a grace ago at least, at most two. (After
 * 65536 windows without a visit something may seem to be in grace that is not, once.) */
static uint16_t in_grace(const struct victims *v, const struct chunk *k)
{
	uint16_t age = (uint16_t)(v->window - k->window);

	if (v->grace_ms == 0 || age > 1)
		return 0;
	return (uint16_t)((age == 0 ? k->fresh | k->older : k->fresh) & chunk_present(k));
}

static void make_fresh(const struct victims *v, struct chunk *k, uint16_t extent)
{
	uint16_t present = chunk_present(k), age = (uint16_t)(v->window - k->window);

	if (age > 0) {
		set_bits(&k->older, present, false);
		set_bits(&k->older, age == 1 ? k->fresh & present : 0, true);
		set_bits(&k->fresh, present, false);
		k->window = v->window;
	}
	set_bits(&k->fresh, extent, true);
	set_bits(&k->again, extent, true);
}

static bool note_is_old(const struct victims *v, uint32_t note)
{
	return ((v->epoch - (note >> NOTE_EPOCH_SHIFT)) & 7) >= GHOST_EPOCHS;
}

void victims_on_chunk(const struct victims *v, struct chunks *c, struct chunk *k)
{
	uint32_t note = chunks_exhume(c, k->region, k->number);

	if (!note || note_is_old(v, note))
		return;
	make_ghosts(k, (uint16_t)note, note >> NOTE_EPOCH_SHIFT);
	set_bits(&k->credit, (uint16_t)note, note & NOTE_CREDIT);
}

static unsigned count_back(struct victims *v, const struct chunk *k, uint16_t extent)
{
	uint16_t back = find_ghosts(v, k) & extent;
	unsigned n = n_bits(back), n_credit = n_bits(back & k->credit);

	v->n_back[0] += n - n_credit;
	v->n_back[1] += n_credit;
	return n;
}

unsigned victims_on_add(struct victims *v, struct chunk *k, uint16_t extent, uint32_t now_ms)
{
	unsigned n = k->fresh & extent ? count_back(v, k, extent) : 0;

	set_bits(&k->joined, extent, false);
	set_bits(&k->joined, extent & extent << 1, true);
	set_bits(&k->older, extent, false);
	set_bits(&k->credit, extent, n > 0);
	roll_window(v, now_ms);
	make_fresh(v, k, extent);
	v->proposed = 0;
	return n;
}

static void not_now(struct victims *v, const struct chunk *k, uint16_t extent)
{
	if (chunk_key(k->region, k->number) == v->hand_key)
		set_bits(&v->may_go, extent, false);
	v->proposed = 0;
}

void victims_on_touch(struct victims *v, struct chunk *k, uint16_t extent, uint32_t now_ms)
{
	roll_window(v, now_ms);
	make_fresh(v, k, extent);
	not_now(v, k, extent);
}

static void count_evicted(struct victims *v, unsigned n, bool credit, size_t n_granules)
{
	v->n_evicted[credit] += n;
	v->n_epoch += n;
	if (v->n_epoch * 2 <= n_granules)
		return;
	v->n_epoch = 0;
	v->epoch++;
	for (int i = 0; i < 2; i++) {
		v->n_evicted[i] /= 2;
		v->n_back[i] /= 2;
	}
}

void victims_on_remove(struct victims *v, struct chunks *c, struct chunk *k, uint16_t extent, bool evicted)
{
	bool credit = k->credit & extent;
	uint32_t ghosts;

	not_now(v, k, extent);
	if (evicted) {
		uint32_t *note = chunks_next_note(c);

		/* With a bucket for two chunks and an epoch of half of all granules, each gets
		 * its turn in an epoch. */
		if (note_is_old(v, *note))
			*note = 0;
		count_evicted(v, n_bits(extent), credit, c->n_granules);
		make_ghosts(k, extent, v->epoch);
	} else {
		forget(k, extent);
	}
	ghosts = find_ghosts(v, k);
	if (!chunk_present(k) && ghosts)
		chunks_bury(c, k->region, k->number,
			    ghosts | (credit ? NOTE_CREDIT : 0) | (v->epoch & 7) << NOTE_EPOCH_SHIFT);
}

static bool credit_pays(const struct victims *v)
{
	return v->n_back[1] * v->n_evicted[0] >= CREDIT_PAYS * v->n_back[0] * v->n_evicted[1];
}

/* What of the chunk under the hand may go. The rest is spared once less. */
static uint16_t visit(const struct victims *v, struct chunk *k, bool credit_counts)
{
	uint16_t present = chunk_present(k), able = present & ~in_grace(v, k), cold = able & ~k->again;

	/* Each place has a round of its own in which credit is spent, not all the same. */
	if (credit_counts && (v->n_rounds + v->hand) % CREDIT_ROUNDS != 0)
		able &= ~k->credit;
	set_bits(&k->again, able, false);
	k->fresh &= present | find_ghosts(v, k);
	return cold;
}

/* To the next place. NULL if it is a hole. */
static struct chunk *step(struct victims *v, const struct chunks *c)
{
	struct chunk *k;

	if (++v->hand >= c->n_places) {
		v->hand = c->n_parked;
		v->n_rounds++;
	}
	if (v->hand >= c->n_places)
		return NULL;
	k = chunks_at(c, v->hand);
	return chunk_present(k) ? k : NULL;
}

/* Goes on until something may go: what is cold, or when patience ends whatever is not in
 * grace. After two rounds it ends in any case: what is not cold then has credit, all of it.
 * False if all is in grace or skipped; *ret_later: not all is skipped. */
static bool find_cold(struct victims *v, struct chunks *c, bool (*skip)(void *userdata, unsigned region),
		      void *userdata, bool *ret_later)
{
	uint32_t n_round = c->n_places - c->n_parked, patience = MIN(PATIENCE, 2 * n_round);
	bool pays = credit_pays(v);

	*ret_later = false;
	for (uint32_t i = 0; i <= patience + n_round; i++) {
		struct chunk *k = step(v, c);

		v->may_go = 0;
		if (!k)
			continue;
		if (skip && skip(userdata, k->region)) {
			chunks_park(c, v->hand);
			continue;
		}
		*ret_later = true;
		v->hand_key = chunk_key(k->region, k->number);
		v->may_go = visit(v, k, pays);
		if (i >= patience)
			v->may_go = chunk_present(k) & ~in_grace(v, k);
		v->may_go &= ~chunk_continued_part(k);
		if (v->hand_key == v->proposed_key)
			set_bits(&v->may_go, v->proposed, false);
		if (v->may_go)
			return true;
	}
	return false;
}

/* The first extents of those that may go, as far as they are neighbours. */
static uint16_t cut_run(const struct chunk *k, uint16_t may_go, unsigned max_n)
{
	unsigned joined = k->joined & chunk_present(k), first = (unsigned)__builtin_ctz(may_go), end = first;

	do {
		unsigned next = end + 1;

		while (next < EXTENTS_CHUNK && joined & 1u << next)
			next++;
		if (end > first && next - first > max_n)
			break;
		end = next;
	} while (end < EXTENTS_CHUNK && may_go & 1u << end);
	return (uint16_t)((1u << end) - (1u << first));
}

/* Is something left of the chunk that the hand points at? It may have moved since. */
static bool hand_is_full(const struct victims *v, const struct chunks *c)
{
	const struct chunk *k;

	if (!v->may_go || v->hand >= c->n_places)
		return false;
	k = chunks_at(c, v->hand);
	return chunk_present(k) && chunk_key(k->region, k->number) == v->hand_key;
}

bool victims_pick(struct victims *v, struct chunks *c, uint32_t now_ms, unsigned max_n,
		  bool (*skip)(void *userdata, unsigned region), void *userdata, uint32_t *ret_place,
		  uint16_t *ret_run, uint32_t *ret_wait_ms)
{
	bool later;

	roll_window(v, now_ms);
	chunks_tidy(c);
	if (!hand_is_full(v, c) && !find_cold(v, c, skip, userdata, &later)) {
		v->proposed = 0;
		*ret_wait_ms = !later ? UINT32_MAX : v->grace_ms ? v->grace_ms - (now_ms - v->window_began_ms) : 1;
		return false;
	}
	v->proposed = cut_run(chunks_at(c, v->hand), v->may_go, max_n);
	v->proposed_key = v->hand_key;
	set_bits(&v->may_go, v->proposed, false);
	*ret_place = v->hand;
	*ret_run = v->proposed;
	return true;
}
