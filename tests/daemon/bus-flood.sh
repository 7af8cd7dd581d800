#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 50 clients that call as fast as they can, one that never reads its answers, a bus that
# stands still and a trace whose reader sleeps: faults go on, nothing piles up. The rates
# are printed, not judged. Where there are two CPUs, one is for faults and the simulated
# device alone, and the other for the bus, its clients and the rest of the daemon.
. "$(dirname "$0")/../lib/daemon.sh"

# The CPUs that we may use, one a line
allowed_cpus() {
	awk '$1 == "Cpus_allowed_list:" {
		n = split($2, ranges, ",")
		for (i = 1; i <= n; i++) {
			split(ranges[i] "-" ranges[i], ends, "-")
			for (cpu = ends[1]; cpu <= ends[2]; cpu++)
				print cpu
		}
	}' /proc/self/status
}

mapfile -t cpus < <(allowed_cpus)
of_faults=any
if [ ${#cpus[@]} -gt 1 ]; then
	of_faults=${cpus[-1]}
	unset 'cpus[-1]'
	taskset -cp "$(IFS=, && echo "${cpus[*]}")" $$ > "$tmp/taskset.log"
fi

conf=$(config sim <<- EOT
	[daemon]
	workers = 1
	cpus = $of_faults
	[space a]
	budget = 1M
	[region a/r]
	iova = 0x100000000
	length = 64M
	granule = 4K
	[device a]
	address = sim:pattern=random,count=max,rate=1000
EOT
)
flood=$IOPFD_BUILD/tests/lib/bus-flood
growth_max=8192 # KiB
bus_start
daemon_start --config="$conf"
wait_for 20 faults_arrive a
if [ "$of_faults" != any ]; then
	for task in "/proc/$daemon/task/"*; do
		[ "$(cat "$task/comm")" != sim-a ] || taskset -cp "$of_faults" "${task##*/}" > "$tmp/taskset.log"
	done
fi

# The memory that is only ours; what the region holds is another matter
anonymous() {
	awk '/^RssAnon/ { print $2 }' "/proc/$daemon/status"
}
descriptors() {
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
total() {
	property "$1" Statistics ResponsesSuccess
}
# Prints the p99 since this was asked last, in ns, and the number of groups
p99() {
	busctl_private get-property org.iopfd1 /org/iopfd1/device/a org.iopfd1.Statistics LatencyBuckets > "$tmp/now"
	[ ! -s "$tmp/then" ] || awk -f tests/lib/p99.awk "$tmp/then" "$tmp/now"
	mv "$tmp/now" "$tmp/then"
}
# How long those who serve and make faults have waited for a CPU so far, in ms: when others
# take it, the p99 says nothing about the bus
waited() {
	local task
	for task in "/proc/$daemon/task/"*; do
		case $(cat "$task/comm") in
		sim-a | iopfd-shard0) cat "$task/schedstat" ;;
		esac
	done | awk '{ ns += $2 } END { printf "%d\n", ns / 1000000 }'
}
go_on() {
	[ "$(total device/a)" -gt "$1" ]
}
# small WHAT KIB: so much it has grown
small() {
	case $IOPFD_BUILD in
	*san) ;; # their allocators keep what is freed
	*) [ "$2" -le $growth_max ] || fail "$1: $2 KiB more" ;;
	esac
}
# check WHAT: nothing has piled up, and faults are served
check() {
	local grown=$(($(anonymous) - memory))
	echo "$1: $grown KiB more, $(descriptors) descriptors, p99 (ns), groups: $(p99)"
	small "$1" $grown
	same_descriptors() {
		[ "$(descriptors)" -le "$fds" ]
	}
	wait_for 10 same_descriptors
	wait_for 20 go_on "$(total device/a)"
}

# One of each, so that what is allocated once is there
"$flood" "$bus_address" 1 1
memory=$(anonymous)
fds=$(descriptors)
p99
before=$(waited)
sleep 4
read -r quiet groups <<< "$(p99)"
echo "quiet: p99 $quiet ns of $groups groups, $(($(waited) - before)) ms without a CPU"
before=$(waited)
"$flood" "$bus_address" 50 4
read -r loud groups <<< "$(p99)"
free='no CPU is free for faults'
[ "$of_faults" = any ] || free="CPU $of_faults is free for faults"
echo "50 clients: p99 $loud ns of $groups groups, $((loud * 100 / quiet)) % of the quiet one," \
	"$(($(waited) - before)) ms without a CPU; $free"
[ "$groups" -gt 0 ] || fail "no fault was served while the bus was flooded"
check "50 clients"

"$flood" "$bus_address" --deaf 3
check "a deaf client"

# The bus takes nothing and says nothing: what it brought before waits, and no more is read
"$flood" "$bus_address" 10 3 > "$tmp/flood" &
flooding=$!
sleep 0.5
kill -STOP "$bus"
sleep 1
grown=$(($(anonymous) - memory))
kill -CONT "$bus"
small "while the bus stood still" $grown
wait "$flooding" || fail "clients of a bus that stood still"
cat "$tmp/flood"
check "a bus that stood still"

# A trace whose reader sleeps
mkfifo "$tmp/fifo"
"$IOPFD_BUILD/tests/lib/trace-reader" "$bus_address" --stall < "$tmp/fifo" > "$tmp/trace" 2>&1 &
reader=$!
exec {fifo}> "$tmp/fifo"
drops() {
	[ "$(total_dropped)" -gt 0 ]
}
total_dropped() {
	property '' Statistics TraceDropped
}
wait_for 40 drops
small "behind a reader that sleeps" $(($(anonymous) - memory))
wait_for 20 go_on "$(total device/a)"
exec {fifo}>&-
wait "$reader" || fail "the reader: $(cat "$tmp/trace")"
tail -n 1 "$tmp/trace"
check "a reader that slept"
check_equation device/a
check_data a
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
