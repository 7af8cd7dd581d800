#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash, as readline would call it; the verbs and options of both scripts are
# those of --help.
. "$(dirname "$0")/../lib/ctl.sh"
PATH=$IOPFD_BUILD:$PATH
. conf/iopfctl.bash

# completes LINE ANSWER...: exactly these, in any order
completes() {
	local line=$1 want
	shift
	want=$(printf '%s\n' "$@" | sort)
	COMP_LINE=$line COMP_POINT=${#line}
	COMPREPLY=()
	_iopfctl || true # as in a shell where a failure ends nothing
	[ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$want" ] || fail "'$line' gives: ${COMPREPLY[*]}"
}

bus_start
conf=$(config complete <<- EOT
	[region dma0/heap]
	iova = 0x100000000
	length = 1M
	[region dma0/hole]
	iova = 0x200000000
	length = 1M
	[device nvme0]
	address = sim
	space = dma0
	[device nvme1]
	address = sim
	space = dma0
	[device eth0]
	address = sim
	space = dma0
EOT
)
daemon_start --config="$conf"
export DBUS_SYSTEM_BUS_ADDRESS=$bus_address
completes 'iopfctl sta' status stats
completes 'iopfctl --no-pager re' resume reload
completes 'iopfctl attach' attach attach-pasid
completes 'iopfctl show n' nvme0 nvme1
completes 'iopfctl show nvme0 ' nvme0 nvme1 eth0
completes 'iopfctl show --space ' dma0
completes 'iopfctl detach e' eth0
completes 'iopfctl prefault dma0/he' dma0/heap
completes 'iopfctl trim ' dma0/heap dma0/hole
completes 'iopfctl flush ' dma0 dma0/heap dma0/hole
completes 'iopfctl attach-pasid nvme0 5 ' dma0
completes 'iopfctl list --n' --names --no-pager
completes 'iopfctl list --json=p' pretty
completes 'iopfctl log-level de' debug
completes 'iopfctl reload ' ''
DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
completes 'iopfctl show n' ''
completes "iopfctl --bus=$bus_address show n" nvme0 nvme1
daemon_stop

"$iopfctl" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | sort > "$tmp/verbs"
[ "$(wc -l < "$tmp/verbs")" -gt 20 ] || fail "no verbs in --help"
COMP_LINE='iopfctl ' COMP_POINT=8
_iopfctl || true
printf '%s\n' "${COMPREPLY[@]}" | sort | diff "$tmp/verbs" - || fail "bash: not the verbs of --help"
sed -n "s/.*'1:verb:(\(.*\))'.*/\1/p" conf/_iopfctl | tr ' ' '\n' | sort | diff "$tmp/verbs" - ||
	fail "zsh: not the verbs of --help"
"$iopfctl" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u > "$tmp/options"
for script in conf/iopfctl.bash conf/_iopfctl; do
	sed 's/^#.*//' $script | grep -oE -- '--[a-z][a-z-]+' | sort -u > "$tmp/used"
	comm -13 "$tmp/used" "$tmp/options" > "$tmp/diff"
	[ ! -s "$tmp/diff" ] || fail "$script lacks: $(paste -sd' ' "$tmp/diff")"
	comm -23 "$tmp/used" "$tmp/options" > "$tmp/diff"
	[ ! -s "$tmp/diff" ] || fail "$script has: $(paste -sd' ' "$tmp/diff")"
done
if command -v zsh > /dev/null; then
	zsh -n conf/_iopfctl || fail "zsh does not understand it"
fi
