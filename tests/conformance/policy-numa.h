/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy-fixture.h"

/* That memory is on the node that the region names, looked at page by page, and that one that
 * does not exist is told. required: there must be several nodes. */
void policy_numa_test(const struct policy_fixture *fixture, bool required);
