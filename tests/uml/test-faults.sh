#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Faults of the kernel's mock device: what the kernel says it was answered is what the daemon
# says it answered, over both loops, with one shard and with two.
. "${0%/*}/../lib/machine.sh"
machine uml -c 2 -m 1G -t 110

faults() {
	bus_start
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = $2
	[region here/heap]
	iova = 0x2000000
	length = 256M
	policy = anon
	granule = 4K
	[region here/coarse]
	iova = 0x20000000
	length = 64M
	policy = anon
	granule = 1M
	[region there/heap]
	iova = 0x1000000
	length = 64M
	policy = anon
	granule = 4K
	[device mock0]
	address = mock:pasid
	space = here
	pasid = 7:there
	[device mock1]
	address = mock
	space = there
	END
	drive state device=mock0
	drive state device=mock1
	zero="pid=$daemon device=mock0 index=0"
	one="pid=$daemon device=mock1 index=1"
	drive groups $zero region=here/heap iova=0x2000000 size=16M
	drive groups $zero region=here/coarse iova=0x20000000 size=16M
	drive groups $zero pasid=7 region=there/heap iova=0x1000000 size=16M
	drive groups $one region=there/heap iova=0x1000000 at=16M size=16M
	drive oversized $zero region=here/heap iova=0x2000000 at=16M size=16M records=3000
	drive oversized $one region=there/heap iova=0x1000000 at=32M size=16M records=2049
	drive refuse $zero region=here/heap iova=0x2000000 at=32M size=16M bad=0x70000000
	drive refuse $zero pasid=7 region=there/heap iova=0x1000000 at=48M size=1M bad=0x20000000
	drive permissions $zero region=here/heap iova=0x2000000 at=48M size=1M
	drive unattached $zero pasid=9 region=here/heap iova=0x2000000 size=1M
	drive storm $zero region=here/heap iova=0x2000000 at=64M size=64M count=100000
	drive storm $one region=there/heap iova=0x1000000 at=48M size=16M count=20000 seed=3
	drive stale $one region=there/heap iova=0x1000000 size=64M
	drive stale $zero pasid=7 region=there/heap iova=0x1000000 size=64M
	drive groups $zero pasid=7 region=there/heap iova=0x1000000 size=16M
	drive stop $zero region=here/heap iova=0x2000000 at=128M size=32M &
	driver=$!
	wait "$daemon" || fail "the daemon ended with $?"
	wait_all $driver
}

faults io_uring 1
faults libevent 2
