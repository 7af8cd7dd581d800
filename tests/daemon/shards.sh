#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two shards, each with a device and a space of its own, and a third device whose RID and
# PASID live on different ones: all count faults, data is right, the sums agree.
. "$(dirname "$0")/../lib/daemon.sh"

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[region a/r]
		iova = 0x100000000
		length = 32M
		granule = 4K
		[region b/r]
		iova = 0x100000000
		length = 32M
		granule = 4K
		[device a]
		address = sim:channels=2,count=8000,group=8,depth=4
		[device b]
		address = sim:channels=2,count=8000,pattern=random
		[device both]
		address = sim:count=4000,pasid=3
		space = a
		pasid = 3:b
	EOT
	)
	daemon_start --config="$conf"
	done_with() { [ "$(engine_counters "$1" | value Visits)" = "$2" ]; }
	wait_for 60 done_with a 16000
	wait_for 60 done_with b 16000
	wait_for 60 done_with both 4000
	total=0
	for device in a b both; do
		check_data $device
		check_equation device/$device
		faults=$(property device/$device Statistics FaultsTotal)
		[ "$faults" -gt 0 ] || fail "$device has no faults"
		total=$((total + faults))
	done
	[ "$(property "" Statistics FaultsTotal)" = $total ] || fail "the manager does not count $total"
	sum=0
	for space in a b; do
		faults=$(property space/$space Statistics FaultsTotal)
		[ "$faults" -gt 0 ] || fail "space $space has no faults"
		sum=$((sum + faults))
	done
	[ $sum = $total ] || fail "spaces count $sum, devices $total"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
done
