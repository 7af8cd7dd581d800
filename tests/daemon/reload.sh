#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Reload, by SIGHUP and over the bus: devices, spaces and regions come, go and change while
# another device, in a space that is too small for it, goes on faulting as if nothing had
# happened. Errors change nothing.
. "$(dirname "$0")/../lib/daemon.sh"

manager() {
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager "$@"
}
serial() {
	property "" Manager ConfigSerial
}
state_is() {
	[ "$(property "device/$1" Device State)" = "$2" ]
}
faults() {
	property device/steady Statistics FaultsTotal
}
more_faults() {
	[ "$(faults)" -gt "$1" ]
}
# The device that must not notice anything
steady() {
	local now
	now=$(faults)
	wait_for 20 more_faults "$now"
	state_is steady active || fail "steady is $(property device/steady Device State)"
	[ "$(property device/steady Statistics ResponsesInvalid)" = 0 ] || fail "steady: faults were refused"
	check_data steady
	[ "$(grep -c '^iopfd: steady: ' "$tmp/daemon.log")" = "$attached" ] || fail "steady was touched"
}
applied() {
	[ "$(serial)" = "$((before + 1))" ]
}
# reload: by the way that is in turn
reload() {
	before=$(serial)
	if [ "$way" = bus ]; then
		manager Reload > /dev/null || fail "Reload over the bus: refused"
		way=signal
	else
		kill -HUP "$daemon"
		way=bus
	fi
	wait_for 20 applied
	wait_for 20 settled
	[ "$(property "" Manager LastReloadError)" = '" "' ] || fail "an error: $(property "" Manager LastReloadError)"
	steady
}
settled() {
	case $(property "" Manager State) in
	running | degraded) ;;
	*) false ;;
	esac
}
devices() {
	manager ListDevices | grep -o '/org/iopfd1/device/[a-z]*' | sed 's,.*/,,' | sort | tr '\n' ' '
}
expect_devices() {
	[ "$(devices)" = "$1 " ] || fail "there are $(devices), not $1"
}
# plan LINE...: what a reload would do is exactly this
plan() {
	printf '%s\n' "$@" | sed '/^$/d' > "$tmp/wanted"
	busctl_private --json=short call org.iopfd1 /org/iopfd1 org.iopfd1.Manager PlanReload |
		sed 's/^.*"data":\["//; s/"\]}$//; s/\\n/\n/g' | sed '/^$/d' > "$tmp/plan"
	diff "$tmp/wanted" "$tmp/plan" || fail "that was the plan"
}
memory_of() {
	local link
	for link in /proc/"$daemon"/fd/*; do
		case $(readlink "$link") in
		*memfd:*"$1"*) stat -L -c %i "$link"; sha256sum < "$link"; return ;;
		esac
	done
	fail "no memory of $1"
}

# part NAME: standard input becomes that drop-in
part() {
	mkdir -p "$conf.d"
	cat > "$conf.d/$1.conf"
}
# rejected ERROR TEXT: neither way changes anything
rejected() {
	local was
	was="$(serial) $(devices)"
	! manager Reload 2> "$tmp/refused" || fail "Reload was not refused"
	grep -q "$2" "$tmp/refused" || fail "Reload said: $(cat "$tmp/refused"), not $2"
	property "" Manager LastReloadError | grep -q "$1.*$2" || fail "LastReloadError is $(property "" Manager LastReloadError)"
	: > "$tmp/daemon.log"
	attached=0
	kill -HUP "$daemon"
	wait_for 10 grep -q 'not reloaded' "$tmp/daemon.log"
	grep -q "$2" "$tmp/daemon.log" || fail "the log does not say $2"
	[ "$(serial) $(devices)" = "$was" ] || fail "something has changed"
	settled || fail "the state is $(property "" Manager State)"
	steady
}

bus_start
for loop in $(loops); do
	rm -rf "$tmp"/*.conf.d
	: > "$tmp/daemon.log"
	way=bus attached=1
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[space steady]
		budget = 2M
		[region steady/heap]
		iova = 0x100000000
		length = 32M
		granule = 16K
		[device steady]
		address = sim:channels=2,count=max,pattern=random,depth=4,rate=3000
	EOT
	)
	part 60-other <<- EOT
		[region other/one]
		iova = 0x100000000
		length = 1M
		[region other/two]
		iova = 0x200000000
		length = 1M
		[device other]
		address = sim:count=1024,depth=2,group=2
	EOT
	daemon_start --config="$conf"
	wait_for 20 faults_arrive other
	expect_devices "other steady"
	steady
	plan ""
	[ "$(serial)" = 1 ] || fail "the first configuration is $(serial)"

	# Nothing
	reload

	# A device, and a space that is shared
	part 70-new <<- EOT
		[device new]
		address = sim:count=200
		space = other
		[device fresh]
		address = sim:count=200
		[region fresh/heap]
		iova = 0
		length = 1M
	EOT
	plan "space fresh: added" "device new: added" "device fresh: added"
	reload
	expect_devices "fresh new other steady"
	wait_for 20 faults_arrive fresh
	wait_for 20 state_is new active
	property "" Manager ConfigFiles | grep -q 70-new.conf || fail "ConfigFiles lacks the new file"

	# One region of two changes: the other one keeps its memory, and both devices go on
	memory_of other/one > "$tmp/one"
	memory_of other/two > "$tmp/two"
	sed -i 's/^iova = 0x200000000/&\ngranule = 4K/' "$conf.d/60-other.conf"
	plan "region other/two: granule: 64K -> 4K" "region other/two: gets new memory" \
		"device other: detached and attached again, because space other changes" \
		"device new: detached and attached again, because space other changes"
	total=$(property space/other Statistics FaultsTotal)
	reload
	state_is other active && state_is new active || fail "the devices of the changed space are not back"
	memory_of other/two | cut -d' ' -f1 | diff - "$tmp/two" > /dev/null && fail "the memory of the changed region is the old"
	[ "$(memory_of other/one | head -n 1)" = "$(head -n 1 "$tmp/one")" ] || fail "the unchanged region lost its memory"
	[ "$(property space/other Statistics FaultsTotal)" -ge "$total" ] || fail "the counters of a space went back"
	check_equation space/other
	check_equation ""

	# A device that changes is another one
	sed -i 's/count=200$/count=400/' "$conf.d/70-new.conf"
	plan "device new: address: sim:count=200 -> sim:count=400" "device new: detached and attached again" \
		"device fresh: address: sim:count=200 -> sim:count=400" "device fresh: detached and attached again"
	reload
	for device in new fresh; do
		[ "$(property device/$device Device Address)" = sim:count=400 ] || fail "$device has its old address"
		state_is $device active || fail "$device is $(property device/$device Device State)"
	done

	# Budgets, while they are in use
	sed -i 's/^budget = .*/budget = 1M/' "$conf"
	plan "space steady: budget: 2M -> 1M"
	reload
	[ "$(property space/steady Space Budget)" = 1048576 ] || fail "Budget is $(property space/steady Space Budget)"
	below() { [ "$(property space/steady Space MappedBytes)" -le "$1" ]; }
	wait_for 20 below 1048576
	sed -i 's/^workers = 2/&\nmemory-budget = 512K\ndeadline = 30s/' "$conf"
	plan "daemon: deadline: 0 -> 30s" "daemon: memory-budget: 75% -> 512K"
	reload
	wait_for 20 below 524288
	sed -i '/^memory-budget/d; s/^budget = .*/budget = 4M/' "$conf"
	reload
	above() { [ "$(property space/steady Space MappedBytes)" -gt 1048576 ]; }
	wait_for 20 above

	# What cannot change is named, again and again
	sed -i 's/^workers = 2/workers = 3/' "$conf"
	plan "daemon: workers: 2 -> 3 (needs a restart)"
	reload
	plan "daemon: workers: 2 -> 3 (needs a restart)"
	grep -q 'workers: 2 -> 3 (needs a restart)' "$tmp/daemon.log" || fail "the log does not say that a restart is needed"
	sed -i 's/^workers = 3/workers = 2/' "$conf"
	plan ""

	# Errors
	echo 'granul = 4K' >> "$conf.d/60-other.conf"
	line=$(wc -l < "$conf.d/60-other.conf")
	rejected EINVAL "60-other.conf:$line: .device other. granul: unknown key"
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager CheckConfiguration | grep -q "60-other.conf\" $line \"error\"" ||
		fail "CheckConfiguration does not tell the error"
	! manager PlanReload 2> "$tmp/refused" || fail "there is a plan in spite of an error"
	sed -i '$d' "$conf.d/60-other.conf"
	for ((i = 0; i < 1500; i++)); do
		printf '[device x%d]\naddress = sim\n[region x%d/r]\niova = 0\nlength = 1M\n' $i $i
	done | part 90-many
	rejected ENOSPC 'too many devices and spaces'
	rm "$conf.d/90-many.conf"
	chmod 000 "$conf.d/70-new.conf"
	[ "$(id -u)" = 0 ] || rejected EINVAL 'Permission denied'
	chmod 644 "$conf.d/70-new.conf"
	plan ""
	reload

	# What could not be attached is tried again, what was detached is not
	part 80-later <<- EOT
		[device later]
		address = sim
		[region later/file]
		iova = 0
		length = 1M
		policy = file
		path = $tmp/later
	EOT
	reload
	state_is later failed || fail "later is $(property device/later Device State)"
	plan "device later: is failed, tried again"
	truncate -s 1M "$tmp/later"
	busctl_private call org.iopfd1 /org/iopfd1/device/new org.iopfd1.Device Detach t 0
	reload
	rm "$tmp/later"
	state_is later active || fail "later is $(property device/later Device State)"
	state_is new detached || fail "new is $(property device/new Device State)"

	# Gone
	rm "$conf.d/70-new.conf" "$conf.d/80-later.conf"
	plan "space fresh: removed" "space later: removed" "device new: removed" "device fresh: removed" "device later: removed"
	reload
	expect_devices "other steady"
	! busctl_private get-property org.iopfd1 /org/iopfd1/space/fresh org.iopfd1.Space Name 2> /dev/null ||
		fail "the space is still there"
	check_equation ""
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"
done
