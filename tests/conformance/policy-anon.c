/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Zeroed memory, kept or thrown away. */
#include "policy-fixture.h"

static bool set_up(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)access;
	(void)why;
	(void)why_size;
	*ret = (struct policy_case){ .ops = &policy_anon };
	return true;
}

static bool set_up_discard(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	set_up(access, ret, why, why_size);
	ret->settings[ret->n_settings++] = (struct policy_setting){ "discard", "yes" };
	return true;
}

const struct policy_fixture policy_anon_fixture = {
	.name = "anon",
	.granule = 16 << 10,
	.n_granules = 32,
	.is_private = true,
	.backing = BACKING_KEPT,
	.set_up = set_up,
};

const struct policy_fixture policy_anon_discard_fixture = {
	.name = "anon, discard",
	.granule = 16 << 10,
	.n_granules = 32,
	.discards = true,
	.is_private = true,
	.backing = BACKING_FILLED,
	.set_up = set_up_discard,
};
