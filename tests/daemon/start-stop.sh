#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGTERM and SIGINT while devices fault as fast as they can: clean end, exit status 0, on
# both loops, with a bus and without.
. "$(dirname "$0")/../lib/daemon.sh"

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		[region a/r]
		iova = 0x100000000
		length = 64M
		granule = 4K
		[region b/r]
		iova = 0x200000000
		length = 64M
		granule = 64K
		[device a]
		address = sim:channels=2,count=max,group=4,depth=2
		[device b]
		address = sim:pattern=random,count=max,pasid=7
		pasid = 7:b
	EOT
	)
	for signal in TERM INT; do
		daemon_start --config="$conf"
		wait_for 30 faults_arrive a
		wait_for 30 faults_arrive b
		[ "$(property "" Manager Backend)" = "$loop" ] || fail "backend is $(property "" Manager Backend)"
		[ "$(property "" Manager State)" = running ] || fail "state is $(property "" Manager State)"
		daemon_stop $signal
		[ "$daemon_status" = 0 ] || fail "$loop, SIG$signal: exit status $daemon_status"
		! on_bus || fail "the name is still there"
	done
	daemon_start --config="$conf" --bus=none
	daemon_stop TERM
	[ "$daemon_status" = 0 ] || fail "$loop without a bus: exit status $daemon_status"
done
