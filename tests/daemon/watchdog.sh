#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A shard that does not come round: the log says which one before the service manager would
# kill the daemon, no ping is sent meanwhile, and all goes on when it is back.
. "$(dirname "$0")/../lib/daemon.sh"
iopfd=$IOPFD_BUILD/tests/iopfd-faulty
[ -x "$iopfd" ] || fail "$iopfd is not built"

export WATCHDOG_USEC=1000000
unset WATCHDOG_PID
missed='no heartbeat from shard 1 for 500 ms: the service manager kills the daemon after 1000 ms'

told() {
	grep -q "$missed" "$tmp/daemon.log"
}
pings() {
	grep -c ' WATCHDOG=1' "$tmp/notify.log" || true
}
more_pings() {
	[ "$(pings)" -gt "$before" ]
}

for loop in $(loops); do
	: > "$tmp/daemon.log"
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[device good]
		address = sim
		[region good/r]
		iova = 0x100000000
		length = 1M
		[device bad]
		address = sim:count=10
		[region bad/r]
		iova = 0x100000000
		length = 1M
		policy = stuck
	EOT
	)
	daemon_start --config="$conf"
	wait_for 20 told
	before=$(pings)
	wait_for 20 more_pings
	! grep -q 'no heartbeat from shard [^1]' "$tmp/daemon.log" || fail "it is another shard that is stuck"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
done
