#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Instructions of a fault on the simulated device, from the readable callback on, without
# what the device does: 4 KiB granule, batches of 64 faults on pages that are not mapped.
# The same for the same binary, however busy the machine is.
set -eu

build=${IOPFD_BUILD:-build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd-bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

faults=$(timeout 300 valgrind -q --tool=callgrind --callgrind-out-file="$tmp/out" --collect-atstart=no \
	--toggle-collect=pager_on_readable "$build/tests/bench/instructions" 200)
callgrind_annotate --inclusive=yes --threshold=100 "$tmp/out" 2> /dev/null | tr -d , > "$tmp/functions"

# inclusive FUNCTION: instructions in it and below
inclusive() {
	local n
	n=$(awk -v f=":$1 " 'index($0 " ", f) { print $1; exit }' "$tmp/functions")
	[ -n "$n" ] || { echo "no function $1 in the profile" >&2; exit 1; }
	echo "$n"
}
total=$(inclusive pager_on_readable)
for op in sim_read sim_map sim_write; do
	total=$((total - $(inclusive $op)))
done
echo "instructions per fault (sim, 4K, batch 64, device excluded): $((total / faults))"
