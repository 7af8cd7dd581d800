#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the service manager hears: READY=1 and a sentence, then STOPPING=1; watchdog pings
# exactly when it asked for them.
. "$(dirname "$0")/../lib/daemon.sh"

conf=$(config sim <<- EOT
	[device a]
	address = sim:count=max,rate=100
	[region a/r]
	iova = 0x100000000
	length = 16M
EOT
)
for loop in $(loops); do
	printf '[daemon]\nevent-loop = %s\n' "$loop" | cat - "$conf" > "$tmp/$loop.conf"

	daemon_start --config="$tmp/$loop.conf"
	notified 'STATUS=.*1 device' || fail "no useful status: $(cat "$tmp/notify.log")"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
	notified STOPPING=1 || fail "no STOPPING=1"
	awk '$2 == "READY=1" { ready = NR } $2 == "STOPPING=1" { stopping = NR } END { exit !(ready && ready < stopping) }' \
		"$tmp/notify.log" || fail "the order is wrong: $(cat "$tmp/notify.log")"
	! notified WATCHDOG= || fail "pings without a watchdog"

	export WATCHDOG_USEC=200000
	unset WATCHDOG_PID
	daemon_start --config="$tmp/$loop.conf"
	pinged() { [ "$(grep -c ' WATCHDOG=1' "$tmp/notify.log")" -ge 5 ]; }
	wait_for 20 pinged
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "with a watchdog: exit status $daemon_status"
	unset WATCHDOG_USEC
done
