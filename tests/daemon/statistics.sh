#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The page of statistics shows what the bus shows, to a reader that knows the manual page
# only, and nobody can write to it or change its size.
. "$(dirname "$0")/../lib/daemon.sh"

conf=$(config sim <<- EOT
	[region shared/r]
	iova = 0x100000000
	length = 64M
	granule = 4K
	[device a]
	address = sim:pattern=zipf,count=max,rate=2000,pasid=5
	space = shared
	pasid = 5:other
	[region other/r]
	iova = 0x200000000
	length = 64M
	[device b]
	address = sim:pattern=zipf,count=max,rate=2000
	space = shared
EOT
)
bus_start
daemon_start --config="$conf"
wait_for 20 faults_arrive a
wait_for 20 faults_arrive b

# While they run: each copy is of one moment
for _ in 1 2 3 4 5; do
	"$IOPFD_BUILD/tests/lib/stats-reader" "$bus_address" > "$tmp/page"
	awk '{ v[$1 " " $2 " " $3 " " $4, $5] = $6; slots[$1 " " $2 " " $3 " " $4] }
		END {
			for (s in slots) {
				n++
				answered = v[s, "ResponsesSuccess"] + v[s, "ResponsesInvalid"] + v[s, "ResponsesStale"]
				all = answered + v[s, "FaultsPending"]
				samples = v[s, "LatencyByStage.queue"]
				if (v[s, "FaultGroupsTotal"] != all || v[s, "LatencyCount"] != answered ||
				    samples != v[s, "LatencyByStage.answer"] || samples < v[s, "LatencyByStage.map"]) {
					print s ": torn"
					exit 1
				}
			}
			exit n < 5
		}' "$tmp/page" || fail "the page"
done

# And when they rest: the same numbers
for d in a b; do
	busctl_private call org.iopfd1 /org/iopfd1/device/$d org.iopfd1.Device Pause t 60000000
done
quiet() {
	"$IOPFD_BUILD/tests/lib/stats-reader" "$bus_address" > "$tmp/page"
	sleep 0.2
	"$IOPFD_BUILD/tests/lib/stats-reader" "$bus_address" | cmp -s - "$tmp/page"
}
wait_for 20 quiet

# Sums of those slots of the page whose column is NAME: "COUNTER VALUE"
sums() {
	awk -v column="$1" -v name="$2" '
		column == 0 || $column == name { if ($5 ~ /Max$/) { if ($6 > v[$5]) v[$5] = $6 } else v[$5] += $6 }
		END { for (c in v) if (c !~ /^Latency/) printf "%s %d\n", c, v[c] }' "$tmp/page" | sort
}
# same PATH COLUMN NAME: what the bus shows, but for what no slot has
same() {
	all_statistics "$1" | grep -v '^SnapshotMonotonicUSec \|^Latency\|^TraceDropped ' | sort > "$tmp/bus.stats"
	sums "$2" "$3" > "$tmp/page.stats"
	[ "$(wc -l < "$tmp/bus.stats")" -gt 20 ] || fail "few counters on the bus"
	diff "$tmp/bus.stats" "$tmp/page.stats" || fail "${1:-manager}: < bus, > page"
}
same device/a 2 a
same device/b 2 b
same space/shared 3 shared
same space/other 3 other
same '' 0 ''
grep -q '^attachment a other 5 FaultsTotal ' "$tmp/page" || fail "no slot for the PASID"

daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
