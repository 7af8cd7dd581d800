#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where the time of faults goes: a store that is slow shows in its stage, one that has no room
# in another, what a pause held in a third; and bus, page of statistics and iopfctl agree.
. "$(dirname "$0")/../lib/daemon.sh"

plugins=$tmp/policies
mkdir -m 755 "$plugins"
install -m 644 "$IOPFD_BUILD/tests/plugins/trouble.so" "$plugins/trouble.so"

conf=$(config sim <<- EOT
	[daemon]
	plugin-dir = $plugins
	[region slow/r]
	iova = 0x100000000
	length = 64M
	policy = trouble
	delay = 5
	granule = 4K
	[device slow]
	address = sim:pattern=seq,count=2000,depth=16
	[region tight/r]
	iova = 0x100000000
	length = 16M
	granule = 4K
	[space tight]
	budget = 64K
	[device tight]
	address = sim:pattern=random,count=1000
	[region quick/r]
	iova = 0x100000000
	length = 64M
	granule = 4K
	[space quick]
	budget = 4M
	[device quick]
	address = sim:pattern=random,count=max,rate=5000,depth=256,credits=256
EOT
)
bus_start
daemon_start --config="$conf"

# stages PATH: "STAGE LONGEST COUNT" lines of its histograms
stages() {
	busctl_private --json=short get-property org.iopfd1 "/org/iopfd1${1:+/$1}" org.iopfd1.Statistics LatencyByStage |
		python3 -c 'import json, sys
for stage, buckets in json.load(sys.stdin)["data"].items():
    for longest, count in buckets:
        print(stage, longest, count)'
}
# in_stage PATH STAGE [NS]: how many samples, of those that took longer than this
in_stage() {
	stages "$1" | awk -v stage="$2" -v ns="${3:-0}" '$1 == stage && $2 / 2 >= ns { n += $3 } END { print n + 0 }'
}
# some PATH STAGE [NS]
some() {
	[ "$(in_stage "$@")" -gt 0 ] || fail "$1 has no samples in $2: $(stages "$1" | paste -sd,)"
}
visited() {
	[ "$(engine_counters "$1" | value Visits)" -ge "$2" ]
}

# 5 ms are more than the 2 that half of its bucket is.
wait_for 60 visited slow 2000
some device/slow fill 2000000
[ "$(in_stage device/slow fill 2000000)" = "$(in_stage device/slow fill)" ] || fail "a fill was sooner than it can be"
some device/slow map
[ "$(in_stage device/slow held)" = 0 ] || fail "held without a pause"
wait_for 60 visited tight 1000
some device/tight room
some space/tight room
[ "$(in_stage device/slow room)" = 0 ] || fail "no budget, and yet no room"

# A sample is counted once, in its first and its last stage
for path in device/slow device/tight space/tight; do
	[ "$(in_stage $path queue)" = "$(in_stage $path answer)" ] || fail "$path: $(stages $path | paste -sd,)"
done

# What is held is sampled now and then
held() {
	busctl_private call org.iopfd1 /org/iopfd1/device/quick org.iopfd1.Device Pause t 60000000
	sleep 0.1
	busctl_private call org.iopfd1 /org/iopfd1/device/quick org.iopfd1.Device Resume
	[ "$(in_stage device/quick held)" -gt 0 ]
}
wait_for 120 held

# The rest is of quiet counters: the page and iopfctl show the same
busctl_private call org.iopfd1 /org/iopfd1/device/quick org.iopfd1.Device Pause t 60000000
quiet() {
	stages '' > "$tmp/before"
	sleep 0.2
	stages '' | cmp -s - "$tmp/before"
}
wait_for 20 quiet
"$IOPFD_BUILD/tests/lib/stats-reader" "$bus_address" > "$tmp/page"
for stage in queue held room fill map answer; do
	n=$(in_stage '' $stage)
	[ "$n" = "$(awk -v c=LatencyByStage.$stage '$5 == c { n += $6 } END { print n }' "$tmp/page")" ] ||
		fail "$stage: not $n in the page"
	"$IOPFD_BUILD/iopfctl" --bus="$bus_address" stats | grep -qE "^$stage +$n +[0-9.]+[num]?s +[0-9.]+[num]?s\$" ||
		fail "$stage: not $n in iopfctl stats"
done
"$IOPFD_BUILD/iopfctl" --bus="$bus_address" stats slow quick | grep -qE '^fill .* slow$' || fail "stats of two"
"$IOPFD_BUILD/iopfctl" --bus="$bus_address" stats --json=short slow | python3 -c 'import json, sys
stages = json.load(sys.stdin)["LatencyByStage"]
assert list(stages) == ["queue", "held", "room", "fill", "map", "answer"], stages
assert sum(count for longest, count in stages["fill"]) > 0 and stages["held"] == [], stages' || fail "stats --json"
"$IOPFD_BUILD/iopfctl" --bus="$bus_address" stats --attachments slow | grep -q STAGE && fail "stages of an attachment"
all_statistics device/slow | grep -q LatencyByStage && fail "LatencyByStage is not explicit"

daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
