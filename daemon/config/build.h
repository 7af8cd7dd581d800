/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From merged sections to struct config, in two steps: the names of the spaces, which the
 * validation needs, and, once everything is valid, the rest.
 */
#pragma once

#include "config/section.h"

/* Every space that is declared by a section of its own, a region, or a device without
 * space=, and every known one that a device names, in this order of appearance. 0 or -ENOMEM. */
int build_spaces(struct config *c, const struct sections *s);

/* Regions and devices of sections that passed the validation. 0 or -ENOMEM. */
int build_rest(struct config *c, const struct sections *s);

/* Index in c->spaces; SIZE_MAX: there is none. The name need not end after length. */
size_t build_find_space(const struct config *c, const char *name, size_t length);
