#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How good eviction is, and what the book-keeping of mapped memory costs.
set -eu
exec timeout 120 "${IOPFD_BUILD:-build}/tests/bench/evict-trace"
