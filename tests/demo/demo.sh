#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `make demo`: the whole daemon on simulated devices and a private message bus, with a live
# table, in a temporary folder. Ends with 0 only if the devices verified what they read,
# nothing was wrong, and the accounting of faults adds up.
#
# usage: demo.sh [CONFIG]       default: conf/demo.conf, whose devices become idle
#        IOPFD_DAEMON=PROGRAM   another daemon than the built one
#        DEMO_SECONDS=N         how long the table is shown at least (10)
conf=$(realpath "${1:-$(dirname "$0")/../../conf/demo.conf}")
. "$(dirname "$0")/../lib/daemon.sh"

seconds=${DEMO_SECONDS:-10}

device_names() {
	busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager ListDevices |
		grep -o '"/org/iopfd1/device/[^"]*"' | sed 's|.*/||; s|"||'
}

# The spaces a device is attached to
spaces_of() {
	busctl_private call org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Device GetAttachments |
		grep -o '"[^"]*"' | tr -d '"' | sort -u
}

human() {
	awk -v n="$1" 'BEGIN { split("B K M G", unit); i = 1; while (n >= 10240 && i < 4) { n /= 1024; i++ } printf "%d %s", n, unit[i] }'
}

# Takes one snapshot of each device into $tmp/NAME.{stats,engine} and prints its line
declare -A faults_before=() visits=()
row() {
	local name=$1 mapped=0 space total rate stats=$tmp/$1.stats engine=$tmp/$1.engine
	all_statistics "device/$name" > "$stats"
	engine_counters "$name" > "$engine"
	for space in ${spaces[$name]}; do
		mapped=$((mapped + $(property "space/$space" Space MappedBytes)))
	done
	total=$(value FaultsTotal < "$stats")
	rate=$(awk -v n=$((total - ${faults_before[$name]:-0})) -v t="$interval" 'BEGIN { printf "%d", n / t }')
	faults_before[$name]=$total
	visits[$name]=$(value Visits < "$engine")
	printf '%-12s %9s %9s %9s %9s %10s %10s %7s\n' "$name" "$rate" "$total" \
		"$(($(value LatencyP50NSec < "$stats") / 1000)) us" "$(($(value LatencyP99NSec < "$stats") / 1000)) us" \
		"$(human $mapped)" "$(human "$(value BytesVerified < "$engine")")" "$(value DataErrors < "$engine")"
}

# True when no device did anything since the last look
idle() {
	local name now=
	for name in "${names[@]}"; do
		now+="${visits[$name]} $(value FaultsTotal < "$tmp/$name.stats") "
		[ "$(value FaultsPending < "$tmp/$name.stats")" = 0 ] || now+=$RANDOM
	done
	[ "$now" = "${last_look-}" ] || { last_look=$now && return 1; }
}

problems=()
judge() {
	local name=$1 counter
	for counter in Visits BytesVerified; do
		[ "$(value $counter < "$tmp/$name.engine")" -gt 0 ] || problems+=("$name: $counter is 0")
	done
	for counter in DataErrors VisitsFailed UnknownCookies DoubleAnswers SuccessWithoutMapping; do
		[ "$(value $counter < "$tmp/$name.engine")" = 0 ] ||
			problems+=("$name: $counter is $(value $counter < "$tmp/$name.engine")")
	done
	[ "$(value PageRequests < "$tmp/$name.engine")" = "$(value FaultsTotal < "$tmp/$name.stats")" ] ||
		problems+=("$name asked $(value PageRequests < "$tmp/$name.engine") times, the daemon read $(value FaultsTotal < "$tmp/$name.stats") faults")
	[ "$(property "device/$name" Device State)" = active ] || problems+=("$name is $(property "device/$name" Device State)")
	(check_equation "device/$name") > "$tmp/equation" || problems+=("$(paste -sd' ' "$tmp/equation")")
}

bus_start
daemon_start --config="$conf"
mapfile -t names < <(device_names)
declare -A spaces=()
for name in "${names[@]}"; do
	spaces[$name]=$(spaces_of "$name")
done
echo "iopfd $(property "" Manager Version), event loop $(property "" Manager Backend), ${#names[@]} devices, bus $bus_address"
echo
header=$(printf '%-12s %9s %9s %9s %9s %10s %10s %7s' device faults/s faults p50 p99 resident verified errors)
[ ! -t 1 ] || echo "$header"

# At least so long; then until the devices are idle, for the sums to be compared
began=$EPOCHREALTIME then=$EPOCHREALTIME
while sleep 1; do
	now=$EPOCHREALTIME
	interval=$(awk -v a="$then" -v b="$now" 'BEGIN { print b - a }')
	then=$now
	[ -t 1 ] || echo "$header"
	: > "$tmp/table"
	for name in "${names[@]}"; do
		row "$name" >> "$tmp/table"
	done
	cat "$tmp/table"
	elapsed=$(((${now/./} - ${began/./}) / 1000000))
	if idle; then
		[ $elapsed -lt "$seconds" ] || break
	elif [ $elapsed -gt $((seconds + 60)) ]; then
		fail "the devices do not become idle"
	fi
	[ ! -t 1 ] || printf '\033[%dA' ${#names[@]}
done

for name in "${names[@]}"; do
	printf '\n%s\n' "\$ busctl call org.iopfd1 /org/iopfd1/device/$name org.freedesktop.DBus.Properties GetAll s org.iopfd1.Statistics"
	all_statistics "device/$name" | awk '{ printf "%-28s %14s%s", $1, $2, NR % 2 ? "    " : "\n" } END { if (NR % 2) print "" }'
	judge "$name"
done

daemon_stop
[ "$daemon_status" = 0 ] || problems+=("the daemon ended with $daemon_status")

echo
for name in "${names[@]}"; do
	echo "$name: $(value FaultsTotal < "$tmp/$name.stats") faults in $(value FaultGroupsTotal < "$tmp/$name.stats") groups," \
		"${visits[$name]} visits, $(human "$(value BytesVerified < "$tmp/$name.engine")") verified"
done
[ ${#names[@]} -gt 0 ] || problems+=("no devices")
if [ ${#problems[@]} -gt 0 ]; then
	printf 'WRONG: %s\n' "${problems[@]}"
	exit 1
fi
echo "All data right, every fault answered once, clean end."
