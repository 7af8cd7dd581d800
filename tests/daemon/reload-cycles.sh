#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 200 reloads that add, change and remove under load leave nothing behind: file descriptors,
# memory, room for devices. Reloads that come faster than they are done; and a stop in the
# middle of one.
. "$(dirname "$0")/../lib/daemon.sh"

# Freed memory that a sanitizer keeps would count as a leak.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

manager() {
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager "$@"
}
fds() {
	find /proc/"$daemon"/fd -mindepth 1 | wc -l
}
rss_kib() {
	awk '$1 == "RssAnon:" { print $2 }' /proc/"$daemon"/status
}
# One after the other: there, other region, other device and space, not there.
cycle() {
	case $(($1 % 4)) in
	0) guest 64K 1 x ;;
	1) guest 4K 1 x ;;
	2) guest 4K 2 y ;;
	3) : > "$conf.d/60-guest.conf" ;;
	esac
}
guest() {
	cat > "$conf.d/60-guest.conf" <<- EOT
		[region guest/$3]
		iova = 0x100000000
		length = 2M
		granule = $1
		[region guest/kept]
		iova = 0x200000000
		length = 1M
		[device guest]
		address = sim:count=512,depth=2,seed=$2
		pasid = 5:steady
	EOT
}
no_descriptor_more() {
	[ "$(fds)" -le "$((first_fds + 2))" ]
}

bus_start
for loop in $(loops); do
	conf=$(config "$loop" <<- EOT
		[daemon]
		event-loop = $loop
		workers = 2
		memory-budget = 16M
		[region steady/heap]
		iova = 0x100000000
		length = 32M
		[device steady]
		address = sim:count=max,pattern=random,depth=2,rate=500
	EOT
	)
	mkdir -p "$conf.d"
	: > "$tmp/daemon.log"
	daemon_start --config="$conf"
	wait_for 20 faults_arrive steady
	for ((i = 0; i < 200; i++)); do
		cycle $i
		manager Reload > /dev/null || fail "reload $i"
		if [ $i = 39 ]; then
			first_fds=$(fds) first_rss=$(rss_kib)
		fi
	done
	wait_for 10 no_descriptor_more
	rss=$(rss_kib)
	[ "$rss" -le $((first_rss + 4096)) ] || fail "$loop: RssAnon went from $first_rss to $rss KiB"
	echo "# $loop: RssAnon $first_rss KiB after 40 reloads, $rss KiB after 200"
	[ "$(property "" Manager ConfigSerial)" = 201 ] || fail "ConfigSerial is $(property "" Manager ConfigSerial)"
	[ "$(property device/steady Statistics ResponsesInvalid)" = 0 ] || fail "steady: faults were refused"
	[ "$(grep -c '^iopfd: steady: ' "$tmp/daemon.log")" = 1 ] || fail "steady was touched"
	check_data steady
	check_equation device/steady
	check_equation ""

	# Signals that come while a reload is under way mean one more
	cycle 0
	for ((i = 0; i < 20; i++)); do
		kill -HUP "$daemon"
	done
	cycle 2
	kill -HUP "$daemon"
	guest_is_second() {
		[ "$(property device/guest Device Address 2> /dev/null)" = sim:count=512,depth=2,seed=2 ]
	}
	wait_for 20 guest_is_second

	# Stop: while a space that is never quiet drains, and with a caller who waits
	sed -i 's/^length = 32M/length = 16M/' "$conf"
	reloading() {
		[ "$(property "" Manager State)" = reloading ]
	}
	busctl_private --timeout=20 call org.iopfd1 /org/iopfd1 org.iopfd1.Manager Reload 2> "$tmp/refused" &
	caller=$!
	wait_for 10 reloading
	! manager Reload 2> "$tmp/busy" || fail "two reloads at once"
	grep -q 'under way' "$tmp/busy" || fail "the second reload: $(cat "$tmp/busy")"
	! busctl_private call org.iopfd1 /org/iopfd1/device/steady org.iopfd1.Device Detach t 0 2> "$tmp/busy" ||
		fail "a device is detached in the middle of a reload"
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status"
	! wait $caller || fail "the caller of a reload that was given up was told nothing"
	grep -q 'daemon stops' "$tmp/refused" || fail "the caller was told: $(cat "$tmp/refused")"

	# And at any other moment
	for ((i = 0; i < 8; i++)); do
		daemon_start --config="$conf"
		cycle $i
		sed -i "s/^length = .*/length = $((i + 8))M/" "$conf"
		kill -HUP "$daemon"
		sleep 0.0$i
		daemon_stop
		[ "$daemon_status" = 0 ] || fail "$loop: exit status $daemon_status after stop $i"
	done
done
