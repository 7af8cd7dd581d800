#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A device that somebody opened himself and hands over as a descriptor: its faults are served
# with real DMA, it is detached and handed over again, and what is no VFIO device is refused.
. "${0%/*}/../lib/machine.sh"
machine vm -d 1 -c 1 -m 1G -t 110

bus_start
daemon_start < /dev/null
node=/dev/vfio/devices/$(ls /dev/vfio/devices)
ctl() {
	"$IOPFD_BUILD/iopfctl" --bus="$bus" "$@"
}
hand_over() {
	ctl attach guest --device-file="$1" --region heap,iova=0x100000000,length=16M,granule=4K > "$tmp/reply" 2>&1
}

n=0
until ctl status > /dev/null 2>&1; do
	n=$((n + 1))
	[ $n -lt 200 ] || fail "the daemon does not come"
	sleep 0.05
done
! hand_over /dev/null || fail "/dev/null is taken for a device"
grep -q . "$tmp/reply" || fail "/dev/null is refused without a word"
echo "refused: $(cat "$tmp/reply")"
for round in 1 2; do
	hand_over "$node" || fail "round $round: $(cat "$tmp/reply")"
	active guest
	drive data device=guest region=guest/heap iova=0x100000000 size=8M group=4 depth=8 seed=$round
	drive expect object=device/guest counter=ResponsesInvalid max=0
	ctl detach guest > "$tmp/reply" 2>&1 || fail "detach: $(cat "$tmp/reply")"
	[ "$(ctl list --names)" = '' ] || fail "it is still there: $(ctl list --names)"
done
daemon_stop
