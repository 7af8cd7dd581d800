#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A space whose thread is busier than another one moves there with its next device. Where that
# is short of file descriptors it stays, is served all the same, and the daemon stops.
. "$(dirname "$0")/../lib/ctl.sh"

served() {
	[ "$(property "device/$1" Device State)" = active ] || fail "$1 is $(property "device/$1" Device State)"
	faults_arrive "$1"
}
limit() {
	prlimit --pid "$daemon" --nofile="$1:"
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[device a]
		address = sim:count=max,rate=1000
		[device b]
		address = sim:count=max,rate=1000
		[device c]
		address = sim:count=max,rate=1000
		[region a/r]
		iova = 0x100000000
		length = 1M
		[region b/r]
		iova = 0x100000000
		length = 1M
		[region c/r]
		iova = 0x100000000
		length = 1M
	EOT
	)
	: > "$tmp/daemon.log"
	daemon_start --config="$conf"
	enough=$(prlimit --pid "$daemon" --nofile --output=SOFT --noheadings | tr -d ' ')
	n=0
	for fd in "/proc/$daemon/fd"/*; do
		[ "${fd##*/}" -lt $n ] || n=$((${fd##*/} + 1))
	done

	# c shares a thread with a; at some number of descriptors it can be attached, but not move
	ctl detach b
	ctl detach c
	for ((max = 10; max <= n; max++)); do
		limit $max
		! ctl attach c > "$tmp/refused" 2>&1 || break
		limit "$enough"
		grep -q 'Too many open files' "$tmp/refused" || fail "not for want of descriptors: $(cat "$tmp/refused")"
	done
	wait_for 10 served c
	limit "$enough"
	[ "$(grep -c 'space c stays.*LimitNOFILE' "$tmp/daemon.log")" = 1 ] || fail "it has moved"

	ctl detach c
	ctl attach c
	wait_for 10 served c
	[ "$(grep -c 'space c stays' "$tmp/daemon.log")" = 1 ] || fail "it does not move either"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
done
