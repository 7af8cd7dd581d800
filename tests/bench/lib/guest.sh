# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the cases that run in a machine of the rig; they are started by bench.py. Who
# serves the faults, the daemon or a program that stands in for it, is started and ended for
# each measurement, and its results are printed as "BENCHMARK WHO METRIC VALUE".
#
#	for_rounds case		# calls "case ours", "case a", ... in turn, round by round
#
# ROUNDS, ONLY (benchmarks, blank separated; empty: all) and BENCH_SPIN (not empty: the daemon
# has the keys spin and cpus) come from the driver.

. "${0%/*}/../../lib/machine.sh"
cd "${0%/*}/../../.." || exit 1
bench=$IOPFD_BUILD/tests/bench
bus_start

# asked BENCHMARK: whether it shall run
asked() {
	case " ${ONLY:-$1} " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

for_rounds() {
	round=0
	what=$1
	shift
	while [ $round -lt "${ROUNDS:-5}" ]; do
		for who; do
			$what "$who" || fail "$what $who"
		done
		round=$((round + 1))
	done
}

# record BENCHMARK WHO PREFIX COMMAND...: its results, the prefix in front of the metrics. In
# profiled(), where the server's time goes while the command runs, instead of its results.
record() {
	begin="$1 $2 $3"
	shift 3
	if [ -n "$profile_per" ]; then
		command=
		for word; do
			command="$command '$word'"
		done
		set -- "$bench/profile" pid="$server" per="$profile_per" command="$command > /dev/null"
	fi
	"$@" > "$tmp/results" || fail "$begin: $*"
	sed "s/^/$begin/" "$tmp/results"
}

# profiled WHO N COMMAND...: a function that serves and records N pages or faults. In the
# first round, ours and (b) do it once more under a profile.
profile_per=
profiled() {
	profiled_who=$1 profiled_n=$2
	shift 2
	"$@" || return
	[ $round = 0 ] || return 0
	case $profiled_who in
	ours | b)
		profile_per=$profiled_n
		"$@"
		profile_per=
		;;
	esac
}

# ours [DEVICE...] < CONFIG: the daemon ($daemon, if set), until the devices are active; the
# configuration begins with keys of the daemon's section
ours() {
	{
		echo '[daemon]'
		cat
	} > "$tmp/iopfd.conf"
	${pin:-} "${daemon:-$IOPFD_BUILD/iopfd}" --config="$tmp/iopfd.conf" --bus="$bus" 2> "$tmp/log" &
	server=$!
	for device; do
		try state device="$device" > "$tmp/state" || fail "the daemon does not take $device"
	done
}

# stands_in PROGRAM KEY=VALUE...: a comparator, until its devices can fault
stands_in() {
	program=$1
	shift
	rm -f "$tmp/ready"
	${pin:-} "$bench/$program" ready="$tmp/ready" "$@" > "$tmp/served" 2> "$tmp/log" &
	server=$!
	wait_file "$tmp/ready"
}

server_stop() {
	kill -TERM "$server" || fail "the server is not there"
	wait "$server" || fail "the server ended with $?"
}

# mock_config DEVICES QUEUES SIZE [KEY=VALUE]: for ours(); device i in space i modulo QUEUES,
# the key in each region
mock_config() {
	awk -v devices="$1" -v queues="$2" -v size="$3" -v key="${4:-}" 'BEGIN {
		print "workers = 1"
		for (q = 0; q < queues; q++)
			printf "[region s%d/heap]\niova = 0x1000000\nlength = %s\ngranule = 4K\n%s\n", q, size, key
		for (d = 0; d < devices; d++)
			printf "[device mock%d]\naddress = mock\nspace = s%d\n", d, d % queues
	}'
}

# mock_regions QUEUES: as load-mock wants them
mock_regions() {
	awk -v queues="$1" 'BEGIN { for (q = 0; q < queues; q++) printf "%ss%d/heap", q ? "," : "", q }'
}
