#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A reload does not wait for a prefault that would take minutes. If it does not concern the
# space, the prefault goes on; else the prefault is refused and the space is another one.
. "$(dirname "$0")/../lib/daemon.sh"

plugins=$tmp/policies
mkdir -m 755 "$plugins"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$plugins/trouble.so"

reload() {
	busctl_private --timeout=30 call org.iopfd1 /org/iopfd1 org.iopfd1.Manager Reload
}
prefault() {
	busctl_private --timeout=300 call org.iopfd1 /org/iopfd1/space/slow org.iopfd1.Space Prefault stt r 0 $((1 << 30)) 2> "$tmp/prefault"
}
mapped() {
	property space/slow Space MappedBytes
}
# More than its one fault asked for, and than there was before
goes_on() {
	[ "$(mapped)" -gt $(($1 + 1000000)) ]
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
prefault &
call=$!
wait_for 20 goes_on 0

printf '[device other]\naddress = sim:count=50\n[region other/r]\niova = 0\nlength = 1M\n' >> "$conf"
reload
wait_for 20 faults_arrive other
before=$(mapped)
wait_for 20 goes_on "$before"
kill -0 $call || fail "the prefault has ended: $(cat "$tmp/prefault")"

sed -i 's/^length = 1G/length = 2G/' "$conf"
reload
! wait $call || fail "the prefault ended well"
grep -q 'not open' "$tmp/prefault" || fail "not refused for being closed: $(cat "$tmp/prefault")"
wait_for 20 faults_arrive slow
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
