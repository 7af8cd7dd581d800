#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A device that cannot come up is shown with its reason; the others are served, and the
# manager's state is degraded.
. "$(dirname "$0")/../lib/daemon.sh"

bus_start
conf=$(config mixed <<- EOT
	[device good]
	address = sim:pattern=zipf,count=max,rate=1000
	[device bad]
	address = fffe:fe:1f.7
	[region good/r]
	iova = 0x100000000
	length = 64M
	[region bad/r]
	iova = 0x100000000
	length = 64M
EOT
)
daemon_start --config="$conf"
[ "$(property "" Manager State)" = degraded ] || fail "manager is $(property "" Manager State)"
[ "$(property "" Manager DeviceCount)" = 2 ] || fail "$(property "" Manager DeviceCount) devices"
case $(property device/bad Device State) in
absent | failed) ;;
*) fail "the bad device is $(property device/bad Device State)" ;;
esac
property device/bad Device LastError | grep -q '[a-z]' || fail "no reason: $(property device/bad Device LastError)"
[ "$(property device/good Device State)" = active ] || fail "the good device is $(property device/good Device State)"
wait_for 20 faults_arrive good
verified() { [ "$(engine_counters good | value BytesVerified)" -gt 0 ]; }
wait_for 20 verified
check_data good
grep -q 'bad' "$tmp/daemon.log" || fail "the log does not name the device"
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
