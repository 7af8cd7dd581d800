/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A model of top on a screen, as a list of all devices or with one of them opened.
 */
#pragma once

#include "ctl/screen.h"
#include "ctl/top-model.h"

struct top_view {
	enum top_order order;
	char selected[TOP_NAME]; /* of a device; kept where the order changes */
	size_t first;            /* device in the first line of the list */
	bool opened;
	const char *trouble;     /* NULL, or why there is nothing new */
};

int top_draw(const struct top_model *m, struct top_view *view, struct screen *s, FILE *out);
