#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is not plain reading and writing: windows that are refused, groups without an end, all
# credits in use, regions that are mapped before they are touched, larger granules, a device
# whose driver does not come through the daemon.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -o pri-cap=2048 -c 1 -m 1G -t 280

bus_master() {
	[ $(($(od -An -tu2 -j4 -N2 "/sys/bus/pci/devices/$1/config") & 4)) != 0 ]
}

edges() {
	bus_start
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = 1
	[region dma0/heap]
	iova = 0x100000000
	length = 128M
	policy = anon
	granule = 4K
	[region dma0/denied]
	iova = 0x200000000
	length = 1M
	policy = anon
	on-fault = deny
	[region dma0/constant]
	iova = 0x300000000
	length = 1M
	policy = anon
	granule = 4K
	access = r
	[region dma0/sink]
	iova = 0x400000000
	length = 1M
	policy = anon
	granule = 4K
	access = w
	[region dma0/ready]
	iova = 0x500000000
	length = 8M
	policy = anon
	granule = 1M
	on-fault = prefault
	[region dma1/coarse]
	iova = 0x100000000
	length = 64M
	policy = anon
	granule = 2M
	[device dma0]
	address = 0000:01:00.0
	[device dma1]
	address = 0000:02:00.0
	bus-master = yes
	END
	active dma0 dma1

	# The daemon lets a device do DMA only where it is told to; else the driver does
	bus_master 0000:01:00.0 && fail "dma0 is bus master before a driver came"
	bus_master 0000:02:00.0 || fail "dma1 is no bus master"
	one="device=dma0 iova=0x100000000 region=dma0/heap"

	# Outside every region, next to one, in a region that denies, against the rights of one
	drive refuse device=dma0 iova=0x900000000 size=64K op=fill group=4 depth=2
	drive refuse device=dma0 iova=0x108000000 size=4K op=touch-read
	drive refuse device=dma0 iova=0x200000000 size=64K op=sum group=8 depth=4
	drive refuse device=dma0 iova=0x300000000 size=64K op=fill
	drive read-first device=dma0 region=dma0/constant iova=0x300000000 size=64K group=4
	drive refuse device=dma0 iova=0x300000000 size=64K op=touch-write group=4
	drive refuse device=dma0 iova=0x400000000 size=64K op=sum group=4

	drive data device=dma0 region=dma0/ready iova=0x500000000 size=8M requests=0
	drive data device=dma1 bdf=0000:02:00.0 region=dma1/coarse iova=0x100000000 size=16M
	drive expect object=space/dma1 property=ExtentsMapped min=8 max=8
	drive random device=dma1 bdf=0000:02:00.0 region=dma1/coarse iova=0x100000000 at=16M size=48M count=2000 \
		group=8 depth=8
	drive expect object=space/dma1 property=ExtentsMapped min=32 max=32
	drive totals device=dma1 bdf=0000:02:00.0

	drive peak $one pid="$daemon" peak=2048 size=32M group=64 depth=64
	drive totals device=dma0
	drive headless $one at=32M size=32M group=8 depth=16 seed=1
	drive headless $one at=64M size=4M group=1 depth=1 seed=2
	drive data $one at=96M size=8M group=64 depth=4 seed=3
	daemon_stop
}

edges io_uring
edges libevent
