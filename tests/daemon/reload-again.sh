#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A signal that comes while a reload waits is not forgotten, also if that reload is refused
# in the end.
. "$(dirname "$0")/../lib/daemon.sh"

# spaces NAME N: more than twice as many as at the start are more than there is room for
spaces() {
	for ((i = 0; i < $2; i++)); do
		printf '[region %s%d/r]\niova = 0\nlength = 1M\n' "$1" "$i"
	done
}
device() {
	cat <<- EOT
		[device a]
		address = sim:pattern=random,count=max,rate=2000
		[space a]
		budget = 1M
		[region a/r]
		iova = 0
		length = 64M
		granule = 4K
	EOT
}
reloading() {
	[ "$(property "" Manager State)" = reloading ]
}
draining() {
	[ "$(property device/a Device State)" = draining ]
}
running() {
	[ "$(property "" Manager State)" = running ]
}
applied() {
	[ "$(property "" Manager ConfigSerial)" = 2 ]
}

bus_start
conf=$( (device; spaces old 500) | config again)
daemon_start --config="$conf"
wait_for 20 faults_arrive a

# It goes on asking, so the drain takes as long as it may
busctl_private call org.iopfd1 /org/iopfd1/device/a org.iopfd1.Device Drain t 3000000 2> "$tmp/drain" &
drain=$!
wait_for 10 draining
(device; spaces old 500; spaces new 700) > "$conf"
kill -HUP "$daemon"
wait_for 10 reloading
(device; spaces old 500; printf '[region more/r]\niova = 0\nlength = 1M\n') > "$conf"
kill -HUP "$daemon"
! wait $drain || fail "the drain ended before its time"
wait_for 20 applied
wait_for 20 running
grep -q 'too many devices and spaces' "$tmp/daemon.log" || fail "the first reload was not refused"
busctl_private get-property org.iopfd1 /org/iopfd1/space/more org.iopfd1.Space Name > /dev/null || fail "there is no new space"
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
