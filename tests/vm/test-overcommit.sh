#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real DMA to three times as much memory as the budget allows, in order and at random, for
# each policy: every byte is right for the device, and in the file that is behind it.
. "${0%/*}/../lib/machine.sh"
machine vm -c 1 -m 1G -H 24 -t 280


overcommit() {
	dd if=/dev/zero of="$direct/image" bs=1M count=24 2> /dev/null
	[ "$(stat -f -c %T "$staged")" != tmpfs ] || fail "$staged is on tmpfs"
	dd if=/dev/zero of="$staged/image" bs=1M count=24 2> /dev/null
	daemon_start <<-END
	[daemon]
	event-loop = $1
	workers = 1
	[space anon]
	budget = 8M
	[region anon/r]
	iova = 0x100000000
	length = 48M
	granule = 16K
	[space huge]
	budget = 16M
	[region huge/r]
	iova = 0x100000000
	length = 48M
	granule = 2M
	policy = hugepage
	page-size = 2M
	fallback = invalid
	[space staged]
	budget = 8M
	[region staged/r]
	iova = 0x100000000
	length = 24M
	granule = 16K
	policy = file
	path = $staged/image
	[space direct]
	budget = 8M
	[region direct/r]
	iova = 0x100000000
	length = 24M
	granule = 16K
	policy = file
	path = $direct/image
	[device dma0]
	address = 0000:01:00.0
	space = anon
	pasid = 2:huge
	pasid = 3:staged
	pasid = 4:direct
	END
	active dma0
	drive data device=dma0 region=anon/r iova=0x100000000 size=24M group=4 depth=8 seed=1
	drive random device=dma0 region=anon/r iova=0x100000000 at=24M size=24M count=12000 depth=16 seed=2
	drive data device=dma0 pasid=2 region=huge/r iova=0x100000000 size=48M group=8 depth=2 seed=3
	drive data device=dma0 pasid=4 region=direct/r iova=0x100000000 size=12M depth=16 seed=4
	drive random device=dma0 pasid=4 region=direct/r iova=0x100000000 at=12M size=12M count=6000 depth=8 seed=5
	# The same jobs through a memory of its own: the file must become what the other is.
	drive blind device=dma0 pasid=3 iova=0x100000000 size=12M depth=16 seed=4
	drive blind device=dma0 pasid=3 iova=0x100000000 at=12M size=12M count=6000 depth=8 seed=5
	busctl --address="$bus" call org.iopfd1 /org/iopfd1/space/staged org.iopfd1.Space Flush s r > /dev/null ||
		fail "Flush"
	cmp "$staged/image" "$direct/image" || fail "after Flush the file is not what the device wrote"
	for space in anon huge staged direct; do
		drive expect object=space/$space counter=Evictions min=4
		drive expect object=space/$space counter=ResponsesInvalid max=0
		drive expect object=space/$space property=MappedBytes max=$((16 << 20))
	done
	# Each of 24 MiB was dirty, some of it again after it had been evicted
	drive expect object=space/staged counter=BytesWrittenBack min=$((12 << 20)) max=$((72 << 20))
	drive totals device=dma0
	# What is changed after the last Flush, stop has to write.
	drive blind device=dma0 pasid=3 iova=0x100000000 size=12M depth=16 seed=6
	drive data device=dma0 pasid=4 region=direct/r iova=0x100000000 size=12M depth=16 seed=6
	daemon_stop
	cmp "$staged/image" "$direct/image" || fail "after stop the file is not what the device wrote"
}

bus_start
staged=$tmp/staged direct=/dev/shm/direct
mkdir -p "$staged" "$direct"
overcommit io_uring
overcommit libevent
