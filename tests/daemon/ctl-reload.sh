#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check, plan and reload of a real daemon, and devices that it is given while it runs.
. "$(dirname "$0")/../lib/ctl.sh"

bus_start
conf=$(config reload <<- EOT
	[region a/r]
	iova = 0x100000000
	length = 16M
	[device one]
	address = sim
	space = a
EOT
)
daemon_start --config="$conf"
said() {
	grep -qF -- "$1" "$tmp/err" || fail "it does not say '$1': $(cat "$tmp/err")"
}
names() {
	ctl list --names | sort | paste -sd' '
}

# Nothing to do
expect 0 check
[ ! -s "$tmp/out" ] || fail "check: $(cat "$tmp/out")"
expect 0 plan
[ "$(cat "$tmp/out")" = "Nothing would change." ] || fail "plan: $(cat "$tmp/out")"
expect 0 plan --json=short
[ "$(cat "$tmp/out")" = '{"Changes":[]}' ] || fail "plan: $(cat "$tmp/out")"
expect 0 reload

# One device more
printf '[device two]\naddress = sim\nspace = a\n' >> "$conf"
expect 0 plan
grep -q 'two' "$tmp/out" || fail "plan: $(cat "$tmp/out")"
[ "$(names)" = one ] || fail "a plan changes something"
expect 0 reload
[ "$(names)" = "one two" ] || fail "reload: $(names)"

# Errors: all of them, with their lines, and nothing changes
printf '[device three]\naddress = sim\nnonsense = 1\n[region a/q]\niova = 1\n' >> "$conf"
expect 1 check
grep -qF "$conf:12: [device three] nonsense: " "$tmp/out" || fail "check: $(cat "$tmp/out")"
expect 1 check --json=short
[ "$(member "[0]['File']")" = "$conf" ] || fail "check: $(cat "$tmp/out")"
for verb in plan reload; do
	expect 1 $verb
	said "$conf:12: [device three] nonsense: "
	said "$conf:14: [region a/q] iova: "
	said 'iopfctl: the configuration is wrong (org.iopfd1.Error.ConfigInvalid)'
done
[ "$(names)" = "one two" ] || fail "a reload that failed changed something: $(names)"
expect 0 status
grep -qF "Reload failed: $conf:12: " "$tmp/out" || fail "status: $(cat "$tmp/out")"

# Devices of the command line
expect 0 attach toy sim:count=1000,pattern=random bus-master=no pasids=yes \
	--region heap,iova=0x100000000,length=8M,granule=4K --region=low,iova=0x10000,length=64K
expect 0 list --regions --names
grep -qx toy/heap "$tmp/out" && grep -qx toy/low "$tmp/out" || fail "regions: $(cat "$tmp/out")"
expect 0 show toy --json=short
[ "$(member "['Transient']") $(member "['State']")" = "True active" ] || fail "show: $(cat "$tmp/out")"
expect 1 attach toy sim space=a
said 'iopfctl: toy: '
expect 1 attach other sim space=a nonsense=1
expect 0 attach guest sim space=a --json=short
[ "$(member "['Path']")" = /org/iopfd1/device/guest ] || fail "attach: $(cat "$tmp/out")"
expect 0 detach toy
expect 5 show toy
expect 0 detach one
expect 0 list
grep -qE '^one .* detached ' "$tmp/out" || fail "list: $(cat "$tmp/out")"
expect 0 attach one
expect 0 show one
grep -qE '^ +State: active$' "$tmp/out" || fail "show: $(cat "$tmp/out")"
daemon_stop
