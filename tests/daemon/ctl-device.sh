#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Verbs that act on devices and on the daemon's log, with a real daemon.
. "$(dirname "$0")/../lib/ctl.sh"

bus_start
conf=$(config device <<- EOT
	[region a/r]
	iova = 0x100000000
	length = 16M
	[region b/r]
	iova = 0x100000000
	length = 16M
	[device busy]
	address = sim:count=max,rate=1000,pattern=random
	space = a
	[device calm]
	address = sim:count=100,pasid=7
	space = a
	pasid = 7:a
EOT
)
daemon_start --config="$conf"
state() {
	property "device/$1" Device State
}
said() {
	grep -qF -- "$1" "$tmp/err" || fail "it does not say '$1': $(cat "$tmp/err")"
}
calm_ended() {
	[ "$(engine_counters calm | value Visits)" = 100 ]
}
wait_for 30 calm_ended

expect 0 drain calm
expect 0 drain calm 1s
expect 1 drain busy 100ms
said 'iopfctl: busy: '
said '(org.iopfd1.Error.Timeout)'
expect 1 pause busy 2h
said 'iopfctl: busy: it can be paused for an hour at most (org.iopfd1.Error.InvalidRange)'
expect 0 pause busy 1min
[ "$(state busy)" = paused ] || fail "pause: busy is $(state busy)"
expect 0 list
grep -qE '^busy .* paused ' "$tmp/out" || fail "list: $(cat "$tmp/out")"
expect 0 resume busy
[ "$(state busy)" = active ] || fail "resume: busy is $(state busy)"
expect 0 pause busy 100ms
resumed() {
	[ "$(state busy)" = active ]
}
wait_for 10 resumed

expect 0 stats --attachments calm
[ "$(head -n 1 "$tmp/out" | tr -s ' ')" = "COUNTER calm:a calm#7:a" ] || fail "stats --attachments: $(cat "$tmp/out")"
expect 0 stats --attachments calm busy --json=short
[ "$(member "[1]['Name']") $(member "[1]['FaultsPasid'] > 0") $(member "[2]['Name']")" = "calm#7:a True busy:a" ] ||
	fail "stats --attachments: $(cat "$tmp/out")"
expect 0 attach-pasid calm 8 b
expect 0 show calm
grep -q 'Attachments: a, PASID 7 in a, PASID 8 in b$' "$tmp/out" || fail "attach-pasid: $(cat "$tmp/out")"
grep -q 'VendorId: 0x0000$' "$tmp/out" || fail "show: $(cat "$tmp/out")"
expect 0 detach-pasid calm 8
expect 5 detach-pasid calm 8
said 'PASID 8'
expect 5 attach-pasid calm 9 nowhere

expect 0 log-level
[ "$(cat "$tmp/out")" = info ] || fail "log-level: $(cat "$tmp/out")"
expect 0 log-level debug
expect 0 log-level --json=short
[ "$(cat "$tmp/out")" = '{"LogLevel":"debug"}' ] || fail "log-level: $(cat "$tmp/out")"
expect 1 log-level nonsense
said 'expected one of'
expect 0 log-level info

expect 0 detach calm
[ "$(state calm)" = detached ] || fail "detach: calm is $(state calm)"
wait_for 10 notified 'STATUS=1 of 2 devices active; calm is detached$'
expect 1 drain calm
said 'iopfctl: calm: it is detached, attach it first (org.iopfd1.Error.DeviceGone)'
daemon_stop
