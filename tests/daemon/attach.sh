#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# AttachDevice: configured devices that come back, and devices that no file names, with
# memory of their own or in a space that is there. What fails leaves nothing behind, what is
# detached neither, and a reload leaves them alone.
. "$(dirname "$0")/../lib/daemon.sh"

attach() {
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager AttachDevice 'sa{sv}' "$@"
}
# with_memory NAME ADDRESS LENGTH
with_memory() {
	attach "$1" 2 address s "$2" regions 'a(sa{sv})' 1 heap 2 iova s 0x100000000 length s "$3"
}
detach() {
	busctl_private call org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Device Detach t 0
}
reload() {
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager Reload
}
# refused TEXT COMMAND...
refused() {
	local text=$1
	shift
	! "$@" > "$tmp/refused" 2>&1 || fail "not refused: $*"
	grep -q "$text" "$tmp/refused" || fail "$*: $(cat "$tmp/refused"), not $text"
}
objects() {
	busctl_private tree --list org.iopfd1 | sed -n 's,^/org/iopfd1/\(.*/.*\),\1,p' | sort | tr '\n' ' '
}
expect_objects() {
	[ "$(objects)" = "$1 " ] || fail "there is $(objects), not $1"
}
state_is() {
	[ "$(property "device/$1" Device State)" = "$2" ] || fail "$1 is $(property "device/$1" Device State), not $2"
}
# Its pages may be mapped already: then there is no fault
visited() {
	[ "$(engine_counters "$1" | value Visits)" = "$2" ]
}
fds() {
	find /proc/"$daemon"/fd -mindepth 1 | wc -l
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[region shared/heap]
		iova = 0x100000000
		length = 8M
		[device a]
		address = sim:count=200
		space = shared
		pasids = yes
	EOT
	)
	rm -rf "$conf.d" && mkdir "$conf.d"
	: > "$tmp/daemon.log"
	daemon_start --config="$conf"
	wait_for 20 faults_arrive a
	objects='device/a space/shared'
	expect_objects "$objects"

	# Configured
	refused 'attached already' attach a 0
	refused 'no device' attach nobody 0
	detach a
	state_is a detached
	[ "$(attach a 0)" = 'o "/org/iopfd1/device/a"' ] || fail "AttachDevice returned no path"
	state_is a active

	# With its own memory
	[ "$(with_memory own sim:count=100,depth=2 4M)" = 'o "/org/iopfd1/device/own"' ] || fail "AttachDevice returned no path"
	expect_objects "device/a device/own space/own space/shared"
	wait_for 20 faults_arrive own
	[ "$(property device/own Device Transient)" = true ] || fail "own is not transient"
	[ "$(property device/a Device Transient)" = false ] || fail "a is transient"
	[ "$(property device/own Device ConfigSource)" = '' ] || fail "own is of a file"
	refused 'device .own. already' with_memory own sim 1M
	check_equation device/own

	# In a space that is there
	attach guest 2 address s sim:count=100,pasid=9 pasid as 1 9:shared > /dev/null
	attach other 2 address s sim:count=100 space s shared > /dev/null
	wait_for 20 visited guest 100
	wait_for 20 visited other 100

	# Wrong, and nothing is left of it
	before=$(objects)
	refused 'bus:[0-9]*: .device t. adress: unknown key' attach t 1 adress s sim
	refused 'address: missing' attach t 1 space s shared
	refused 'no space .elsewhere.' attach t 2 address s sim space s elsewhere
	refused 'zero length' with_memory t sim 0
	refused 'expected a multiple' with_memory t sim 1K
	refused "is not a device address\|is no device address" with_memory t nonsense 1M
	refused 'exists, expected no regions' attach shared 2 address s sim regions 'a(sa{sv})' 1 x 2 iova s 0 length s 1M
	refused 'does not exist' attach t 2 address s sim \
		regions 'a(sa{sv})' 1 x 4 iova s 0 length s 1M policy s file path s "$tmp/nowhere"
	refused . with_memory t vfio4711 1M
	[ "$(objects)" = "$before" ] || fail "there is $(objects), not $before"

	# A reload leaves them alone, also in a space that it changes
	sed -i 's/^length = 8M/&\ngranule = 4K/' "$conf"
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager PlanReload |
		grep -q 'device guest: detached and attached again, because a space of it changes' || fail "the plan lacks guest"
	reload
	for device in a own guest other; do
		state_is $device active
	done
	[ "$(objects)" = "$before" ] || fail "after the reload there is $(objects), not $before"
	[ "$(grep -c '^iopfd: own: ' "$tmp/daemon.log")" = 1 ] || fail "own was touched by the reload"
	printf '[device own]\naddress = sim\nspace = shared\n' > "$conf.d/50.conf"
	refused '50.conf:1: .device own. there is a transient device' reload
	printf '[region own/x]\niova = 0\nlength = 1M\n' > "$conf.d/50.conf"
	refused '50.conf:1: .region own/x. there is a transient space\|50.conf:1: .space own. there is a transient space' reload
	rm "$conf.d"/*
	sed -i 's,^\[region shared/heap\],[region else/heap],; s/^space = shared/space = else/' "$conf"
	refused "the device '\(guest\|other\)' was attached to this space later" reload
	[ "$(objects)" = "$before" ] || fail "after a refused reload there is $(objects), not $before"
	busctl_private call org.iopfd1 /org/iopfd1/device/a org.iopfd1.Device AttachPasid us 5 shared
	detach guest
	detach other
	reload
	expect_objects "device/a device/own space/else space/own"
	check_equation ""

	# Gone, and at once there again
	: > "$tmp/daemon.log"
	for ((i = 0; i < 60; i++)); do
		detach own
		[ $i != 9 ] || first=$(fds)
		with_memory own sim:count=50 4M > /dev/null
	done
	detach own
	expect_objects "device/a space/else"
	[ "$(fds)" -le "$first" ] || fail "$first file descriptors became $(fds)"
	check_equation ""
	sed -i 's,else,shared,' "$conf"
	reload
	with_memory last sim:count=max,rate=100 4M > /dev/null
	attach bare 1 address s sim:count=1 > /dev/null
	grep -q "bare: the space 'bare' has no region" "$tmp/daemon.log" || fail "no word of a space without regions"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"
done
