# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by scripts that run the daemon: a private message bus, a stand-in for the service
# manager and the daemon itself, all in a temporary folder ($tmp). When the script ends,
# all of it is stopped and removed; after a failure the logs are shown.
#
# A script may start several daemons, one after the other; $daemon is the pid of the last.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
IOPFD_BUILD=${IOPFD_BUILD:-$PWD/build}
iopfd=${IOPFD_DAEMON:-$IOPFD_BUILD/iopfd}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
bus_address=unix:path=$tmp/bus
daemon= bus= sink=

fail() {
	echo "failed: $*"
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

# Kills and waits for a child of ours; no complaint when it has gone
reap() {
	[ -n "$1" ] || return 0
	kill "${2:--KILL}" "$1" 2> /dev/null || true
	wait "$1" 2> /dev/null || true
}

# shellcheck disable=SC2317
on_exit() {
	local status=$?
	trap - EXIT
	trap '' PIPE
	reap "$daemon"
	reap "$bus" -TERM
	reap "$sink" -TERM
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		for log in "$tmp"/*.log; do
			[ ! -s "$log" ] || { echo "--- ${log##*/}" && tail -n 60 "$log"; }
		done
	fi
	rm -rf "$tmp"
	exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for SECONDS COMMAND...: polls until the command succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -le $end ] || fail "never happened: $*"
		sleep 0.05
	done
}

# Everybody may own and send everything; the daemon's own checks are what is tested
bus_start() {
	cat > "$tmp/bus.conf" <<- EOT
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <listen>$bus_address</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow user="*"/><allow own="*"/>
		    <allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/>
		  </policy>
		</busconfig>
	EOT
	rm -f "$tmp/bus"
	dbus-daemon --nofork --nopidfile --nosyslog --config-file="$tmp/bus.conf" 2>> "$tmp/bus.log" &
	bus=$!
	wait_for 10 test -S "$tmp/bus"
}

bus_stop() {
	reap "$bus" -TERM
	bus=
}

# daemon_run ARGUMENT...: starts it and returns at once
daemon_run() {
	daemon_run_with "$iopfd" "$@"
}

# daemon_run_with COMMAND...: the same for a command that becomes or runs the daemon
daemon_run_with() {
	if [ -z "$sink" ]; then
		"$IOPFD_BUILD/tests/lib/notify-sink" "$tmp/notify" > "$tmp/notify.log" &
		sink=$!
		wait_for 10 test -S "$tmp/notify"
	fi
	: > "$tmp/notify.log"
	NOTIFY_SOCKET=$tmp/notify "$@" 2>> "$tmp/daemon.log" &
	daemon=$!
}

notified() {
	grep -q "^[0-9]* $1" "$tmp/notify.log"
}

daemon_alive() {
	kill -0 "$daemon" 2> /dev/null
}

ready_or_dead() {
	notified READY=1 || ! daemon_alive
}

# daemon_start ARGUMENT...: returns when it is ready. --bus= is given here, the private one
# if it was started, unless among the arguments.
daemon_start() {
	case " $*" in
	*' --bus='*) ;;
	*) [ -z "$bus" ] && set -- --bus=none "$@" || set -- --bus="$bus_address" "$@" ;;
	esac
	daemon_run "$@"
	wait_for 30 ready_or_dead
	notified READY=1 || fail "the daemon ended before it was ready"
	case " $*" in
	*" --bus=$bus_address"*) [ -z "$bus" ] || wait_for 10 on_bus ;;
	esac
}

# Sends the signal (default TERM) and sets $daemon_status
daemon_stop() {
	kill "-${1:-TERM}" "$daemon"
	daemon_wait
}

# Waits at most 20 s for the end of the daemon and sets $daemon_status
daemon_wait() {
	local i
	for ((i = 0; i < 400; i++)); do
		daemon_alive || break
		sleep 0.05
	done
	! daemon_alive || fail "the daemon does not end"
	daemon_status=0
	wait "$daemon" || daemon_status=$?
	daemon=
}

# Runs the daemon to its end and wants this exit status: expect_exit STATUS ARGUMENT...
expect_exit() {
	local want=$1 status=0
	shift
	timeout -k 5 20 "$iopfd" "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
	[ $status = "$want" ] || { cat "$tmp/out" "$tmp/err"; fail "iopfd $*: exit status $status, not $want"; }
}

busctl_private() {
	busctl --no-pager --address="$bus_address" "$@"
}

on_bus() {
	busctl_private call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s org.iopfd1 \
		2> /dev/null | grep -q 'b true'
}

# property PATH INTERFACE NAME: path below /org/iopfd1, interface below org.iopfd1
property() {
	busctl_private get-property org.iopfd1 "/org/iopfd1${1:+/$1}" "org.iopfd1.$2" "$3" | sed 's/^[^ ]* //; s/^"\(.*\)"$/\1/'
}

# all_statistics PATH: "NAME VALUE" lines of one snapshot
all_statistics() {
	busctl_private call org.iopfd1 "/org/iopfd1${1:+/$1}" org.freedesktop.DBus.Properties GetAll s org.iopfd1.Statistics |
		awk '{ for (i = 3; i + 2 <= NF; i += 3) { gsub(/"/, "", $i); print $i, $(i + 2) } }'
}

# engine_counters DEVICE: likewise
engine_counters() {
	busctl_private get-property org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Device EngineCounters |
		awk '{ for (i = 3; i + 1 <= NF; i += 2) { gsub(/"/, "", $i); print $i, $(i + 1) } }'
}

# value NAME: of such lines on standard input
value() {
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }'
}

# check_equation DEVICE: FaultGroupsTotal = Success + Invalid + Stale + Pending, once quiet
check_equation() {
	all_statistics "$1" | awk '
		{ v[$1] = $2 }
		END {
			sum = v["ResponsesSuccess"] + v["ResponsesInvalid"] + v["ResponsesStale"] + v["FaultsPending"]
			if (!("FaultGroupsTotal" in v) || v["FaultGroupsTotal"] != sum) {
				print "accounting: " v["FaultGroupsTotal"] " groups, " sum " answered or pending"
				exit 1
			}
		}' || fail "accounting of ${1:-the manager}"
}

# check_data DEVICE: the model verified something and found nothing wrong
check_data() {
	engine_counters "$1" > "$tmp/counters"
	for name in Visits BytesVerified; do
		[ "$(value $name < "$tmp/counters")" -gt 0 ] || fail "$1: $name is 0"
	done
	for name in DataErrors VisitsFailed UnknownCookies DoubleAnswers SuccessWithoutMapping; do
		[ "$(value $name < "$tmp/counters")" = 0 ] || fail "$1: $name is $(value $name < "$tmp/counters")"
	done
}

# True when faults of this device were served
faults_arrive() {
	[ "$(property "device/$1" Statistics ResponsesSuccess)" -gt 0 ]
}

# Writes standard input to a configuration file and prints its path: config NAME
config() {
	cat > "$tmp/$1.conf"
	echo "$tmp/$1.conf"
}

# The two loops; io_uring only where the kernel allows it
loops() {
	echo libevent
	if [ "$(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null || echo 0)" = 0 ]; then
		echo io_uring
	fi
}
