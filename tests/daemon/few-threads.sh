#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where no further thread can be started, for want of file descriptors, those that there are
# serve another space as well. The log says so once, and a thread is started later.
. "$(dirname "$0")/../lib/ctl.sh"

attach() {
	ctl attach "$1" sim:count=max,rate=1000 --region=r,iova=0,length=1M
}
n_threads() {
	cat "/proc/$daemon/task"/*/comm | grep -c iopfd-shard
}
n_told() {
	grep -c 'only 1 of 3 threads.*LimitNOFILE' "$tmp/daemon.log"
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 3
		[device a]
		address = sim:count=max,rate=1000
		[region a/r]
		iova = 0
		length = 1M
	EOT
	)
	: > "$tmp/daemon.log"
	daemon_start --config="$conf"
	enough=$(prlimit --pid "$daemon" --nofile --output=SOFT --noheadings | tr -d ' ')
	for name in b c; do
		for ((max = 10; ; max++)); do
			prlimit --pid "$daemon" --nofile=$max:
			! attach $name > "$tmp/refused" 2>&1 || break
			grep -q 'Too many open files' "$tmp/refused" || fail "not for want of descriptors: $(cat "$tmp/refused")"
		done
		wait_for 10 faults_arrive $name
		[ "$(n_threads)" = 1 ] || fail "with little there are $(n_threads) threads"
		[ "$(n_told)" = 1 ] || fail "said $(n_told) times"
	done
	prlimit --pid "$daemon" --nofile="$enough:"
	attach d
	wait_for 10 faults_arrive d
	[ "$(n_threads)" = 2 ] || fail "with enough there are $(n_threads) threads"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
done
