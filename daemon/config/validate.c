/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks across keys and sections. Each finding stands at the key that has to change; of
 * two sections that collide it is the later one, and the text names the other one's place.
 */
#include "config/validate.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "config/budget.h"
#include "config/build.h"
#include "config/usage.h"
#include "config/value.h"

#define IOVA_BITS 47
#define MERGE_GRANULES 64 /* as many as an extent can have */
#define FAULT_AROUND_MAX (2ull << 20)
#define POPULATE_AHEAD_MAX (64ull << 20)
#define MSI_START 0xfee00000ull
#define MSI_END 0xfef00000ull

static int check_required(const struct validation *v, const struct section *s)
{
	for (size_t i = 0; i < key_table_size; i++) {
		const struct key *key = &key_table[i];
		struct diagnostic_place place = section_place(s, key->name);
		int r;

		if (key->kind != s->kind || !key->required || section_entry(s, key->name) || (s->bad >> i & 1))
			continue;
		r = diagnostics_add(v->diagnostics, CONFIG_ERROR, &place, "missing, expected %s", key->expected);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_granule(const struct validation *v, const struct section *s, const char *key, uint64_t value)
{
	struct diagnostic_place place = section_place(s, key), granule = section_place(s, "granule");
	char text[VALUE_SIZE_TEXT_MAX], origin[PATH_MAX] = "default";

	if (!section_has(s, "granule") || !section_has(s, key) || value % s->values.region.granule == 0)
		return 0;
	if (section_entry(s, "granule"))
		snprintf(origin, sizeof(origin), "%s:%u", granule.file, granule.line);
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "0x%" PRIx64 " does not fit the granule, expected a multiple of %s (%s)", value,
			       value_format_size(s->values.region.granule, text), origin);
}

/* What several granules at once may come to. */
static int check_extent(const struct validation *v, const struct section *s, const char *key, uint64_t value,
			uint64_t limit)
{
	struct diagnostic_place place = section_place(s, key);
	char text[VALUE_SIZE_TEXT_MAX], granule[VALUE_SIZE_TEXT_MAX], most[VALUE_SIZE_TEXT_MAX];

	if (!section_has(s, "granule") || !section_has(s, key) || value <= limit)
		return check_granule(v, s, key, value);
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "%s is too large for a granule of %s, expected at most %s",
			       value_format_size(value, text), value_format_size(s->values.region.granule, granule),
			       value_format_size(limit, most));
}

/* For any granule; less than one is nothing. */
static int check_populate(const struct validation *v, const struct section *s)
{
	struct diagnostic_place place = section_place(s, "populate-ahead");
	char text[VALUE_SIZE_TEXT_MAX], most[VALUE_SIZE_TEXT_MAX];

	if (!section_has(s, "populate-ahead") || s->values.region.populate_ahead <= POPULATE_AHEAD_MAX)
		return 0;
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place, "%s is too large, expected at most %s",
			       value_format_size(s->values.region.populate_ahead, text),
			       value_format_size(POPULATE_AHEAD_MAX, most));
}

static int check_mapping(const struct validation *v, const struct section *s)
{
	struct diagnostic_place place = section_place(s, "pinned");
	uint64_t granule = s->values.region.granule;
	int r;

	r = check_extent(v, s, "merge", s->values.region.merge, granule * MERGE_GRANULES);
	if (r == 0)
		r = check_extent(v, s, "fault-around", s->values.region.fault_around, MAX(FAULT_AROUND_MAX, granule));
	if (r == 0)
		r = check_populate(v, s);
	if (r < 0 || !section_has(s, "pinned") || !s->values.region.pinned || !section_has(s, "on-fault") ||
	    s->values.region.on_fault != CONFIG_ON_FAULT_DENY)
		return r;
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "a region with on-fault = deny is never mapped, expected demand or prefault");
}

static int check_region(const struct validation *v, const struct section *s)
{
	uint64_t iova = s->values.region.iova, length = s->values.region.length, limit = 1ull << IOVA_BITS;
	struct diagnostic_place place = section_place(s, "iova");
	int r;

	r = check_granule(v, s, "iova", iova);
	if (r == 0)
		r = check_granule(v, s, "length", length);
	if (r == 0)
		r = check_mapping(v, s);
	if (r < 0 || !section_has(s, "iova"))
		return r;
	if (iova >= limit)
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
				       "0x%" PRIx64 " is too high, expected an address below 2^%d", iova, IOVA_BITS);
	if (!section_has(s, "length"))
		return 0;
	if (length > limit - iova) {
		place = section_place(s, "length");
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
				       "the region ends above 2^%d, expected at most 0x%" PRIx64 " bytes from 0x%" PRIx64,
				       IOVA_BITS, limit - iova, iova);
	}
	if (iova < MSI_END && iova + length > MSI_START)
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
				       "the region touches 0x%llx-0x%llx, where interrupts (MSI) are written; "
				       "expected a region beside it", MSI_START, MSI_END - 1);
	return 0;
}

static int check_space_named(const struct validation *v, const struct section *s, const struct entry *e,
			     const char *name)
{
	struct diagnostic_place place = { e->origin.file, e->origin.line, s->title, e->key->name };
	struct hint hint;
	char guess[64];

	if (v->sections_lost || build_find_space(v->config, name, strlen(name)) != SIZE_MAX)
		return 0;
	hint_init(&hint, name);
	for (size_t i = 0; i < v->config->n_spaces; i++)
		hint_consider(&hint, v->config->spaces[i].name);
	hint_format(&hint, guess, sizeof(guess));
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "no space '%s'%s expected one that has a [space] or [region]", name,
			       *guess ? guess : ",");
}

struct pasid_use {
	uint32_t pasid;
	const struct entry *entry;
};

static int compare_pasids(const void *a, const void *b)
{
	const struct pasid_use *x = a, *y = b;

	if (x->pasid != y->pasid)
		return x->pasid < y->pasid ? -1 : 1;
	return x->entry < y->entry ? -1 : 1;
}

static int check_pasids(const struct validation *v, const struct section *s)
{
	_cleanup_free_ struct pasid_use *uses = calloc(s->n_entries + 1, sizeof(*uses));
	const struct entry *e = NULL;
	size_t n = 0;
	int r = 0;

	if (!uses)
		return -ENOMEM;
	while (r == 0 && (e = section_next(s, "pasid", e))) {
		const char *space;

		uses[n++] = (struct pasid_use){ key_split_pasid(e->value, &space), e };
		r = check_space_named(v, s, e, space);
	}
	qsort(uses, n, sizeof(*uses), compare_pasids);
	for (size_t i = 1; i < n && r == 0; i++) {
		const struct origin *o = &uses[i].entry->origin, *other = &uses[i - 1].entry->origin;
		struct diagnostic_place place = { o->file, o->line, s->title, "pasid" };

		if (uses[i].pasid == uses[i - 1].pasid)
			r = diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
					    "PASID %u is already given at %s:%u, expected each one once",
					    uses[i].pasid, other->file, other->line);
	}
	return r;
}

/* The part that is the same however an address is written: a sysfs path ends in what is an
 * address by itself, and the first PCI domain may be left out. */
static const char *address_core(const char *address, size_t *ret_length)
{
	size_t n = path_length(address);
	const char *slash = memrchr(address, '/', n), *core = slash ? slash + 1 : address;

	if (strncmp(core, "0000:", 5) == 0)
		core += 5;
	*ret_length = (size_t)(address + n - core);
	return core;
}

/* Models are made anew for every device that names them; the rest exists once. */
static bool is_same_device(const char *a, const char *b)
{
	size_t n, m;

	if (strncmp(a, "sim", 3) == 0 || strncmp(a, "mock", 4) == 0)
		return false;
	a = address_core(a, &n);
	b = address_core(b, &m);
	return n == m && strncasecmp(a, b, n) == 0;
}

static int check_address(const struct validation *v, size_t index)
{
	const struct section *s = v->sections->items[index];
	struct diagnostic_place place = section_place(s, "address");

	if (!section_has(s, "address"))
		return 0;
	for (size_t i = 0; i < index; i++) {
		const struct section *other = v->sections->items[i];
		const struct origin *origin;

		if (other->kind != SECTION_DEVICE || !section_has(other, "address") ||
		    !is_same_device(s->values.device.address, other->values.device.address))
			continue;
		origin = &section_entry(other, "address")->origin;
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
				       "'%s' is already the device '%s' (%s:%u), expected another address",
				       s->values.device.address, other->name, origin->file, origin->line);
	}
	return 0;
}

/* What would be for requests without a PASID. */
static int check_without_rid(const struct validation *v, const struct section *s)
{
	struct diagnostic_place rid = section_place(s, "rid"), space = section_place(s, "space"),
				master = section_place(s, "bus-master");
	int r = 0;

	if (section_entry(s, "space"))
		r = diagnostics_add(v->diagnostics, CONFIG_ERROR, &space,
				    "means nothing with rid = no (%s:%u), which leaves the device itself unattached",
				    rid.file, rid.line);
	if (r == 0 && s->values.device.bus_master)
		r = diagnostics_add(v->diagnostics, CONFIG_ERROR, &master,
				    "is set when the device itself is attached, which rid = no (%s:%u) prevents: let the "
				    "driver do it", rid.file, rid.line);
	if (r == 0 && !section_entry(s, "pasid") && !s->values.device.pasids)
		r = diagnostics_add(v->diagnostics, CONFIG_ERROR, &rid,
				    "nothing is left to attach, expected a pasid = N:SPACE or pasids = yes beside it");
	return r;
}

static int check_device(const struct validation *v, size_t index)
{
	const struct section *s = v->sections->items[index];
	const struct entry *e = section_entry(s, "space");
	int r = check_address(v, index);

	if (r == 0 && e)
		r = check_space_named(v, s, e, e->value);
	if (r == 0 && !s->values.device.rid)
		r = check_without_rid(v, s);
	return r < 0 ? r : check_pasids(v, s);
}

struct window {
	const struct section *section;
	size_t space, index;
	uint64_t start, end;
};

static int compare_windows(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int tell_overlap(const struct validation *v, const struct window *a, const struct window *b)
{
	const struct window *later = a->index > b->index ? a : b, *earlier = later == a ? b : a;
	struct diagnostic_place place = section_place(later->section, "iova");
	struct diagnostic_place other = section_place(earlier->section, "iova");

	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "0x%" PRIx64 "-0x%" PRIx64 " overlaps [%s] at %s:%u (0x%" PRIx64 "-0x%" PRIx64
			       "), expected regions that are apart", later->start, later->end - 1, other.section,
			       other.file, other.line, earlier->start, earlier->end - 1);
}

/* Sorted by start, a region collides if it begins before the farthest end so far. */
static int check_overlaps(const struct validation *v)
{
	_cleanup_free_ struct window *windows = calloc(v->sections->n_items + 1, sizeof(*windows));
	const struct window *farthest = NULL;
	size_t n = 0;
	int r = 0;

	if (!windows)
		return -ENOMEM;
	for (size_t i = 0; i < v->sections->n_items; i++) {
		const struct section *s = v->sections->items[i];
		uint64_t end;

		if (s->kind != SECTION_REGION || !section_has(s, "iova") || !section_has(s, "length") ||
		    __builtin_add_overflow(s->values.region.iova, s->values.region.length, &end))
			continue;
		windows[n++] = (struct window){ s, build_find_space(v->config, s->name, section_space_length(s)), i,
						s->values.region.iova, end };
	}
	qsort(windows, n, sizeof(*windows), compare_windows);
	for (size_t i = 0; i < n && r == 0; i++) {
		bool same_space = farthest && farthest->space == windows[i].space;

		if (same_space && windows[i].start < farthest->end)
			r = tell_overlap(v, farthest, &windows[i]);
		if (!same_space || windows[i].end > farthest->end)
			farthest = &windows[i];
	}
	return r;
}

/* What exists is shared as it is. */
static int check_known(const struct validation *v, const struct section *s)
{
	size_t space = build_find_space(v->config, s->name, section_space_length(s));
	struct diagnostic_place place = section_place(s, "");

	if ((s->kind != SECTION_SPACE && s->kind != SECTION_REGION) || !v->config->spaces[space].is_known)
		return 0;
	return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
			       "the space '%s' exists, expected no regions and no budget for it",
			       v->config->spaces[space].name);
}

int validate(const struct validation *v)
{
	int r = 0;

	for (size_t i = 0; i < v->sections->n_items && r == 0; i++) {
		const struct section *s = v->sections->items[i];

		r = check_required(v, s);
		if (r == 0 && s->kind == SECTION_REGION)
			r = check_region(v, s);
		else if (r == 0 && s->kind == SECTION_DEVICE)
			r = check_device(v, i);
		if (r == 0)
			r = check_known(v, s);
	}
	if (r == 0)
		r = check_overlaps(v);
	if (r == 0)
		r = budget_check(v);
	return r < 0 ? r : usage_check(v);
}
