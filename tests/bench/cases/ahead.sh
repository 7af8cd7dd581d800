#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 2 -d 1 -m 1G
# B17 pages that are made before they are asked for, with real DMA: (b) is the daemon that
# makes none. A device that goes through memory in order and does something with each granule,
# and one that jumps about, for which it is in vain.
. "${0%/*}/../lib/guest.sh"

iova=0x100000000 size=128M

# serve SIZE: of what is made ahead
serve() {
	ours dma0 <<-END
	workers = 1
	cpus = 0-1
	[region space/heap]
	iova = $iova
	length = $size
	granule = 64K
	populate-ahead = $1
	[device dma0]
	address = 0000:01:00.0
	space = space
	bus-master = yes
	END
}

# measure WHO SIZE
measure() {
	serve "$2"
	record B17 "$1" "" "$bench/load-dma" pid="$server" mode=single iova=$iova size=$size count=2000 pause-us=200
	server_stop
	serve "$2"
	record B17 "$1" random_ "$bench/load-dma" pid="$server" mode=random iova=$iova size=$size count=4000 depth=8
	server_stop
}

all() {
	case $1 in
	ours) measure ours 2M ;;
	b) measure b 0 ;;
	esac
}

for_rounds all ours b
