#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: uml -c 2 -m 1G
# B10 on two CPUs: two queues of one shard, then of two. The daemon is stopped while 2048
# faults are made, and then has both CPUs for them.
. "${0%/*}/../lib/guest.sh"

# shards WHO NUMBER
shards() {
	ours mock0 mock1 <<-END
	workers = $2
	[region s0/heap]
	iova = 0x1000000
	length = 64M
	granule = 4K
	[region s1/heap]
	iova = 0x1000000
	length = 64M
	granule = 4K
	[device mock0]
	address = mock
	space = s0
	[device mock1]
	address = mock
	space = s1
	END
	record B10 "$1" shards"$2"_ "$bench/load-mock" pid="$server" devices=2 queues=2 size=64M depth=2048 stopped=yes \
		bus="$bus" region=s0/heap,s1/heap
	server_stop
}

all() {
	record B10 "$1" "" "$bench/parallel"
	shards "$1" 1
	shards "$1" 2
}

asked B10 || exit 0
for_rounds all ours
