#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 1 -d 0 -m 1500M
# The mock device and userfaultfd in one kernel: what one CPU serves, by the CPU time of who
# serves, touching and triggering excluded. B3 random pages, B4 in order, B7 half of the
# faults for pages of the other half, B10 64 devices on 1, 4 and 16 queues. All faults of a
# batch are there before the first of them is read.
. "${0%/*}/../lib/guest.sh"

# serve WHO DEVICES QUEUES SIZE
serve() {
	case $1 in
	ours)
		mock_config "$2" "$3" "$4" merge=64K > "$tmp/config"
		ours mock0 "mock$(($2 - 1))" < "$tmp/config"
		;;
	a) stands_in one-at-a-time address=mock devices="$2" queues="$3" size="$4" memory=warm ;;
	b) stands_in limit address=mock devices="$2" queues="$3" size="$4" memory=warm merge=64K ;;
	esac
}

# measure BENCHMARK WHO PREFIX DEVICES QUEUES SIZE KEY=VALUE...
measure() {
	asked "$1" || return 0
	b=$1 who=$2 prefix=$3 devices=$4 queues=$5 size=$6
	shift 6
	if [ "$who" = c ]; then
		record "$b" c "$prefix" "$bench/umap" size="$size" queues="$queues" depth=64 urgent=yes "$@"
		return
	fi
	serve "$who" "$devices" "$queues" "$size"
	[ "$who" != ours ] || set -- "$@" bus="$bus" region="$(mock_regions "$queues")"
	record "$b" "$who" "$prefix" "$bench/load-mock" pid="$server" devices="$devices" queues="$queues" size="$size" "$@"
	server_stop
}

all() {
	profiled "$1" 8192 measure B3 "$1" vm_ 1 1 32M pattern=random
	profiled "$1" 8192 measure B4 "$1" vm_ 1 1 32M pattern=seq
	profiled "$1" 12288 measure B7 "$1" vm_ 1 1 32M pattern=random duplicates=yes
	[ "$1" != a ] || return 0
	for queues in 1 4 16; do
		profiled "$1" 8192 measure B10 "$1" vm_queues${queues}_ 64 $queues $((32 / queues))M pattern=random
	done
}

for_rounds all ours a b c
