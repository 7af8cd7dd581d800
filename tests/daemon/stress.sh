#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 300
# All commands of the bus at random, and reloads, while four devices and those that come and go
# are at work on memory that does not suffice: what they read is what was written, the counters
# add up, nobody waits for ever and the end is clean. STRESS_SECONDS for each loop, STRESS_SEED.
. "$(dirname "$0")/../lib/daemon.sh"

seconds=${STRESS_SECONDS:-8}
seed=${STRESS_SEED:-1}
# Devices that found something wrong say so when they are closed. What is open when one is
# detached fails, which is no more than it may have outstanding.
all_were_content() {
	! sed -n 's/.* visits, \([0-9]*\) failed, \(.*\)/\1 \2/p' "$tmp/daemon.log" | awk '
		$1 > 64 || $2 != "0" || !/; 0 answers to unknown cookies, 0 double, 0 without a mapping$/'  | grep .
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 3
		[region alpha/heap]
		iova = 0x100000000
		length = 24M
		granule = 4K
		fault-around = 32K
		[region alpha/file]
		iova = 0x200000000
		length = 8M
		granule = 16K
		policy = file
		path = $tmp/file
		write-back = 100ms
		[region beta/heap]
		iova = 0x100000000
		length = 16M
		granule = 4K
		merge = 64K
		[region d/heap]
		iova = 0x100000000
		length = 4M
		[device a]
		address = sim:count=max,pattern=random,depth=8,group=4,rate=4000
		space = alpha
		pasids = yes
		[device b]
		address = sim:count=max,pattern=zipf,depth=4,rate=4000,pasid=5+6
		space = alpha
		pasid = 5:beta
		pasid = 6:alpha
		[device c]
		address = sim:count=max,pattern=stride,depth=16,rate=2000,channels=2
		space = beta
		pasids = yes
		[device d]
		address = sim:count=max,depth=2,rate=2000
	EOT
	)
	rm -rf "$conf.d" && mkdir "$conf.d"
	truncate -s 8M "$tmp/file"
	: > "$tmp/daemon.log"
	daemon_start --config="$conf"
	"$IOPFD_BUILD/tests/lib/stress" bus="$bus_address" file="$conf.d/60-random.conf" seed="$seed" seconds="$seconds" ||
		fail "$loop, seed $seed"
	for device in a b c d; do
		check_data $device
		check_equation device/$device
	done
	check_equation ""
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop, seed $seed: exit status $daemon_status"
	all_were_content || fail "$loop, seed $seed: a device found something wrong"
done
