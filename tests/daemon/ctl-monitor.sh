#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# monitor of a real daemon: its lines are the faults that there were, each once.
. "$(dirname "$0")/../lib/ctl.sh"

bus_start
conf=$(config monitor <<- EOT
	[region a/r]
	iova = 0x100000000
	length = 1M
	granule = 4K
	access = r
	[region b/r]
	iova = 0x200000000
	length = 16M
	[device reader]
	address = sim:count=max,rate=300,pattern=random,write=0%
	space = a
	[device writer]
	address = sim:count=max,rate=300,pattern=random,write=100%,pasid=5
	space = a
	pasid = 5:b
EOT
)
daemon_start --config="$conf"

# follow FILE ARGUMENT...: monitor in the background, until there are 20 lines
follow() {
	local file=$1 pid
	shift
	"$iopfctl" --bus="$bus_address" monitor "$@" > "$file" 2> "$tmp/err" &
	pid=$!
	enough() {
		[ "$(wc -l < "$file")" -ge 20 ]
	}
	# A space that is all mapped has no faults
	for ((i = 0; i < 200; i++)); do
		! enough || break
		ctl trim a/r > /dev/null
		ctl trim b/r > /dev/null
	done
	enough || { cat "$tmp/err"; fail "monitor $*: no 20 lines"; }
	reap "$pid" -TERM
}

follow "$tmp/all" --json=short
python3 - "$tmp/all" << 'EOT' || fail "monitor --json"
import json, sys
# The last line may be cut
records = [json.loads(line) for line in open(sys.argv[1]).read().split("\n")[:-1]]
for r in records:
    low, length = (0x100000000, 1 << 20) if r["Space"] == "a" else (0x200000000, 1 << 24)
    assert low <= r["Iova"] < low + length, r
    assert r["Device"] in ("reader", "writer") and (r["Device"] == "reader") == (r["Access"] == "r"), r
    assert (r.get("Pasid") == 5) == (r["Space"] == "b"), r
    assert r["Outcome"] == "success" and r["LatencyNSec"] > 0 and r["Records"] == 1 and r["Index"] == 0, r
assert {r["Device"] for r in records} == {"reader", "writer"}
EOT
follow "$tmp/one" writer
awk 'NR <= 2 { at[NR > 1] = index($0, NR > 1 ? "writer" : "DEVICE") } END { exit !at[0] || at[0] != at[1] }' "$tmp/one" ||
	fail "the title is not above the columns: $(cat "$tmp/one")"
awk 'NR > 1 && ($2 != "writer" || $3 != "b" || $4 != 5) { exit 1 }' "$tmp/one" || fail "monitor writer: $(cat "$tmp/one")"
follow "$tmp/space" --space a
awk 'NR > 1 && ($2 != "reader" || $3 != "a" || $4 != "-" || $6 != "r") { exit 1 }' "$tmp/space" ||
	fail "monitor --space: $(cat "$tmp/space")"
expect 5 monitor nope
expect 5 monitor --space nope

# The end of the daemon is an end with a reason
"$iopfctl" --bus="$bus_address" monitor > "$tmp/out" 2> "$tmp/err" &
monitor=$!
started() {
	[ -s "$tmp/out" ]
}
wait_for 10 started
daemon_stop
status=0
wait "$monitor" || status=$?
[ $status = 3 ] || fail "monitor without a daemon: exit status $status"
grep -q 'has closed the trace' "$tmp/err" || fail "monitor does not say why it ends: $(cat "$tmp/err")"
