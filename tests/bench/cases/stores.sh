#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 1 -d 1 -m 1G
# Pages of a file, with real DMA: B8 at random, the file in the page cache, B9 half of them
# fit, and what is evicted goes back to the file.
. "${0%/*}/../lib/guest.sh"

iova=0x100000000 size=32M
[ "$(stat -f -c %T "$tmp")" != tmpfs ] || fail "a file on tmpfs would be mapped itself"
head -c 32M /dev/zero > "$tmp/image"

# serve WHO BUDGET
serve() {
	case $1 in
	ours)
		budget=$2
		[ "$budget" != $size ] || budget=none
		ours dma0 <<-END
		workers = 1
		[space space]
		budget = $budget
		[region space/heap]
		iova = $iova
		length = $size
		granule = 4K
		policy = file
		path = $tmp/image
		[device dma0]
		address = 0000:01:00.0
		space = space
		bus-master = yes
		END
		;;
	b) stands_in limit-file path="$tmp/image" budget="$2" address=0000:01:00.0 iova=$iova size=$size ;;
	esac
}

random() {
	asked "$1" || return 0
	serve "$2" "$3"
	record "$1" "$2" vm_ "$bench/load-dma" pid="$server" mode=random iova=$iova size=$size depth=64 count="$4"
	server_stop
}

all() {
	random B8 "$1" $size 10000
	random B9 "$1" 16M 10000
}

for_rounds all ours b
