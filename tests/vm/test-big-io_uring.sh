#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 1 -m 1G -t 280
loop=io_uring
. tests/vm/big.sh
