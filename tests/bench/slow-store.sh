#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a slow store costs its neighbour: two regions on one shard, of which one takes 500 ms
# for every hundredth of its fills. Prints the p99 of the other one's faults alone, beside
# the same store when it is quick, and beside the slow one; and the ratio of the last to the
# first, of which the aim is at most 2. Fails only if a byte is wrong. On a busy machine the
# numbers mean little.
. "$(dirname "$0")/../lib/daemon.sh"

PAGES=30000 # each faults once, and is compared in a second round
mkdir -m 755 "$tmp/policies"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$tmp/policies/trouble.so"

ended() {
	[ "$(engine_counters fast | value Visits)" = $((2 * PAGES)) ]
}
# p99: of what LatencyBuckets says, the upper bound of the bucket that it is in, in us
p99() {
	busctl_private get-property org.iopfd1 /org/iopfd1/device/fast org.iopfd1.Statistics LatencyBuckets | awk '
		{
			for (i = 3; i + 1 <= NF; i += 2)
				total += $(i + 1)
			for (i = 3; i + 1 <= NF; i += 2) {
				sum += $(i + 1)
				if (sum >= total * 0.99) {
					printf "%.1f\n", $i / 1000
					exit
				}
			}
		}'
}
# run NAME COUNT DELAY-SHARE: of the device that uses the store; sets $us
run() {
	daemon_start --config="$(config "$1" <<- EOT
		[daemon]
		workers = 1
		plugin-dir = $tmp/policies
		[device fast]
		address = sim:count=$((2 * PAGES)),rate=10000
		[region fast/heap]
		iova = 0x100000000
		length = $((PAGES * 4))K
		granule = 4K
		[device slow]
		address = sim:channels=16,count=$2,pattern=random,rate=100
		[space slow]
		budget = 16M
		[region slow/heap]
		iova = 0x100000000
		length = 256M
		granule = 4K
		policy = trouble
		delay = 500
		delay-share = $3
	EOT
	)"
	wait_for 120 ended
	check_data fast
	[ "$2" = 0 ] || check_data slow
	check_equation ""
	[ "$3" = 0 ] || grep -q '"Delays" [1-9]' <(busctl_private get-property org.iopfd1 /org/iopfd1/space/slow org.iopfd1.Space PolicyCounters) ||
		fail "the slow store was never slow"
	us=$(p99)
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
}

bus_start
run solo 0 0
solo=$us
run quick max 0
quick=$us
run slow max 1
awk -v solo="$solo" -v quick="$quick" -v slow="$us" 'BEGIN {
	printf "p99 of a fault: solo %s us, beside a quick store %s us, beside one that takes 500 ms for 1 %% of its fills %s us: %.2f times solo\n",
		solo, quick, slow, slow / solo }'
