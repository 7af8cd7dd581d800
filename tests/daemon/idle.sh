#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No traffic, no watchdog: no task of the daemon wakes up, not once in five seconds, on
# both loops, with a bus and without.
. "$(dirname "$0")/../lib/daemon.sh"

switches() {
	cat /proc/"$daemon"/task/*/status | awk '/ctxt_switches/ { sum += $2 } END { print sum }'
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[region a/r]
		iova = 0x100000000
		length = 16M
		[region b/r]
		iova = 0x100000000
		length = 16M
		[device a]
		address = sim
		[device b]
		address = sim:channels=4
	EOT
	)
	for address in none "$bus_address"; do
		daemon_start --config="$conf" --bus="$address"
		sleep 1
		before=$(switches)
		sleep 5
		after=$(switches)
		[ "$before" -gt 0 ] || fail "no context switches to be read"
		[ "$before" = "$after" ] || fail "$loop, bus $address: $((after - before)) wake-ups in 5 s"
		daemon_stop
		[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
	done
done
