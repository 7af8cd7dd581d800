#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A bus that is not there yet, or dies and comes back at the same address: the daemon is
# ready all the same, faults go on meanwhile, and the name comes (back).
. "$(dirname "$0")/../lib/daemon.sh"

conf=$(config sim <<- EOT
	[region a/r]
	iova = 0x100000000
	length = 8G
	granule = 4K
	[device a]
	address = sim:pattern=zipf,count=max,rate=500
EOT
)

# The memory file of the region grows while faults are served, with or without a bus
resident() {
	awk '/^RssShmem/ { print $2 }' "/proc/$daemon/status"
}
grows() {
	[ "$(resident)" -gt "$1" ]
}

daemon_run --config="$conf" --bus="$bus_address"
wait_for 30 ready_or_dead
notified READY=1 || fail "not ready without a bus"
bus_start
wait_for 40 on_bus
wait_for 20 faults_arrive a

for _ in 1 2; do
	bus_stop
	before=$(resident)
	wait_for 20 grows "$before"
	daemon_alive || fail "it died with the bus"
	bus_start
	wait_for 40 on_bus
	wait_for 20 faults_arrive a
done
check_data a
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
