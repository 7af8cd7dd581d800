/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What several verbs ask of the daemon's objects (client_objects()), and how a property is
 * shown to people.
 */
#pragma once

#include <stdio.h>

#include "ctl/variant.h"

/* The i-th object, if it has this interface: its properties there. Else NULL. */
const struct variant *object_at(const struct variant *objects, size_t i, const char *interface);

/* "nvme0" of "/org/iopfd1/device/nvme0" */
const char *object_name(const char *path);

/* By the end of its name a number is bytes, or a time; what is empty is "-". */
void object_print_property(const char *name, const struct variant *v, FILE *out);

/* The same on the heap; NULL: out of memory. */
char *object_property(const char *name, const struct variant *v);
