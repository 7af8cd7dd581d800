#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 600
# Devices that are attached and detached again and again leave nothing behind: transient ones in
# a space that is there and with memory of their own, configured ones, PASIDs; while another
# device is at work. CYCLES says how many, all together.
. "$(dirname "$0")/../lib/daemon.sh"

cycles=${CYCLES:-4000}
growth_max=1024 # KiB

# all CYCLES: of each kind a quarter
all() {
	local n=$(($1 / 4))
	run what=transient names=t1,t2,t3,t4,t5,t6,t7,t8 address=sim:count=8 space=shared cycles=$n
	run what=transient names=t1,t2,t3,t4,t5,t6,t7,t8 address=sim:count=8 cycles=$n
	run what=configured names=a,b cycles=$n
	run what=pasid names=steady,a,b space=shared cycles=$n
}
run() {
	"$IOPFD_BUILD/tests/lib/cycles" bus="$bus_address" "$@" > "$tmp/rate" || fail "$loop: $*"
	echo "# $loop: $1${2#names}: $(cat "$tmp/rate")" | sed 's/=steady,a,b\|=t1.*t8\|=a,b//'
}
fds() {
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
status() {
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$daemon/status"
}
# The kernel closes what was in a message a moment later
as_before() {
	[ "$(fds)" -le "$fds" ] && [ "$(status Threads)" -le "$threads" ]
}

bus_start
for loop in $(loops); do
	daemon_start --config="$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		[region shared/heap]
		iova = 0x100000000
		length = 8M
		[region steady/heap]
		iova = 0x100000000
		length = 16M
		granule = 4K
		[space steady]
		budget = 4M
		[device steady]
		address = sim:count=max,pattern=random,rate=500
		pasids = yes
		[device a]
		address = sim:count=8
		pasids = yes
		space = shared
		[device b]
		address = sim:count=8
		pasids = yes
		space = shared
	EOT
	)"
	wait_for 20 faults_arrive steady
	all $((cycles / 4))
	fds=$(fds) threads=$(status Threads) memory=$(status RssAnon)
	all "$cycles"
	wait_for 10 as_before
	grown=$(($(status RssAnon) - memory))
	echo "# $loop: $fds descriptors, $threads threads, RssAnon $memory KiB, $grown more after $cycles cycles"
	# A sanitizer keeps what was freed, and something of each thread that ended; it finds leaks itself
	if ! grep -q 'lib.san' "/proc/$daemon/maps"; then
		[ $grown -le $growth_max ] || fail "$loop: $grown KiB more"
	fi
	[ "$(property "" Manager DeviceCount)" = 3 ] || fail "$loop: $(property "" Manager DeviceCount) devices"
	[ "$(property device/steady Statistics ResponsesInvalid)" = 0 ] || fail "$loop: steady was disturbed"
	check_data steady
	check_equation device/steady
	check_equation ""
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"
done
