#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 120
# Mock devices that are attached and detached again and again leave nothing behind, neither in
# the daemon nor in the kernel; a device beside them is served. CYCLES says how many, all
# together.
. "${0%/*}/../lib/machine.sh"
CYCLES=${CYCLES:-800}
export CYCLES
machine uml -e CYCLES -c 2 -m 1G -t $((100 + CYCLES / 50))

run() {
	"$IOPFD_BUILD/tests/lib/cycles" bus="$bus" "$@" > "$tmp/rate" || fail "$*"
	echo "$1: $(cat "$tmp/rate")"
}
# all CYCLES: of each kind a quarter
all() {
	n=$(($1 / 4))
	run what=transient names=t1,t2,t3,t4 address=mock space=here cycles=$n
	run what=transient names=t1,t2,t3,t4 address=mock:pasid cycles=$n
	run what=configured names=mock1,mock2 cycles=$n
	run what=pasid names=mock0,mock1,mock2 space=there cycles=$n
}
fds() {
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
status() {
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$daemon/status" /proc/meminfo
}

bus_start
daemon_start <<END
[daemon]
workers = 2
[region here/heap]
iova = 0x2000000
length = 64M
granule = 4K
[region there/heap]
iova = 0x2000000
length = 64M
granule = 4K
[device mock0]
address = mock:pasid
pasids = yes
space = here
[device mock1]
address = mock:pasid
pasids = yes
space = there
[device mock2]
address = mock:pasid
pasids = yes
space = there
END
active mock0 mock1 mock2
zero="pid=$daemon device=mock0 index=0 region=here/heap iova=0x2000000"
drive groups $zero size=16M
all $((CYCLES / 4))
fds=$(fds) memory=$(status RssAnon) pinned=$(status VmPin) slab=$(status SUnreclaim)
all "$CYCLES"
drive groups $zero at=16M size=16M
drive objects pid="$daemon" limit=40
n=0
while [ "$(fds)" -gt "$fds" ]; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail "$(fds) descriptors, not $fds"
	sleep 0.1
done
grown=$(($(status RssAnon) - memory)) slab=$(($(status SUnreclaim) - slab))
echo "after $CYCLES cycles: $fds descriptors, RssAnon $memory KiB and $grown more, slab $slab KiB more, VmPin $pinned KiB before"
[ $grown -le 1024 ] || fail "$grown KiB more"
[ $slab -le 2048 ] || fail "the kernel keeps $slab KiB more"
[ "$(status VmPin)" -le $((pinned + 16384)) ] || fail "VmPin went from $pinned to $(status VmPin) KiB"
daemon_stop
