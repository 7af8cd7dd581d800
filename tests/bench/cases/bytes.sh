#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 1 -d 1 -m 1G -H 64
# A device that touches memory that is not there yet, in order, each page once, with real
# DMA: B5 4K pages, mapped 256K at once, B6 2M pages. And what it is worth to the daemon that it
# maps ahead of the device, and costs where there is no order.
. "${0%/*}/../lib/guest.sh"

iova=0x100000000 size=96M pages=$((96 << 8))

ahead=2M # the default
small() {
	case $1 in
	ours)
		ours dma0 <<-END
		workers = 1
		[region space/heap]
		iova = $iova
		length = $size
		granule = 4K
		merge = 256K
		fault-around = 256K
		populate-ahead = $ahead
		[device dma0]
		address = 0000:01:00.0
		space = space
		bus-master = yes
		END
		;;
	a) stands_in one-at-a-time idle=sleep address=0000:01:00.0 iova=$iova size=$size ;;
	b) stands_in limit granule=256K address=0000:01:00.0 iova=$iova size=$size ;;
	d) stands_in pin address=0000:01:00.0 iova=$iova size=$size ;;
	esac
}

huge() {
	case $1 in
	ours)
		ours dma0 <<-END
		workers = 1
		[region space/heap]
		iova = $iova
		length = $size
		granule = 2M
		policy = hugepage
		page-size = 2M
		fallback = invalid
		[device dma0]
		address = 0000:01:00.0
		space = space
		bus-master = yes
		END
		;;
	a) stands_in one-at-a-time memory=huge idle=sleep address=0000:01:00.0 iova=$iova size=$size ;;
	b) stands_in limit memory=huge granule=2M address=0000:01:00.0 iova=$iova size=$size ;;
	d) stands_in pin memory=huge address=0000:01:00.0 iova=$iova size=$size ;;
	esac
}

# stream BENCHMARK WHO KIND: the start counts for those who make memory then
stream() {
	asked "$1" || return 0
	case $2 in
	c) record "$1" c "" "$bench/umap" size=$size ;;
	*)
		$3 "$2"
		record "$1" "$2" "" "$bench/load-dma" pid="$server" mode=stream iova=$iova size=$size depth=16
		server_stop
		;;
	esac
}

started() {
	asked "$1" || return 0
	begin=$(date +%s%N)
	$2 d
	echo "$1 d start_ms $((($(date +%s%N) - begin) / 1000000))"
	server_stop
}

# with_ahead SIZE PREFIX
with_ahead() {
	asked B5 || return 0
	ahead=$1
	for mode in stream random; do
		small ours
		record B5 ours "$2${mode}_" "$bench/load-dma" pid="$server" mode=$mode iova=$iova size=$size depth=16 count=8000
		server_stop
	done
	ahead=2M
}

all() {
	case $1 in
	d)
		started B5 small
		started B6 huge
		;;
	*)
		profiled "$1" $pages stream B5 "$1" small
		profiled "$1" $pages stream B6 "$1" huge
		;;
	esac
	[ "$1" = ours ] || return 0
	with_ahead 2M ahead_
	with_ahead 0 demand_
	record B5 vm "" "$bench/memset" size=$size
}

for_rounds all ours a b c d
