#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Four devices with more page requests in flight than the IOMMU's queue can hold: the kernel
# drops what does not fit, the devices ask again, and nothing is lost.
. "${0%/*}/../lib/machine.sh"
machine vm -d 4 -o pri-cap=4096 -O x-flts=off -c 2 -m 2G -t 280

config() {
	echo '[daemon]'
	echo 'event-loop = io_uring'
	echo 'workers = 2'
	for i in 0 1 2 3; do
		echo "[region space$i/heap]"
		echo 'iova = 0x100000000'
		echo 'length = 128M'
		echo 'policy = anon'
		echo 'granule = 4K'
		echo "[device dma$i]"
		echo "address = 0000:0$((i + 1)):00.0"
		echo "space = space$i"
	done
}

bus_start
config > "$tmp/config"
daemon_start < "$tmp/config"
active dma0 dma1 dma2 dma3
all="device=dma0,dma1,dma2,dma3 region=space0/heap,space1/heap,space2/heap,space3/heap iova=0x100000000"
drive data $all size=16M group=64 depth=64
drive data $all at=16M size=32M group=64 depth=64 channels=8 seed=1
drive data $all at=48M size=64M group=64 depth=64 channels=8 seed=2 overflow=yes
drive random $all at=112M size=16M group=64 depth=64 count=8192
drive expect counter=FaultsPending max=0
daemon_stop
