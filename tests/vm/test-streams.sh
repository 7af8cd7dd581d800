#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices that go through memory in order, one stream and several, while what they come to is
# mapped ahead of them: every byte is right, within a budget too, and so it is of huge pages
# that are zeroed ahead.
. "${0%/*}/../lib/machine.sh"
machine vm -d 1 -c 2 -m 1G -H 32 -t 280

bus_start
daemon_start <<END
[daemon]
workers = 1
[region wide/r]
iova = 0x100000000
length = 64M
granule = 4K
merge = 256K
fault-around = 256K
[space tight]
budget = 8M
[region tight/r]
iova = 0x100000000
length = 32M
granule = 4K
merge = 64K
fault-around = 256K
populate-ahead = 4M
[region huge/r]
iova = 0x100000000
length = 48M
granule = 2M
policy = hugepage
page-size = 2M
fallback = invalid
[device dma0]
address = 0000:01:00.0
space = wide
pasid = 2:tight
pasid = 3:huge
END
active dma0
drive data device=dma0 region=wide/r iova=0x100000000 size=32M depth=16 seed=1
drive data device=dma0 region=wide/r iova=0x100000000 at=32M size=16M depth=4 channels=4 seed=2
drive data device=dma0 region=wide/r iova=0x100000000 at=48M size=8M depth=1 seed=3
drive read-first device=dma0 region=wide/r iova=0x100000000 at=56M size=8M depth=8 seed=4
drive data device=dma0 pasid=2 region=tight/r iova=0x100000000 size=24M group=4 depth=16 seed=5
drive data device=dma0 pasid=2 region=tight/r iova=0x100000000 at=24M size=8M channels=2 seed=6
drive data device=dma0 pasid=3 region=huge/r iova=0x100000000 size=48M depth=16 seed=7
drive expect object=space/wide property=MappedBytes min=67108864 max=67108864
drive expect object=space/wide counter=ExtentsAround min=8
drive expect object=space/tight counter=ExtentsAround min=8
drive expect object=space/tight counter=Evictions min=4
drive expect object=space/tight property=MappedBytes max=$((8 << 20))
for space in wide tight huge; do
	drive expect object=space/$space counter=ResponsesInvalid max=0
done
drive totals device=dma0
daemon_stop
