#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What iopfctl sends, on a bus with a stand-in for the daemon: each verb that calls a method,
# with its arguments, and what it makes of answers and errors. Every exit code.
. "$(dirname "$0")/../lib/ctl.sh"

# expect_call VERB... -- TEXT...: the last call's dump has each text, in this order
expect_call() {
	local verb=()
	while [ "$1" != -- ]; do
		verb+=("$1")
		shift
	done
	shift
	: > "$tmp/calls"
	expect 0 "${verb[@]}"
	# shellcheck disable=SC2020
	tr -s ' \n\t' ' ' < "$tmp/calls" | sed 's/ *; */ /g' > "$tmp/call"
	awk -v n=$# 'BEGIN { for (i = 1; i <= n; i++) { want[i] = ARGV[i + 1]; ARGV[i + 1] = "" } }
		{ text = text $0 }
		END {
			for (i = 1; i <= n; i++) {
				at = index(text, want[i])
				if (!at) { print "not there, or not in its place: " want[i]; exit 1 }
				text = substr(text, at + length(want[i]))
			}
		}' "$tmp/call" "$@" || { cat "$tmp/calls"; fail "iopfctl ${verb[*]}"; }
}

bus_start
expect 3 status
grep -q '^iopfctl: iopfd is not running (org.freedesktop.DBus.Error.ServiceUnknown)$' "$tmp/err" || fail "$(cat "$tmp/err")"
"$IOPFD_BUILD/tests/lib/fake-iopfd" "$bus_address" >> "$tmp/calls" 2>> "$tmp/fake.log" &
daemon=$!
wait_for 10 on_bus

# Devices
expect_call attach nvme0 -- Member=AttachDevice 'STRING "nvme0"' 'ARRAY "{sv}" {' '}'
expect_call attach new 0000:3d:00.0 bus-master=yes pasid=5:a pasid=6:b budget=1G numa-node=0 -- \
	'STRING "new"' 'STRING "address"' 'STRING "0000:3d:00.0"' 'STRING "bus-master"' 'STRING "yes"' \
	'STRING "pasid"' 'VARIANT "as"' 'STRING "5:a"' 'STRING "6:b"' 'STRING "budget"' 'STRING "1G"' 'STRING "numa-node"'
[ "$(grep -c '"pasid"' "$tmp/call")" = 1 ] || fail "pasid comes more than once"
: > "$tmp/memory"
expect_call attach new sim:count=1,rate=2 --region "heap,iova=0x1000,length=1M" \
	--region="ram,iova=0x200000,policy=fd,fd=$tmp/memory" -- 'STRING "sim:count=1,rate=2"' 'STRING "regions"' \
	'VARIANT "a(sa{sv})"' 'STRING "heap"' 'STRING "iova"' 'STRING "0x1000"' 'STRING "length"' 'STRING "1M"' \
	'STRING "ram"' 'STRING "policy"' 'STRING "fd"' 'STRING "fd"' 'VARIANT "h"' 'UNIX_FD'
expect_call attach new --device-file=/dev/null space=dma0 -- Member=AttachDeviceFd 'STRING "new"' UNIX_FD \
	'STRING "space"' 'STRING "dma0"'
expect_call attach new pasid=5:a -- 'VARIANT "as"' 'STRING "5:a"'
expect 0 attach new sim --json=short
[ "$(member "['Path']")" = /org/iopfd1/device/new ] || fail "attach --json: $(cat "$tmp/out")"
expect_call detach nvme0 -- Path=/org/iopfd1/device/nvme0 Member=Detach 'UINT64 0'
expect_call drain nvme0 -- Member=Drain 'UINT64 0'
expect_call drain nvme0 250ms -- Member=Drain 'UINT64 250000'
expect_call pause nvme0 -- Member=Pause 'UINT64 0'
expect_call pause nvme0 1.5s -- Member=Pause 'UINT64 1500000'
expect_call resume nvme0 -- Member=Resume
expect_call attach-pasid nvme0 0x10 dma1 -- Member=AttachPasid 'UINT32 16' 'STRING "dma1"'
expect_call detach-pasid nvme0 16 -- Member=DetachPasid 'UINT32 16'

# Spaces
expect_call prefault dma0/heap 64K 0x20000 -- Path=/org/iopfd1/space/dma0 Member=Prefault 'STRING "heap"' \
	'UINT64 65536' 'UINT64 131072'
[ "$(cat "$tmp/out")" = "64K mapped" ] || fail "prefault: $(cat "$tmp/out")"
expect_call trim dma0/heap 0 1G -- Member=Trim 'STRING "heap"' 'UINT64 0' 'UINT64 1073741824'
expect_call flush dma0 -- Member=Flush 'STRING ""'
expect_call flush dma0/heap -- Member=Flush 'STRING "heap"'

# Configuration
expect_call reload -- Member=Reload
expect 1 reload
printf '%s\n' '/etc/a.conf:3: [device a] x: bad' '/etc/b.conf:4: [device b] y: worse' \
	'iopfctl: the configuration is wrong (org.iopfd1.Error.ConfigInvalid)' | cmp - "$tmp/err" || fail "reload"
expect 0 plan
[ "$(cat "$tmp/out")" = "$(printf 'device a: attach\ndevice b: detach')" ] || fail "plan: $(cat "$tmp/out")"
expect 0 plan --json=short
[ "$(cat "$tmp/out")" = '{"Changes":["device a: attach","device b: detach"]}' ] || fail "plan: $(cat "$tmp/out")"
expect 1 check
[ "$(cat "$tmp/out")" = "$(printf '/etc/a.conf:3: [device a] x: bad\n/etc/a.conf: warning: nothing to do')" ] ||
	fail "check: $(cat "$tmp/out")"
expect 1 check --json=short
[ "$(member '[0]["Line"]') $(member '[1]["Severity"]')" = "3 warning" ] || fail "check --json: $(cat "$tmp/out")"

# Logs
expect_call log-level debug -- Path=/org/freedesktop/LogControl1 'STRING "org.freedesktop.LogControl1"' \
	'STRING "LogLevel"' 'VARIANT "s"' 'STRING "debug"'

# A trace: its end is that of the daemon
expect_call_trace() {
	: > "$tmp/calls"
	expect 3 monitor "$@"
}
expect_call_trace nvme0 --space dma0 --invalid-only
for text in '"device"' '"nvme0"' '"space"' '"dma0"' '"invalid-only"' 'BOOLEAN true'; do
	grep -qF "$text" "$tmp/calls" || fail "monitor: no $text in the filter"
done
grep -q '^iopfctl: 3 records lost$' "$tmp/err" || fail "lost records are not told: $(cat "$tmp/err")"
[ "$(wc -l < "$tmp/out")" = 4 ] || fail "not a title and three lines: $(cat "$tmp/out")"
sed -n 3p "$tmp/out" | grep -qE '^ *12.000345 +nvme0 +dma0 +5 +0x000100001000 +w +invalid +23.5us 2/2$' ||
	fail "a line of monitor: $(cat "$tmp/out")"
expect_call_trace --json=short
python3 - "$tmp/out" << 'EOT' || fail "monitor --json: $(cat "$tmp/out")"
import json, sys
first, second, third = [json.loads(line) for line in open(sys.argv[1])]
assert first["Iova"] == 0x100000000 and first["Access"] == "r" and first["Outcome"] == "success", first
assert "Pasid" not in first and second["Pasid"] == 5 and second["Outcome"] == "invalid", second
assert first["Device"] == third["Device"] == "nvme0" and third["LatencyNSec"] == 23456, third
EOT
expect 6 monitor newer
grep -q 'another version' "$tmp/err" || fail "a newer trace: $(cat "$tmp/err")"

# Errors
expect_error() {
	local status=$1 text=$2
	shift 2
	expect "$status" "$@"
	[ "$(cat "$tmp/err")" = "iopfctl: $text" ] || fail "iopfctl $*: it says $(cat "$tmp/err")"
}
expect_error 5 'nope: no such device (org.iopfd1.Error.NoSuchDevice)' detach nope
expect_error 4 'denied: It is for root only. (org.freedesktop.DBus.Error.AccessDenied)' attach denied sim
expect_error 4 "rejected: only root, the daemon's user and the group iopfd may do that (org.freedesktop.DBus.Error.AccessDenied)" \
	attach rejected sim
expect_error 6 'nopri: 0000:3d:00.0: no PRI capability (org.iopfd1.Error.NoPageRequest)' attach nopri
expect_error 1 'busy: It is used. (org.iopfd1.Error.DeviceBusy)' attach busy
expect_error 6 'old: the daemon does not know this (is it older than iopfctl?) (org.freedesktop.DBus.Error.UnknownMethod)' attach old
expect 1 attach bare
expect_error 1 "$tmp/none: No such file or directory" attach new --device-file="$tmp/none"
expect_error 1 "$tmp/none: No such file or directory" attach new --region "r,fd=$tmp/none"
reap "$daemon" -TERM
daemon=

# No bus at all
bus_stop
rm -f "$tmp/bus"
expect 3 status
grep -q '^iopfctl: cannot connect to ' "$tmp/err" || fail "$(cat "$tmp/err")"

# Usage, which needs no bus either
expect 2 status --bus=nonsense
while read -r line; do
	# shellcheck disable=SC2086
	expect 2 $line
	grep -q '^Try ' "$tmp/err" || fail "iopfctl $line: $(cat "$tmp/err")"
done << EOT
nonsense
status extra
list --spaces --regions
list --nonsense
list --names=1
show
stats --attachments
stats --space --attachments a
stats --interval 1s
stats a b --plot=x.svg
stats --plot=x.svg --interval=0s
stats --plot=x.svg --duration=1s --interval=2s
attach
attach a b c
attach a =b
attach a sim --region
attach a sim --region x=1
attach a sim --region r,x
attach a sim --region=
attach a sim --device-file=/dev/null
detach
drain a nonsense
drain a 1d
pause a 1s extra
attach-pasid a b
attach-pasid a 0x100000 b
attach-pasid a -1 b
detach-pasid a
prefault a
prefault a/
prefault a/b 0
prefault a/b 0 1X
prefault a/b 0 99999999999999999999
trim a/b 0x 1
flush
metrics --json=short
top -n 0
top -n x
top -d 1ms
monitor a b
EOT
for arguments in '' --nonsense --json=loud '--json' '--bus' '-H' '--host=a --bus=b status'; do
	# shellcheck disable=SC2086
	status=0 && "$iopfctl" $arguments > "$tmp/out" 2> "$tmp/err" || status=$?
	[ $status = 2 ] || fail "iopfctl $arguments: exit status $status, not 2"
done
