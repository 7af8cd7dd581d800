#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# iopfctl with a real daemon on simulated devices: what it shows, as text and as JSON, is what
# the bus says.
. "$(dirname "$0")/../lib/ctl.sh"

bus_start
conf=$(config ctl <<- EOT
	[daemon]
	workers = 2
	[space dma0]
	budget = 4M
	[region dma0/heap]
	iova = 0x100000000
	length = 64M
	[region scratch/r]
	iova = 0x200000000
	length = 16M
	granule = 4K
	[device nvme0]
	address = sim:channels=2,pattern=zipf,count=2000
	space = dma0
	pasid = 5:scratch
	[device nic0]
	address = sim:count=max,rate=2000,pattern=random
	space = scratch
	[device gone]
	address = 0000:ff:1f.7
	[region gone/r]
	iova = 0x100000000
	length = 1M
EOT
)
daemon_start --config="$conf"
finished() {
	[ "$(engine_counters nvme0 | value Visits)" = 4000 ]
}
wait_for 60 finished

# Text
expect 0 status
grep -qE '^iopfd [0-9.]+: degraded for [0-9]+s, (io_uring|libevent)$' "$tmp/out" || fail "status: $(cat "$tmp/out")"
grep -qE 'Devices: 3 \(2 active, 1 (failed|absent)\)' "$tmp/out" || fail "status: $(cat "$tmp/out")"
grep -qE '^(failed|absent) gone: .' "$tmp/out" || fail "status does not say what is wrong: $(cat "$tmp/out")"
expect 0 list
[ "$(awk '{ print $1, $3, $4 }' "$tmp/out" | head -n 3 | paste -sd,)" = "NAME STATE DRIVER,nvme0 active sim,nic0 active sim" ] ||
	fail "list: $(cat "$tmp/out")"
expect 0 list --names
[ "$(paste -sd' ' "$tmp/out")" = "nvme0 nic0 gone" ] || fail "list --names: $(cat "$tmp/out")"
expect 0 list --spaces --names
[ "$(sort "$tmp/out" | paste -sd' ')" = "dma0 gone scratch" ] || fail "list --spaces: $(cat "$tmp/out")"
expect 0 list --regions
grep -qE '^dma0/heap +0x100000000 +64M +anon +64K +rw +demand$' "$tmp/out" || fail "list --regions: $(cat "$tmp/out")"
expect 0 list --spaces
grep -qE '^dma0 +4M ' "$tmp/out" || fail "list --spaces: $(cat "$tmp/out")"
expect 0 show nvme0
grep -qE '^ +Attachments: dma0, PASID 5 in scratch$' "$tmp/out" || fail "show: $(cat "$tmp/out")"
expect 0 show --space dma0
grep -qE '^ +Regions: heap: 0x100000000 \+ 64M, anon, granule 64K' "$tmp/out" || fail "show --space: $(cat "$tmp/out")"
expect 0 stats nvme0
[ "$(awk '$1 == "FaultsTotal" { print $2 }' "$tmp/out")" = "$(property device/nvme0 Statistics FaultsTotal)" ] ||
	fail "stats: $(cat "$tmp/out")"
expect 0 version
grep -q '^iopfd ' "$tmp/out" || fail "version: $(cat "$tmp/out")"
expect 0 list --spaces --names --no-pager
! grep -q $'\033' "$tmp/out" || fail "colours without a terminal"

# JSON: valid, and the numbers are those of the bus
for arguments in status list 'list --spaces' 'list --regions' 'show nvme0' 'show nvme0 gone' 'show --space dma0' stats \
	'stats nvme0' 'stats nvme0 nic0' 'stats --space dma0' version; do
	for style in short pretty; do
		# shellcheck disable=SC2086
		expect 0 $arguments --json=$style
		python3 -m json.tool < "$tmp/out" > /dev/null || fail "iopfctl $arguments --json=$style is no JSON"
		[ $style = pretty ] || [ "$(wc -l < "$tmp/out")" = 1 ] || fail "iopfctl $arguments --json=short: several lines"
	done
done
expect 0 show --json=short nvme0
[ "$(member "['State']") $(member "['Attachments'][1]")" = "active [5, 'scratch']" ] || fail "show: $(cat "$tmp/out")"
[ "$(member "['Statistics']['FaultGroupsTotal']")" = "$(property device/nvme0 Statistics FaultGroupsTotal)" ] || fail "show"
expect 0 stats --json=short --space dma0
[ "$(member "['Evictions']")" = "$(property space/dma0 Statistics Evictions)" ] || fail "stats: $(cat "$tmp/out")"
expect 0 list --json=pretty
[ "$(member "[1]['Name']") $(member "[1]['Driver']")" = "nic0 sim" ] || fail "list: $(cat "$tmp/out")"

# Names that are none; the others are shown all the same
expect 5 show nope
[ "$(cat "$tmp/err")" = 'iopfctl: nope: no such device (org.iopfd1.Error.NoSuchDevice)' ] || fail "$(cat "$tmp/err")"
expect 5 show nope nvme0
grep -q '^nvme0$' "$tmp/out" || fail "show: $(cat "$tmp/out")"
expect 5 show --space nvme0
expect 5 stats nope
expect 5 prefault dma0/nope
expect 5 prefault nope/heap
expect 5 flush dma0/nope

# Memory
expect 0 trim scratch/r
expect 0 prefault scratch/r 1M 64K
expect 0 trim dma0/heap
expect 0 prefault dma0/heap 0 1M --json=short
[ "$(member "['Bytes']") $(property space/dma0 Space MappedBytes)" = "1048576 1048576" ] || fail "prefault: $(cat "$tmp/out")"
expect 0 trim dma0/heap
[ "$(cat "$tmp/out")" = "1M evicted" ] || fail "trim: $(cat "$tmp/out")"
[ "$(property space/dma0 Space MappedBytes)" = 0 ] || fail "trim left something"
expect 0 flush dma0
expect 0 flush dma0/heap
expect 1 prefault dma0/heap 64M 64K
grep -q 'InvalidRange' "$tmp/err" || fail "prefault behind the end: $(cat "$tmp/err")"

# Metrics: right by form, and in numbers
expect 0 metrics
"$PWD/tests/lib/openmetrics.py" iopfd_faults iopfd_responses iopfd_fault_service_seconds iopfd_pending_faults \
	iopfd_locked_bytes iopfd_build_info iopfd_mapped_bytes iopfd_evictions < "$tmp/out" || fail "metrics"
total=$(property device/nvme0 Statistics ResponsesSuccess)
grep -qx "iopfd_responses_total{device=\"nvme0\",code=\"success\"} $total" "$tmp/out" || fail "metrics: responses"
grep -qx "iopfd_fault_service_seconds_count{device=\"nvme0\"} $total" "$tmp/out" || fail "metrics: latencies"
mkdir "$tmp/textfile"
expect 0 metrics --output="$tmp/textfile/iopfd.prom"
[ ! -s "$tmp/out" ] || fail "metrics --output prints"
[ "$(ls -A "$tmp/textfile") $(stat -c %a "$tmp/textfile/iopfd.prom")" = "iopfd.prom 644" ] || fail "$(ls -lA "$tmp/textfile")"
"$PWD/tests/lib/openmetrics.py" < "$tmp/textfile/iopfd.prom" || fail "metrics --output"
expect 1 metrics --output="$tmp/none/iopfd.prom"

# A plot, of some lines and bars
expect 0 stats nic0 --plot="$tmp/plot.svg" --interval=100ms --duration=500ms
grep -qE '^.*/plot.svg: [0-9]+ faults in 0\.[0-9] s; [0-9]+ groups answered$' "$tmp/out" || fail "plot: $(cat "$tmp/out")"
python3 - "$tmp/plot.svg" << 'EOT' || fail "plot"
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
points = [e for e in root if e.tag.endswith("polyline")][0].get("points").split()
assert len(points) == 5, points
texts = [e.text for e in root if e.tag.endswith("text")]
assert "nic0" in texts and any("p99.9" in t for t in texts), texts
EOT
# Ctrl-C draws what there is
timeout --preserve-status -s INT 2 "$iopfctl" --bus="$bus_address" stats --plot="$tmp/early.svg" --interval=100ms \
	--duration=1h > "$tmp/out" || fail "a plot that was interrupted"
python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' "$tmp/early.svg" || fail "an early plot"
expect 1 stats --plot="$tmp/none/plot.svg" --interval=100ms --duration=100ms

# Configuration files, by the daemon's program
expect 0 check "$conf"
printf '[device a]\naddres = sim\n' > "$tmp/bad.conf"
expect 78 check "$tmp/bad.conf"
grep -q "bad.conf:2: .*did you mean 'address'" "$tmp/err" || fail "check: $(cat "$tmp/err")"

# Lines of top
expect 0 top -n 2 -d 300ms
awk 'NR == 1 { want = "TIME DEVICE STATE FAULTS/S P50 P99 P99.9 PENDING INVALID"; $1 = $1; if ($0 != want) bad = 1 }
	NR > 1 && NF != 9 { bad = 1 }
	$2 == "nic0" { n++ }
	$2 == "nic0" && $4 == "0" { bad = 1 }
	END { exit bad || NR != 7 || n != 2 }' "$tmp/out" || fail "top: $(cat "$tmp/out")"
expect 0 top -n 1 --delay=200ms --json=short
[ "$(member "['Devices'][0]['Name']")" = nic0 ] || fail "top --json: not sorted by rate: $(cat "$tmp/out")"
[ "$(member "['Devices'][0]['FaultsPerSecond'] > 0")" = True ] || fail "top --json: $(cat "$tmp/out")"

# Another bus by the environment, and a system bus that is another's
DBUS_SYSTEM_BUS_ADDRESS=$bus_address "$iopfctl" list --names > "$tmp/out" || fail "the system bus"
DBUS_SESSION_BUS_ADDRESS=$bus_address "$iopfctl" --bus=session list --names > "$tmp/out" || fail "the session bus"

daemon_stop
expect 3 status
expect 3 top -n 1
