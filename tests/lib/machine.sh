# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by tests that need a machine with a real iommufd. A test is one script that runs
# twice: on this machine, where machine() boots one of the rig's and runs the script again
# in it, and there, where machine() returns. IOPFD_BUILD is the folder with the programs.
#
#	. "${0%/*}/../lib/machine.sh"
#	machine vm -d 2			# options of the rig's script
#	bus_start
#	daemon_start < configuration
#	drive SCENARIO KEY=VALUE...
#	daemon_stop

IOPFD_BUILD=${IOPFD_BUILD:-build}
PATH=$PATH:/usr/sbin:/sbin

# In a machine with systemd: the daemon's user and group, as a package makes them. What only
# root of this machine may read, root of one that somebody else booted cannot: away with it.
make_user() {
	for file in /etc/shadow /etc/gshadow; do
		cat $file > /dev/null 2>&1 || rm -f $file
	done
	systemd-sysusers /usr/lib/sysusers.d/iopfd.conf || fail "sysusers"
}

# need_rig KIND: no rig: skipped, and loudly; a failure in CI
need_rig() {
	kind=$1
	cd "${0%/*}/../.." || exit 1
	rig=${IOPFD_RIG:-../shared/rig}
	if [ ! -x "$rig/$kind" ]; then
		echo "no rig: $rig/$kind does not exist (IOPFD_RIG names its folder)" >&2
		[ "${CI:-}" != true ] || exit 1
		echo "skipped: ${0##*/} needs the rig"
		exit 77
	fi
}

# boot OPTION... -- COMMAND...: one machine. On a busy host the emulated timer may be late
# for the kernel's check of it at boot, which would end in a panic.
boot() {
	[ "$kind" != vm ] || set -- -a no_timer_check "$@"
	"$rig/$kind" "$@"
}

machine() {
	[ "${RIG_KIND:-}" != "$1" ] || return 0
	need_rig "$1"
	shift
	for program in "$IOPFD_BUILD/iopfd" "$IOPFD_BUILD/tests/vm/drive" "$IOPFD_BUILD/tests/uml/trigger"; do
		[ -x "$program" ] || { echo "not ok: $program is not built" >&2; exit 1; }
	done
	export IOPFD_BUILD
	boot -e IOPFD_BUILD "$@" -- /bin/sh "tests/$kind/${0##*/}"
	exit $?
}

fail() {
	echo "not ok: $*" >&2
	if [ -s "$tmp/log" ]; then
		echo "the daemon's last words:" >&2
		tail -n 40 "$tmp/log" >&2
	fi
	exit 1
}

bus_start() {
	tmp=$(mktemp -d)
	bus=unix:path=$tmp/bus
	cat > "$tmp/bus.conf" <<-END
	<busconfig>
	  <listen>$bus</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default">
	    <allow send_destination="*" eavesdrop="false"/>
	    <allow receive_sender="*"/>
	    <allow own="*"/>
	  </policy>
	</busconfig>
	END
	dbus-daemon --config-file="$tmp/bus.conf" --nofork --nosyslog > "$tmp/bus.log" 2>&1 &
	wait_file "$tmp/bus"
}

# daemon_start < CONFIG: returns at once; a test waits for the states it needs
daemon_start() {
	cat > "$tmp/iopfd.conf"
	daemon_restart
}

daemon_restart() {
	"$IOPFD_BUILD/iopfd" --config="$tmp/iopfd.conf" --bus="$bus" --log-level=debug 2> "$tmp/log" &
	daemon=$!
}

# SIGTERM: everything is answered, detached, destroyed; exit 0
daemon_stop() {
	kill -TERM "$daemon" || fail "the daemon is not there"
	wait "$daemon"
	rc=$?
	[ $rc = 0 ] || fail "the daemon ended with $rc"
}

# One scenario of the driver; drive() ends the test when it fails.
try() {
	case $RIG_KIND in
	vm) "$IOPFD_BUILD/tests/vm/drive" --bus="$bus" "$@" ;;
	uml) "$IOPFD_BUILD/tests/uml/trigger" --bus="$bus" "$@" ;;
	esac
}

drive() {
	try "$@" || fail "$*"
}

# wait_all PID...: all must have succeeded
wait_all() {
	for p; do
		wait "$p" || fail "a driver in the background failed"
	done
}

# wait_file PATH...: until they exist
wait_file() {
	for f; do
		n=0
		while [ ! -e "$f" ]; do
			n=$((n + 1))
			[ $n -lt 600 ] || fail "there never was a $f"
			sleep 0.05
		done
	done
}

# active DEVICE...
active() {
	for d; do
		drive state device="$d"
	done
}
