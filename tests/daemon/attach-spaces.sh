#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Spaces that a device brought along: they go with their last user, whoever that is, and are
# gone when the call that ended it is answered. What is closed says so.
. "$(dirname "$0")/../lib/daemon.sh"

call() {
	busctl_private call org.iopfd1 "$@"
}
attach() {
	call /org/iopfd1 org.iopfd1.Manager AttachDevice 'sa{sv}' "$@"
}
# with_memory NAME ADDRESS [N OPTION...]: with N more options
with_memory() {
	local name=$1 address=$2 n=$((${3:-0} + 2))
	shift $(($# < 3 ? $# : 3))
	attach "$name" "$n" address s "$address" regions 'a(sa{sv})' 1 heap 2 iova s 0x100000000 length s 1M "$@"
}
# device NAME METHOD [TYPES ARGUMENT...]
device() {
	local name=$1
	shift
	call "/org/iopfd1/device/$name" org.iopfd1.Device "$@"
}
reload() {
	call /org/iopfd1 org.iopfd1.Manager Reload
}
# refused TEXT COMMAND...
refused() {
	local text=$1
	shift
	! "$@" > "$tmp/refused" 2>&1 || fail "not refused: $*"
	grep -q "$text" "$tmp/refused" || fail "$*: $(cat "$tmp/refused"), not $text"
}
expect_objects() {
	local objects
	objects=$(busctl_private tree --list org.iopfd1 | sed -n 's,^/org/iopfd1/\(.*/.*\),\1,p' | sort | tr '\n' ' ')
	[ "$objects" = "$1 " ] || fail "there is $objects, not $1"
}

bus_start
conf=$(config spaces <<- EOT
	[daemon]
	memory-budget = 6M
	[region shared/heap]
	iova = 0x100000000
	length = 8M
	granule = 4K
	on-fault = prefault
	[region full/pinned]
	iova = 0x200000000
	length = 5M
	pinned = yes
	[device a]
	address = sim:count=200
	space = shared
	pasids = yes
EOT
)
daemon_start --config="$conf"
mapped() {
	[ "$(property space/shared Space MappedBytes)" -gt $((2 << 20)) ]
}
wait_for 20 mapped

# The last user is a PASID of a configured device
with_memory own sim:count=50 > /dev/null
device a AttachPasid us 5 own
device own Detach t 0
expect_objects 'device/a space/full space/own space/shared'
device a DetachPasid u 5
expect_objects 'device/a space/full space/shared'

# Likewise, and the device goes with a reload
with_memory own sim:count=50 > /dev/null
device a AttachPasid us 5 own
device own Detach t 0
sed -i 's/count=200/count=100/' "$conf"
reload
wait_for 10 test "$(property device/a Device State)" = active
expect_objects 'device/a space/full space/shared'

# An attach that fails on its way leaves nothing at once
for ((i = 0; i < 20; i++)); do
	refused 'cannot be pinned\|is pinned' with_memory t sim:count=1 1 pasid as 1 9:full
	expect_objects 'device/a space/full space/shared'
done

# A space that could not be opened says so, though it has memory
refused 'is not open' call /org/iopfd1/space/full org.iopfd1.Space Flush s ''
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
