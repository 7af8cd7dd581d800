#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon ends while page requests wait for it: the queue is served, then the devices are
# detached, nothing hangs, and the next daemon serves them again.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 1 -m 1G -t 280

stop() {
	bus_start
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = 2
	[region first/heap]
	iova = 0x100000000
	length = 256M
	policy = anon
	granule = 4K
	[region second/heap]
	iova = 0x100000000
	length = 256M
	policy = anon
	granule = 4K
	[device dma0]
	address = 0000:01:00.0
	space = first
	pasid = 3:second
	[device dma1]
	address = 0000:02:00.0
	space = second
	END
	active dma0 dma1
	try drained device=dma0,dma1 region=first/heap,second/heap iova=0x100000000 size=256K group=4 depth=16 \
		pid="$daemon" &
	driver=$!
	wait "$daemon" || fail "the daemon ended with $?"
	wait_all $driver
	daemon_restart
	active dma0 dma1
	try drained device=dma0 pasid=3 region=second/heap iova=0x100000000 size=256K group=1 depth=64 \
		pid="$daemon" &
	driver=$!
	wait "$daemon" || fail "the daemon ended with $?"
	wait_all $driver
	daemon_restart
	active dma0 dma1
	drive data device=dma0 region=first/heap iova=0x100000000 size=4M depth=16
	drive data device=dma0 region=second/heap iova=0x100000000 size=4M depth=16 pasid=3
	drive data device=dma1 region=second/heap iova=0x100000000 at=4M size=4M depth=16
	drive totals device=dma0,dma1
	daemon_stop
}

stop io_uring
stop libevent
