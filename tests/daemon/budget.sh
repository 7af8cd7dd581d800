#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Budgets of a fraction of what the devices touch, over all spaces and for one of them, with
# two shards: no wrong byte, no failed transfer, and never more mapped than the budget. Then
# a group that does not fit at all.
. "$(dirname "$0")/../lib/daemon.sh"

MIB=$((1 << 20))
mapped() {
	property "space/$1" Space MappedBytes
}
visited() {
	[ "$(engine_counters "$1" | value Visits)" = "$2" ]
}
# Right or wrong; pages that somebody else's faults have mapped meanwhile are not refused.
ended() {
	engine_counters "$1" > "$tmp/ended"
	[ $(($(value Visits < "$tmp/ended") + $(value VisitsFailed < "$tmp/ended"))) = "$2" ]
}
statistic() {
	test "$(property "$1" Statistics "$2")" "$3" "$4" || fail "$1: $2 is $(property "$1" Statistics "$2"), not $3 $4"
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		memory-budget = 12M
		[space b]
		budget = 4M
		[region a/heap]
		iova = 0x100000000
		length = 24M
		granule = 16K
		[region a/scratch]
		iova = 0x200000000
		length = 8M
		granule = 64K
		merge = 256K
		[region b/heap]
		iova = 0x100000000
		length = 16M
		granule = 4K
		[device zipf]
		address = sim:channels=2,count=30000,pattern=zipf,depth=4,seed=3
		space = a
		[device seq]
		address = sim:count=16384,group=8,depth=2
		space = a
		[device small]
		address = sim:count=20000,pattern=random,group=4,seed=5
		space = b
	EOT
	)
	daemon_start --config="$conf"
	highest=0 polls=0
	until visited zipf 60000 && visited seq 16384 && visited small 20000; do
		b=$(mapped b) a=$(mapped a)
		[ "$b" -le $((4 * MIB)) ] || fail "$b bytes of space b are mapped"
		[ "$a" -le $((12 * MIB)) ] || fail "$a bytes of space a are mapped"
		[ "$a" -le $highest ] || highest=$a
		polls=$((polls + 1))
		[ $polls -lt 2000 ] || fail "the devices do not come to an end"
	done
	# The sum only now, when nothing moves: two reads are of two moments, and what went from
	# one space to the other between them would count twice.
	a=$(mapped a) b=$(mapped b)
	[ $((a + b)) -le $((12 * MIB)) ] || fail "$a and $b bytes are mapped at the end"
	[ $highest -gt $((4 * MIB)) ] || fail "space a never had more than $highest bytes"
	for device in zipf seq small; do
		check_data $device
		check_equation device/$device
		statistic device/$device ResponsesInvalid -eq 0
	done
	for space in a b; do
		check_equation space/$space
		statistic space/$space Evictions -gt 0
		statistic space/$space GroupsOverBudget -eq 0
		all_statistics space/$space > "$tmp/space"
		[ $(($(value BytesMapped < "$tmp/space") - $(value BytesUnmapped < "$tmp/space"))) = "$(mapped $space)" ] ||
			fail "space $space: mapped and unmapped bytes do not add up to $(mapped $space)"
	done
	statistic "" GroupsOverBudget -eq 0
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"

	# 16 pages in as many granules: 1 MiB for a group, of a budget of half of that
	conf=$(config "large-$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 1
		[space tight]
		budget = 512K
		[region tight/heap]
		iova = 0x100000000
		length = 16M
		granule = 64K
		[device wide]
		address = sim:count=160,group=16,pattern=stride
		space = tight
		[device narrow]
		address = sim:count=4000,pattern=random,group=2
		space = tight
		[region other/heap]
		iova = 0x100000000
		length = 16M
		[device other]
		address = sim:count=20000,pattern=zipf
	EOT
	)
	daemon_start --config="$conf"
	wait_for 60 visited narrow 4000
	wait_for 60 visited other 20000
	wait_for 60 ended wide 160
	statistic space/tight GroupsOverBudget -gt 0
	statistic device/wide ResponsesInvalid -eq "$(property space/tight Statistics GroupsOverBudget)"
	statistic device/narrow ResponsesInvalid -eq 0
	for device in wide narrow other; do
		check_equation device/$device
		[ "$(engine_counters $device | value DataErrors)" = 0 ] || fail "$device: wrong bytes"
	done
	check_data narrow
	check_data other
	[ "$(mapped tight)" -le $((512 << 10)) ] || fail "$(mapped tight) bytes are mapped"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"
done
