/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses a device: what would lose its disk, its network or its process if the driver went.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* False: nobody, as far as it shows. Else ret says who, without the device's name. */
bool use_find(const char *bdf, char *ret, size_t size);
