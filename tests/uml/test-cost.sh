#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the daemon costs: memory for each extent, and nothing at all while nothing happens.
# timeout: 240
. "${0%/*}/../lib/machine.sh"
machine uml -c 1 -m 1500M -t 230

cost() {
	bus_start
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = 2
	[region space/heap]
	iova = 0x1000000
	length = 1G
	policy = anon
	granule = 4K
	[region other/heap]
	iova = 0x1000000
	length = 1M
	policy = anon
	[device mock0]
	address = mock
	space = space
	[device mock1]
	address = mock
	space = other
	END
	drive state device=mock0
	drive state device=mock1
	one="pid=$daemon device=mock0 region=space/heap iova=0x1000000"
	drive memory $one at=820M size=160M step=8K
	drive memory $one size=800M
	drive idle pid="$daemon" seconds=10
	daemon_stop
}

cost io_uring
cost libevent
