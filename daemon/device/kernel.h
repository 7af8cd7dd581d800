/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the running kernel can do for us, asked of it, not of its version.
 */
#pragma once

#include <stddef.h>

#define KERNEL_FEATURES_MAX 4

/* Names, each a constant; returns how many. What cannot be asked, for lack of rights, is left
 * out. */
size_t kernel_features(const char *ret[KERNEL_FEATURES_MAX]);
