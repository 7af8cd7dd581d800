#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices that come, go in the middle of their work and come back: each time they are served
# again, every fault is answered, others notice nothing, and nothing is left behind after
# many times. One that is refused again and again is told as a storm, once.
. "$(dirname "$0")/../lib/daemon.sh"

plugins=$tmp/policies
mkdir -m 755 "$plugins"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$plugins/"
there=$tmp/bay/1

is() {
	[ "$(property "device/$1" Device State)" = "$2" ]
}
more_than() {
	[ "$(property "device/$1" Statistics "$2")" -gt "$3" ]
}
fds() {
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
rss() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$daemon/status"
}
said() {
	grep -c -- "$1" "$tmp/daemon.log" || true
}
# go DEVICE: it was active, and is gone
go() {
	rm "$there"
	wait_for 20 is "$1" absent
	[ "$(property "device/$1" Statistics FaultsPending)" = 0 ] || fail "$1 left faults without an answer"
	check_equation "device/$1"
}
come() {
	touch "$there"
	wait_for 20 is "$1" active
}
start() {
	daemon_start --config="$(config "$1-$2" < <(printf '[daemon]\nevent-loop = %s\nplugin-dir = %s\n' "$2" "$plugins"; cat))"
}
stop() {
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
}

# Its folder is not there yet, and goes as well: as /dev/vfio does
visitor() {
	: > "$tmp/daemon.log"
	start visitor "$1" <<- EOT
		[device toy]
		address = sim:pattern=random,count=max,depth=4,present=$there
		; so that it never has all it wants
		[space toy]
		budget = 4M
		[region toy/r]
		iova = 0x100000000
		length = 64M
		[device stay]
		address = sim:pattern=random,count=max,rate=2000
		[region stay/r]
		iova = 0x100000000
		length = 64M
	EOT
	is toy absent || fail "toy is $(property device/toy Device State)"
	property device/toy Device LastError | grep -q "there is no $there" || fail "no reason why it is absent"
	[ "$(property "" Manager State)" = degraded ] || fail "manager is $(property "" Manager State)"
	wait_for 20 faults_arrive stay

	mkdir -p "${there%/*}"
	come toy
	wait_for 20 more_than toy ResponsesSuccess 0
	[ "$(property "" Manager State)" = running ] || fail "manager is $(property "" Manager State)"
	go toy
	property device/toy Device LastError | grep -q 'not there any more' || fail "no reason why it left"
	[ "$(property "" Manager State)" = degraded ] || fail "manager is $(property "" Manager State)"
	[ "$(said 'toy: it is not there any more')" = 1 ] || fail "it is not told once that it left"

	# By a rename, in and out, and then the folder goes first
	before=$(property device/toy Statistics ResponsesSuccess)
	touch "$tmp/elsewhere"
	mv "$tmp/elsewhere" "$there"
	wait_for 20 is toy active
	wait_for 20 more_than toy ResponsesSuccess "$before"
	mv "${there%/*}" "$tmp/away"
	wait_for 20 is toy absent
	check_equation device/toy
	mv "$tmp/away" "${there%/*}"
	wait_for 20 is toy active
	rm -r "${there%/*}"
	wait_for 20 is toy absent

	check_data stay
	before=$(property device/stay Statistics FaultsTotal)
	visits=$(engine_counters stay | value Visits)
	goes_on() { [ "$(engine_counters stay | value Visits)" -gt "$visits" ]; }
	wait_for 20 goes_on
	stop
}

# Its fills take two seconds: it leaves with many of them under way, and is back before they end
in_flight() {
	: > "$tmp/daemon.log"
	mkdir -p "${there%/*}"
	touch "$there"
	start flight "$1" <<- EOT
		[device toy]
		address = sim:count=max,depth=16,present=$there
		[region toy/r]
		iova = 0x100000000
		length = 64M
		policy = trouble
		delay = 2000
	EOT
	is toy active || fail "toy is $(property device/toy Device State)"
	wait_for 20 more_than toy FaultsPending 15
	go toy
	[ "$(property device/toy Statistics ResponsesInvalid)" = 16 ] ||
		fail "$(property device/toy Statistics ResponsesInvalid) faults of 16 are INVALID"
	come toy
	wait_for 20 more_than toy FaultsPending 15
	wait_for 20 more_than toy ResponsesSuccess 0
	go toy
	stop
	# Those that were under way failed, in the device's eyes; nothing was answered twice or to nobody
	[ "$(said 'toy: simulated .* 16 failed, 0 data errors; 0 answers to unknown cookies, 0 double, 0 without')" = 2 ] ||
		fail "the device saw what it should not"
	rm -r "${there%/*}"
}

method() {
	busctl_private call org.iopfd1 /org/iopfd1/device/toy org.iopfd1.Device "$@"
}
# What was asked for on the bus holds, whatever comes and goes
on_purpose() {
	mkdir -p "${there%/*}"
	touch "$there"
	start purpose "$1" <<- EOT
		[device toy]
		address = sim:pattern=random,count=max,depth=4,write=100%,present=$there
		[space toy]
		budget = 256K
		[region toy/r]
		iova = 0x100000000
		length = 64M
	EOT
	is toy active || fail "toy is $(property device/toy Device State)"
	wait_for 20 more_than toy ResponsesSuccess 0

	# It never gets quiet; the drain ends when it leaves, not after a minute
	method Drain t 60000000 > "$tmp/drain" 2>&1 &
	drain=$!
	wait_for 20 is toy draining
	go toy
	! wait $drain || fail "a device that left was drained"
	grep -q 'not there any more' "$tmp/drain" || fail "the drain ended otherwise: $(cat "$tmp/drain")"
	come toy

	# Paused, with faults that are kept
	method Pause t 0
	wait_for 20 more_than toy FaultsPending 0
	go toy
	come toy

	method Detach t 0
	is toy detached || fail "toy is $(property device/toy Device State)"
	rm "$there"
	touch "$there"
	sleep 1
	is toy detached || fail "what was detached came back: $(property device/toy Device State)"
	stop

	# Likewise what was detached before it came
	rm "$there"
	daemon_start --config="$tmp/purpose-$1.conf"
	is toy absent || fail "toy is $(property device/toy Device State)"
	method Detach t 0
	touch "$there"
	sleep 1
	is toy detached || fail "what was detached came: $(property device/toy Device State)"
	stop
	rm -r "${there%/*}"
}

many_times() {
	mkdir -p "${there%/*}"
	start many "$1" <<- EOT
		[device toy]
		address = sim:pattern=random,count=max,depth=8,pasid=3+4,present=$there
		pasid = 3:toy
		pasid = 4:other
		[region toy/r]
		iova = 0x100000000
		length = 1M
		[region other/r]
		iova = 0x100000000
		length = 1M
	EOT
	for ((i = 1; i <= 200; i++)); do
		touch "$there"
		wait_for 20 is toy active
		rm "$there"
		wait_for 20 is toy absent
		[ $((i % 20)) != 0 ] || check_equation device/toy
		if [ $i = 20 ]; then
			fds=$(fds)
			rss=$(rss)
		fi
	done
	[ "$(fds)" = "$fds" ] || fail "$(fds) file descriptors, $fds after 20 times"
	# Not with a sanitizer, which keeps what was freed for a while
	if ! grep -q 'lib.san' "/proc/$daemon/maps"; then
		[ $(($(rss) - rss)) -lt 2048 ] || fail "RssAnon grew from $rss to $(rss) kB"
	fi
	stop
	rm -r "${there%/*}"
}

storm() {
	: > "$tmp/daemon.log"
	mkdir -p "${there%/*}"
	touch "$there"
	start storm "$1" <<- EOT
		[device toy]
		address = sim:count=max,depth=4,present=$there
		[region toy/r]
		iova = 0x100000000
		length = 1M
		on-fault = deny
		[device calm]
		address = sim:count=300,depth=4
		[region calm/r]
		iova = 0x100000000
		length = 2M
		on-fault = deny
	EOT
	busctl_private monitor --match "type=signal,interface=org.iopfd1.Manager" > "$tmp/signals" 2>&1 &
	monitor=$!
	told() { [ "$(said 'toy: .* faults were refused within a second')" = 1 ]; }
	wait_for 20 told
	wait_for 20 more_than toy ResponsesInvalid 10000
	told || fail "the storm was told more than once"
	[ "$(said 'calm: .* faults were refused')" = 0 ] || fail "a few refused faults are no storm"
	go toy
	heard() { grep -q "Member=$1" "$tmp/signals"; }
	wait_for 20 heard FaultStorm
	wait_for 20 heard DeviceLost
	reap $monitor
	# The control thread, which watches for storms, sleeps once that is over
	switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$daemon/status"; }
	quiet() {
		local before
		before=$(switches)
		sleep 2
		[ "$(switches)" = "$before" ]
	}
	wait_for 40 quiet
	stop
	rm -r "${there%/*}"
}

bus_start
for loop in $(loops); do
	visitor "$loop"
	in_flight "$loop"
	on_purpose "$loop"
	many_times "$loop"
	storm "$loop"
done
