#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two CPUs, two shards: two devices share a space, and one device is in three spaces by its
# RID and two PASIDs, of which some live on another shard.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 2 -m 1G -t 280

spaces() {
	bus_start
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = 2
	[region shared/heap]
	iova = 0x100000000
	length = 64M
	policy = anon
	granule = 4K
	[region left/heap]
	iova = 0x100000000
	length = 64M
	policy = anon
	granule = 4K
	[region right/heap]
	iova = 0x40000000
	length = 64M
	policy = anon
	granule = 64K
	[device dma0]
	address = 0000:01:00.0
	space = shared
	pasid = 5:left
	pasid = 200:right
	[device dma1]
	address = 0000:02:00.0
	space = shared
	END
	active dma0 dma1
	drive data device=dma0,dma1 region=shared/heap iova=0x100000000 size=16M group=4 depth=16

	try data device=dma0 region=shared/heap iova=0x100000000 at=16M size=8M depth=16 seed=1 &
	p1=$!
	try data device=dma0 pasid=5 region=left/heap iova=0x100000000 size=8M depth=16 seed=2 first-channel=3 &
	p2=$!
	try data device=dma0 pasid=200 region=right/heap iova=0x40000000 size=8M group=8 depth=2 seed=3 \
		first-channel=5 &
	p3=$!
	try random device=dma1 region=shared/heap iova=0x100000000 at=32M size=8M count=4000 depth=16 seed=4 &
	p4=$!
	wait_all $p1 $p2 $p3 $p4

	# What the PASIDs wrote is not what the RID sees: the spaces are different
	drive ops device=dma0 pasid=5 region=left/heap iova=0x100000000 at=8M size=1M seed=5
	drive ops device=dma0 region=shared/heap iova=0x100000000 at=40M size=1M seed=6
	drive refuse device=dma0 pasid=5 iova=0x40000000 size=64K op=touch-write group=4

	# Spaces are spread over both shards, and each had its share
	drive expect object=space/shared counter=FaultsTotal min=8192
	drive expect object=space/left counter=FaultsTotal min=2048
	drive expect object=space/right counter=FaultsTotal min=128
	drive expect object=device/dma0 counter=FaultsPasid min=2176
	drive totals device=dma0,dma1
	shards
	daemon_stop
}

# Each thread of a shard used the CPU
shards() {
	busy=0
	for t in /proc/"$daemon"/task/*; do
		case $(cat "$t/comm") in
		iopfd-shard*) [ "$(awk '/^voluntary/ { print $2 }' "$t/status")" -lt 20 ] || busy=$((busy + 1)) ;;
		esac
	done
	[ $busy = 2 ] || fail "$busy shards worked"
}

spaces io_uring
spaces libevent
