#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 1 -d 1 -m 1G
# Pages of a file, with real DMA: B8 at random, the file in the page cache, B9 half of them
# fit, and what is evicted goes back to the file. On ext4: the machine's own files are on a
# tmpfs below an overlay, which knows neither reads nor writes that do not wait.
. "${0%/*}/../lib/guest.sh"

iova=0x100000000 size=32M
truncate -s 64M "$tmp/disk"
PATH=$PATH:/usr/sbin:/sbin
mke2fs -q -t ext4 "$tmp/disk"
mkdir "$tmp/ext4"
mount -o loop "$tmp/disk" "$tmp/ext4" || fail "no ext4"
image=$tmp/ext4/image
head -c 32M /dev/zero > "$image"
sync

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
		path = $image
		[device dma0]
		address = 0000:01:00.0
		space = space
		bus-master = yes
		END
		;;
	a) stands_in limit-file batch=1 path="$image" budget="$2" address=0000:01:00.0 iova=$iova size=$size ;;
	b) stands_in limit-file path="$image" budget="$2" address=0000:01:00.0 iova=$iova size=$size ;;
	esac
}

random() {
	asked "$1" || return 0
	if [ "$2" = c ]; then
		record "$1" c vm_ "$bench/umap" mode=random path="$image" capacity="$3" size=$size depth=64 count="$4"
		return
	fi
	serve "$2" "$3"
	record "$1" "$2" vm_ "$bench/load-dma" pid="$server" mode=random iova=$iova size=$size depth=64 count="$4"
	server_stop
}

all() {
	profiled "$1" 10000 random B8 "$1" $size 10000
	[ "$1" = a ] || profiled "$1" 10000 random B9 "$1" 16M 10000
	[ "$1" != ours ] || ! asked B8 || [ ! -x "$bench/reads" ] ||
		record B8 vm vm_ "$bench/reads" path="$image" size=$size count=50000
}

for_rounds all ours a b c
