#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: uml -c 1 -m 1G
# How many faults a CPU serves, on the kernel's mock device: B3 random pages that exist, B4
# pages in order, merged, B7 half of the faults for pages of the other half.
. "${0%/*}/../lib/guest.sh"

size=64M
serve() {
	case $1 in
	ours)
		ours mock0 <<-END
		workers = 1
		[region space/heap]
		iova = 0x1000000
		length = $size
		policy = anon
		granule = 4K
		merge = 64K
		[device mock0]
		address = mock
		space = space
		END
		;;
	a) stands_in one-at-a-time address=mock size=$size memory=warm ;;
	b) stands_in limit address=mock size=$size memory=warm merge=64K ;;
	esac
}

# measure BENCHMARK WHO PREFIX KEY=VALUE...
measure() {
	b=$1 who=$2 prefix=$3
	shift 3
	asked "$b" || return 0
	serve "$who"
	[ "$who" != ours ] || set -- "$@" bus="$bus" region=space/heap
	record "$b" "$who" "$prefix" "$bench/load-mock" pid="$server" size=$size "$@"
	server_stop
	[ "$who" = ours ] || record "$b" "$who" "$prefix" awk -v pages=$((64 << 8)) \
		'$1 == "maps" { print "maps_per_page", $2 / pages }' "$tmp/served"
}

all() {
	measure B3 "$1" "" pattern=random
	measure B4 "$1" "" pattern=seq
	measure B7 "$1" "" pattern=random duplicates=yes
}

for_rounds all ours a b
