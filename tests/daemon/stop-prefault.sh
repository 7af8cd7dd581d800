#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A prefault that would take minutes, for its store is slow, does not keep the daemon from
# stopping, nor the device that brought the space from leaving.
. "$(dirname "$0")/../lib/daemon.sh"

plugins=$tmp/policies
mkdir -m 755 "$plugins"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$plugins/trouble.so"

prefault() {
	busctl_private --timeout=300 call org.iopfd1 "/org/iopfd1/space/$1" org.iopfd1.Space Prefault stt r 0 $((1 << 30)) 2> "$tmp/prefault"
}
# More than its one fault asked for
begun() {
	[ "$(property "space/$1" Space MappedBytes)" -gt 1000000 ]
}
refused() {
	! wait "$1" || fail "the prefault ended well"
	grep -q 'not open\|stops' "$tmp/prefault" || fail "not refused for being closed: $(cat "$tmp/prefault")"
}

bus_start
conf=$(config slow <<- EOT
	[daemon]
	plugin-dir = $plugins
	[device slow]
	address = sim:count=1
	[region slow/r]
	iova = 0
	length = 1G
	policy = trouble
	calls = fill
	delay = 200
	delay-share = 100
EOT
)
daemon_start --config="$conf"
wait_for 20 faults_arrive slow
busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager AttachDevice 'sa{sv}' own 2 address s sim:count=1 \
	regions 'a(sa{sv})' 1 r 6 iova s 0 length s 1G policy s trouble calls s fill delay s 200 delay-share s 100 > /dev/null
wait_for 20 faults_arrive own
prefault own &
call=$!
wait_for 20 begun own
busctl_private --timeout=30 call org.iopfd1 /org/iopfd1/device/own org.iopfd1.Device Detach t 0
refused $call

prefault slow &
call=$!
wait_for 20 begun slow
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
refused $call
