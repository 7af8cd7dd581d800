#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The other loop, and second-stage page tables
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 1 -m 1G -t 280 -O x-flts=off
loop=libevent
. tests/vm/big.sh
