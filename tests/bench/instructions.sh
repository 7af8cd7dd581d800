#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Instructions of a fault on the simulated device, from the readable callback to where its
# answer is counted, without what the device does: 4 KiB granule, batches of 64 faults on
# pages that are not mapped; then those of the bare loop, limit.c. Nearly the same for the
# same binary, however busy the machine is.
set -eu

build=${IOPFD_BUILD:-build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd-bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# inclusive FUNCTION: instructions in it and below
inclusive() {
	local n
	n=$(awk -v f=":$1 " 'index($0 " ", f) { print $1; exit }' "$tmp/functions")
	[ -n "$n" ] || { echo "no function $1 in the profile" >&2; exit 1; }
	echo "$n"
}

# per_fault FUNCTIONS PROGRAM ARGUMENT...: the program prints how many faults there were; none
# of the functions calls another one
per_fault() {
	local functions=$1 function op faults total=0 toggles=()
	shift
	for function in $functions; do
		toggles+=(--toggle-collect="$function")
	done
	timeout 300 valgrind -q --tool=callgrind --callgrind-out-file="$tmp/out" --collect-atstart=no \
		"${toggles[@]}" "$@" > "$tmp/printed"
	faults=$(awk 'NF == 1 { print $1 } $1 == "faults" { print $2 }' "$tmp/printed")
	callgrind_annotate --inclusive=yes --threshold=100 "$tmp/out" 2> /dev/null | tr -d , > "$tmp/functions"
	for function in $functions; do
		total=$((total + $(inclusive "$function")))
	done
	for op in sim_read sim_map sim_write; do
		total=$((total - $(inclusive $op)))
	done
	echo $((total / faults))
}

# parts FAULTS: of the profile that was taken last, by what the source files are for
parts() {
	callgrind_annotate --auto=no --show-percs=no --threshold=100 "$tmp/out" 2> /dev/null | tr -d , | awk -v faults="$1" '
		{ file = $0; sub(/:[^\/]*$/, "", file); sub(/.*daemon\//, "", file) }
		!/daemon\/(fault|policy)\// { next }
		file ~ /^policy/ { sum["policy"] += $1; next }
		file ~ /(extents|chunks|victims)\./ { sum["book-keeping"] += $1; next }
		file ~ /(fill|op|budget|around|ahead|wishes)\./ { sum["fill"] += $1; next }
		file ~ /(serve|space|waiting)\./ { sum["lookup"] += $1; next }
		file ~ /(account|stats|histogram)\./ { sum["statistics"] += $1; next }
		{ sum["queue"] += $1 }
		END { for (part in sum) printf "%s: %.0f\n", part, sum[part] / faults }' | sort
}

echo "instructions per fault (sim, 4K, batch 64, device excluded): $(per_fault "pager_on_readable pager_on_round_end" \
	"$build/tests/bench/instructions" 200)"
parts "$(awk 'NF == 1 { print $1 }' "$tmp/printed")"
echo "instructions per fault of the bare loop: $(per_fault serve "$build/tests/bench/limit" size=50M iova=0x100000000 \
	address=sim:count=12800+depth=64+credits=64+pattern=seq+write=100%+verify=no visits=12800)"
