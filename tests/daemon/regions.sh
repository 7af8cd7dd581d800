#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the keys of a region mean to a device: pinned, prefault, deny, access, merge and
# fault-around, and the deadline of the daemon; with the counters, exactly, where the device
# decides what is asked for. Then two devices that touch the same pages of a slow store at
# the same moment: one fill and one map for both.
. "$(dirname "$0")/../lib/daemon.sh"

KIB=1024 MIB=$((1 << 20))
plugins=$tmp/policies
mkdir -m 755 "$plugins"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$plugins/trouble.so"

is() {
	[ "$(property "$1" "$2" "$3")" = "$4" ]
}
# expect PATH INTERFACE NAME VALUE
expect() {
	is "$@" || fail "$1: $3 is $(property "$1" "$2" "$3"), not $4"
}
statistic() {
	expect "$1" Statistics "$2" "$3"
}
counter() {
	[ "$(engine_counters "$1" | value "$2")" = "$3" ] || fail "$1: $2 is $(engine_counters "$1" | value "$2"), not $3"
}
ended() {
	engine_counters "$1" > "$tmp/ended"
	[ $(($(value Visits < "$tmp/ended") + $(value VisitsFailed < "$tmp/ended"))) = "$2" ]
}
stop() {
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
}
# device NAME OPTIONS LENGTH SETTING...: with a region of its own
device() {
	printf '[device %s]\naddress = sim:%s\n[region %s/r]\niova = 0x100000000\nlength = %s\n' "$1" "$2" "$1" "$3"
	shift 3
	[ $# = 0 ] || printf '%s\n' "$@"
}
# start NAME LOOP SETTING...: settings of the daemon; the rest on standard input
start() {
	daemon_start --config="$({
		printf '[daemon]\nevent-loop = %s\nplugin-dir = %s\nworkers = 1\n' "$2" "$plugins" && printf '%s\n' "${@:3}" && cat
	} | config "$1-$2")"
}

# Never a fault: all of it is there before the device is, and stays while others are evicted.
pinned() {
	start pinned "$1" <<- EOT
		$(device ring count=4000,pattern=random,group=4 4M 'pinned = yes' 'granule = 16K')
		$(device pushy count=8000,pattern=random 16M 'granule = 16K')
		[space ring]
		budget = 4M
		[space pushy]
		budget = 2M
	EOT
	wait_for 60 ended ring 4000
	wait_for 60 ended pushy 8000
	check_data ring
	check_data pushy
	expect space/ring Space MappedBytes $((4 * MIB))
	statistic space/ring BytesMapped $((4 * MIB))
	statistic space/ring BytesUnmapped 0
	statistic space/ring Evictions 0
	statistic device/ring FaultGroupsTotal 0
	counter ring PageRequests 0
	[ "$(property space/pushy Statistics Evictions)" -gt 0 ] || fail "pushy evicted nothing"
	check_equation device/pushy
	stop
}

# In the background, whether or not the device does anything; what it asks for is not late.
prefault() {
	start prefault "$1" <<- EOT
		$(device idle count=0 8M 'on-fault = prefault' 'granule = 16K')
		$(device busy count=2048,pattern=random 8M 'on-fault = prefault' 'granule = 16K')
	EOT
	wait_for 60 is space/idle Space MappedBytes $((8 * MIB))
	wait_for 60 is space/busy Space MappedBytes $((8 * MIB))
	wait_for 60 ended busy 2048
	check_data busy
	statistic device/idle FaultGroupsTotal 0
	for space in idle busy; do
		statistic space/$space BytesMapped $((8 * MIB))
		expect space/$space Space ExtentsMapped 512
	done
	statistic device/busy ResponsesInvalid 0
	check_equation device/busy
	stop
}

# Every fault is refused, or every one that asks for what the region does not give.
refusals() {
	start refusals "$1" <<- EOT
		$(device deny count=300,pattern=random 4M 'on-fault = deny')
		$(device reads count=300,write=0% 4M 'access = r' 'granule = 4K')
		$(device both count=400,pattern=random,write=50% 4M 'access = r' 'granule = 4K')
		$(device writes count=300,write=100% 4M 'access = w' 'granule = 4K')
		$(device none count=300,write=0% 4M 'access = w' 'granule = 4K')
	EOT
	for name in deny reads writes none; do
		wait_for 60 ended $name 300
		check_equation device/$name
	done
	wait_for 60 ended both 400
	for name in deny none; do
		counter $name VisitsFailed 300
		statistic device/$name ResponsesInvalid 300
		statistic device/$name ResponsesSuccess 0
		expect space/$name Space MappedBytes 0
	done
	for name in reads writes; do
		counter $name Visits 300
		counter $name DataErrors 0
		statistic device/$name ResponsesInvalid 0
		expect space/$name Space MappedBytes $((300 * 4 * KIB))
	done
	counter both DataErrors 0
	counter both BytesWritten 0
	failed=$(engine_counters both | value VisitsFailed)
	[ "$failed" -gt 0 ] && [ "$failed" -lt 400 ] || fail "$failed of 400 visits failed"
	statistic device/both ResponsesInvalid "$failed"
	check_equation device/both
	stop
}

# Groups of 16 pages are one extent each; without the key they are 16. A page in every 64K,
# and 15 around it that nobody asked for.
extents() {
	start extents "$1" <<- EOT
		$(device merged count=1024,group=16,write=100% 4M 'granule = 4K' 'merge = 64K')
		$(device single count=1024,group=16 4M 'granule = 4K')
		$(device around count=64,pattern=stride 4M 'granule = 4K' 'fault-around = 64K')
		$(device tight count=5120,pattern=stride 16M 'granule = 4K' 'fault-around = 64K')
		[space tight]
		budget = 1M
	EOT
	for name in merged single; do
		wait_for 60 ended $name 1024
		check_equation device/$name
		statistic device/$name ResponsesSuccess 64
		statistic device/$name ResponsesInvalid 0
		statistic space/$name ExtentsAround 0
		expect space/$name Space MappedBytes $((4 * MIB))
	done
	expect space/merged Space ExtentsMapped 64
	expect space/single Space ExtentsMapped 1024
	wait_for 60 ended around 64
	wait_for 60 is space/around Space ExtentsMapped 1024
	statistic space/around ExtentsAround $((64 * 15))
	statistic space/around BytesMapped $((4 * MIB))
	statistic device/around ResponsesSuccess 64
	check_equation device/around
	# What nobody asked for keeps to the budget like the rest
	wait_for 60 ended tight 5120
	check_data tight
	statistic device/tight ResponsesInvalid 0
	[ "$(property space/tight Space MappedBytes)" -le $MIB ] || fail "over the budget"
	[ "$(property space/tight Statistics ExtentsAround)" -gt 0 ] || fail "nothing was mapped around"
	check_equation device/tight
	stop
}

# Answered INVALID before the store has answered at all.
deadline() {
	start deadline "$1" 'deadline = 100ms' <<- EOT
		$(device slow count=5,pattern=stride 4M 'policy = trouble' 'delay = 3000' 'granule = 4K')
	EOT
	wait_for 60 ended slow 5
	counter slow VisitsFailed 5
	statistic device/slow ResponsesInvalid 5
	statistic space/slow GroupsPastDeadline 5
	check_equation device/slow
	# What comes too late is not lost: it is there for the next one who asks
	wait_for 60 is space/slow Space MappedBytes $((5 * 4 * KIB))
	statistic space/slow FillErrors 0
	stop
}

fills() {
	busctl_private get-property org.iopfd1 /org/iopfd1/space/common org.iopfd1.Space PolicyCounters |
		sed 's/.*"Fills" \([0-9]*\).*/\1/'
}

# Two devices, one of them with two PASIDs, write the same 32 pages; each takes 30 ms.
sharing() {
	local groups=0 name
	start sharing "$1" <<- EOT
		[region common/r]
		iova = 0x100000000
		length = 128K
		granule = 4K
		policy = trouble
		delay = 30
		[device one]
		address = sim:count=32,write=100%
		space = common
		[device two]
		address = sim:count=32,write=100%,channels=2,pasid=3+4
		space = common
		pasid = 3:common
		pasid = 4:common
	EOT
	wait_for 60 ended one 32
	wait_for 60 ended two 64
	for name in one two; do
		counter $name DataErrors 0
		counter $name VisitsFailed 0
		statistic device/$name ResponsesInvalid 0
		check_equation device/$name
		groups=$((groups + $(property device/$name Statistics FaultGroupsTotal)))
	done
	[ $groups -gt 32 ] || fail "$groups groups: the devices never asked for the same page"
	[ "$(fills)" = 32 ] || fail "$(fills) fills for 32 pages"
	statistic space/common BytesMapped $((128 * KIB))
	statistic space/common BytesUnmapped 0
	expect space/common Space ExtentsMapped 32
	check_equation space/common
	stop
}

bus_start
for loop in $(loops); do
	for part in pinned prefault refusals extents deadline sharing; do
		$part "$loop"
	done
done
