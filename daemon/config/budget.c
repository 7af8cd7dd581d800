/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/budget.h"

#include <string.h>

#include "config/value.h"

/* With room for fewer granules than this, page requests that are in flight together push each
 * other out. */
#define GRANULES_MIN 64

/* What the regions below a budget want to have mapped. */
struct demand {
	uint64_t pinned;
	uint64_t evictable;             /* of regions that can do with less */
	const struct section *coarsest; /* of these the one with the largest granule */
};

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

static void add_region(struct demand *d, const struct section *s)
{
	if (s->kind != SECTION_REGION || !section_has(s, "length") || !section_has(s, "pinned") ||
	    !section_has(s, "on-fault") || s->values.region.on_fault == CONFIG_ON_FAULT_DENY)
		return;
	if (s->values.region.pinned) {
		d->pinned = add_saturating(d->pinned, s->values.region.length);
		return;
	}
	d->evictable = add_saturating(d->evictable, s->values.region.length);
	if (section_has(s, "granule") &&
	    (!d->coarsest || s->values.region.granule > d->coarsest->values.region.granule))
		d->coarsest = s;
}

/* space: NULL stands for all of them. */
static struct demand gather(const struct validation *v, const char *space)
{
	struct demand d = { 0 };

	for (size_t i = 0; i < v->sections->n_items; i++) {
		const struct section *s = v->sections->items[i];
		size_t length = section_space_length(s);

		if (!space || (strlen(space) == length && memcmp(space, s->name, length) == 0))
			add_region(&d, s);
	}
	return d;
}

static int check(const struct validation *v, const struct section *s, const char *key,
		 const struct config_budget *budget, const struct demand *d)
{
	struct diagnostic_place place = section_place(s, key), granule_place;
	char text[VALUE_SIZE_TEXT_MAX], other[VALUE_SIZE_TEXT_MAX];
	uint64_t left, granule;

	if (!section_has(s, key) || budget->is_percent || !budget->value)
		return 0;
	if (d->pinned > budget->value)
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &place,
				       "the pinned regions are larger, expected at least their %s",
				       value_format_size(d->pinned, text));
	if (!d->coarsest)
		return 0;
	left = budget->value - d->pinned;
	granule = d->coarsest->values.region.granule;
	granule_place = section_place(d->coarsest, "granule");
	value_format_size(granule, text);
	if (granule > left)
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &granule_place,
				       "one granule of %s is more than the budget at %s:%u, which is %s%s; "
				       "expected a smaller granule or a larger budget", text, place.file, place.line,
				       value_format_size(left, other), d->pinned ? " without the pinned regions" : "");
	/* What fits as a whole needs no room to move. */
	if (left / GRANULES_MIN >= granule || d->evictable <= left)
		return 0;
	return diagnostics_add(v->diagnostics, CONFIG_WARNING, &place,
			       "less than %d granules of %s for [%s] (%s:%u): it will thrash, expected at least %s",
			       GRANULES_MIN, text, granule_place.section, granule_place.file, granule_place.line,
			       value_format_size(add_saturating(d->pinned, granule * GRANULES_MIN), other));
}

int budget_check(const struct validation *v)
{
	int r = 0;

	for (size_t i = 0; i < v->sections->n_items && r == 0; i++) {
		const struct section *s = v->sections->items[i];
		struct demand d;

		if (s->kind == SECTION_DAEMON) {
			d = gather(v, NULL);
			r = check(v, s, "memory-budget", &s->values.daemon.memory_budget, &d);
		} else if (s->kind == SECTION_SPACE) {
			d = gather(v, s->name);
			r = check(v, s, "budget", &s->values.space.budget, &d);
		}
	}
	return r;
}
