#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A VFIO device and its PASIDs, attached and detached 200 times beside one that is at work,
# leave nothing behind: descriptors, memory, what is pinned.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 1 -m 1G -t 280

run() {
	"$IOPFD_BUILD/tests/lib/cycles" bus="$bus" "$@" > "$tmp/rate" || fail "$*"
	echo "$1: $(cat "$tmp/rate")"
}
fds() {
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
status() {
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$daemon/status" /proc/meminfo
}

set -- $RIG_DEVS
bus_start
daemon_start <<END
[space first]
budget = 4M
[region first/heap]
iova = 0x100000000
length = 64M
granule = 4K
[region second/heap]
iova = 0x100000000
length = 64M
granule = 4K
[device dma0]
address = $1
space = first
bus-master = yes
[device dma1]
address = $2
space = second
pasids = yes
END
first=$1
active dma0 dma1
drive data device=dma1 region=second/heap iova=0x100000000 size=4M depth=8
drive begin device=dma0 bdf="$first" iova=0x100000000 size=64M group=4 depth=8
run what=configured names=dma1 cycles=20
run what=pasid names=dma1 space=second cycles=20
fds=$(fds) memory=$(status RssAnon) pinned=$(status VmPin) slab=$(status SUnreclaim)
run what=configured names=dma1 cycles=100
run what=pasid names=dma1 space=second cycles=100
drive data device=dma1 region=second/heap iova=0x100000000 size=4M depth=8
n=0
while [ "$(fds)" -gt "$fds" ]; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail "$(fds) descriptors, not $fds"
	sleep 0.1
done
grown=$(($(status RssAnon) - memory)) slab=$(($(status SUnreclaim) - slab))
echo "$fds descriptors, RssAnon $memory KiB and $grown more, slab $slab KiB more, VmPin $pinned KiB before, $(status VmPin) after"
[ $grown -le 1024 ] || fail "$grown KiB more"
[ $slab -le 4096 ] || fail "the kernel keeps $slab KiB more"
# Both spaces, one to its budget and what was touched of the other
[ "$(status VmPin)" -le 8192 ] || fail "$(status VmPin) KiB are pinned"
drive expect object=device/dma0 counter=ResponsesInvalid max=0
daemon_stop
