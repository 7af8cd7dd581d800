#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The driver of the benchmarks: one round of one case gives lines of JSON, a plot and a table;
# what is missed is marked, and says why; what fails is not a result.
. "$(dirname "$0")/../lib/daemon.sh"

command -v python3 > /dev/null || skip "no python3"
out=$tmp/out
bench() {
	python3 -B tests/bench/bench.py --out "$out" "$@"
}

bench --rounds 1 --only B8 --cases simulated --json > "$tmp/lines" 2> "$tmp/bench.log" || fail "one round"
python3 - "$tmp/lines" <<- 'EOT' || fail "these are no results: $(cat "$tmp/lines")"
	import json, sys
	lines = [json.loads(line) for line in open(sys.argv[1])]
	assert [(l["bench"], l["engine"], l["metric"]) for l in lines] == [("B8", "sim", "faults_per_s")]
	for l in lines:
	    assert l["ours"] > 0 and l["targets"] == {"a": 5, "b": 0.9}
	    met = all(l["ours"] / l[who] >= target for who, target in l["targets"].items())
	    assert l["met"] == met and ("reason" in l) == (not met)
EOT
grep -q '<svg' "$out/B8.svg" || fail "no plot"

# Known numbers: the median of ours is 100, of (a) 50 and of (b) 120
printf 'B3 ours faults_per_s %d\n' 90 100 300 > "$out/raw/service"
printf 'B3 a faults_per_s %d\nB3 b faults_per_s %d\n' 50 120 >> "$out/raw/service"
bench --report --only B3 --json > "$tmp/lines"
grep -q '"ours": 100.0, "a": 50.0, "b": 120.0, .*"met": false, "reason": "' "$tmp/lines" || fail "medians: $(cat "$tmp/lines")"
bench --report --only B3 > "$tmp/table"
grep -Eq '^B3 .* faults_per_s +100 .* ! a >=1.5, b >=0.9$' "$tmp/table" || fail "no mark: $(cat "$tmp/table")"

echo 'B3 ours faults_per_s none' >> "$out/raw/service"
! bench --report --only B3 > /dev/null 2>&1 || fail "a line that is no result is taken for one"
rm "$out/raw/service"
! bench --only B99 > /dev/null 2>&1 || fail "B99 exists"
! IOPFD_BUILD=$tmp bench --rounds 1 --only B8 --cases simulated > /dev/null 2>&1 || fail "without programs it succeeds"
