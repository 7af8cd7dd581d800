#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# PASIDs in depth: many on a device, the same one on two devices, one that comes and goes
# while the others fault, what each of them counted, and each refusal in words.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 2 -m 1G -t 280

region() { # SPACE
	printf '[region %s/heap]\niova = 0x100000000\nlength = 128M\npolicy = anon\ngranule = 4K\n' "$1"
}

call() { # DEVICE METHOD SIGNATURE [ARGUMENT...]
	object=/org/iopfd1/device/$1
	shift
	busctl --address="$bus" call org.iopfd1 "$object" org.iopfd1.Device "$@" > "$tmp/reply" 2>&1
}

refused() { # WORDS DEVICE METHOD SIGNATURE [ARGUMENT...]
	words=$1
	shift
	! call "$@" || fail "$* is not refused"
	grep -q -- "$words" "$tmp/reply" || fail "$*: '$(cat "$tmp/reply")' says nothing of '$words'"
}

# attached DEVICE PASID SPACE
attached() {
	call "$1" GetAttachments || fail "GetAttachments: $(cat "$tmp/reply")"
	grep -q " $2 \"$3\"" "$tmp/reply"
}

# counter DEVICE PASID NAME: of one attachment
counter() {
	call "$1" GetAttachmentStatistics || fail "GetAttachmentStatistics: $(cat "$tmp/reply")"
	tr ' ' '\n' < "$tmp/reply" | awk -v pasid="$2" -v name="\"$3\"" '
		/^"/ && before ~ /^[0-9]+$/ && $0 !~ /^"[A-Z]/ { at = before }
		before == name && at == pasid { print; exit }
		{ before = $0 }'
}

bus_start
{
	printf '[daemon]\nworkers = 2\n'
	region many
	region left
	region right
	region passing
	printf '[device dma0]\naddress = 0000:01:00.0\nspace = left\n'
	pasid=1
	while [ $pasid -le 64 ]; do
		echo "pasid = $pasid:many"
		pasid=$((pasid + 1))
	done
	echo 'pasid = 100:right'
	printf '[device dma1]\naddress = 0000:02:00.0\nspace = left\npasid = 1:many\npasid = 100:left\n'
} > "$tmp/config"
daemon_start < "$tmp/config"
active dma0 dma1

# Many in one space: each reaches the same memory by its own entry
pids=
i=0
for pasid in 1 2 17 33 64; do
	try data device=dma0 pasid=$pasid region=many/heap iova=0x100000000 at=$((i * 8))M size=4M depth=8 \
		first-channel=$((i + 1)) seed=$pasid &
	pids="$pids $!"
	i=$((i + 1))
done
wait_all $pids
call dma0 Drain t 0 || fail "Drain: $(cat "$tmp/reply")"
# What each PASID asked for is counted for it, and the device has the sum
sum=0
for pasid in 1 2 17 33 64; do
	n=$(counter dma0 $pasid FaultsTotal)
	[ "$n" -ge 1024 ] || fail "PASID $pasid counted '$n' faults"
	[ "$(counter dma0 $pasid ResponsesInvalid)" = 0 ] || fail "PASID $pasid has INVALID answers"
	sum=$((sum + n))
done
[ "$(counter dma0 3 FaultsTotal)" = 0 ] || fail "PASID 3 asked for nothing"
drive expect object=device/dma0 counter=FaultsTotal min=$sum max=$sum
drive expect object=space/many counter=FaultsTotal min=$sum max=$sum

# The same PASID of two devices in one space, and in different ones
try data device=dma0 pasid=1 region=many/heap iova=0x100000000 at=48M size=4M depth=8 seed=1 &
p1=$!
try data device=dma1 pasid=1 region=many/heap iova=0x100000000 at=56M size=4M depth=8 seed=2 &
p2=$!
wait_all $p1 $p2
drive data device=dma0 pasid=100 region=right/heap iova=0x100000000 size=2M depth=8 seed=3
drive data device=dma1 pasid=100 region=left/heap iova=0x100000000 size=2M depth=8 seed=4

# One comes and goes while the others fault
try random device=dma0 region=left/heap iova=0x100000000 at=16M size=32M count=30000 depth=8 seed=5 &
p1=$!
try random device=dma0 pasid=2 region=many/heap iova=0x100000000 at=64M size=16M count=15000 depth=8 \
	first-channel=4 seed=6 &
p2=$!
before=$(drive expect object=space/passing counter=FaultsTotal | sed 's/.*= //')
round=0
while [ $round -lt 12 ]; do
	call dma0 AttachPasid us 200 passing || fail "AttachPasid: $(cat "$tmp/reply")"
	attached dma0 200 passing || fail "PASID 200 is not listed: $(cat "$tmp/reply")"
	drive ops device=dma0 pasid=200 region=passing/heap iova=0x100000000 at=$((round * 4))M size=256K \
		first-channel=7 seed=$round
	call dma0 DetachPasid u 200 || fail "DetachPasid: $(cat "$tmp/reply")"
	! attached dma0 200 passing || fail "PASID 200 is still listed"
	round=$((round + 1))
done
wait_all $p1 $p2
drive expect object=space/passing counter=FaultsTotal min=$((before + 12 * 64))
drive expect object=device/dma0 counter=ResponsesInvalid max=0

# Each refusal says what is wrong
refused 'PASID 0' dma0 AttachPasid us 0 passing
refused 'is attached to space many' dma0 AttachPasid us 5 passing
refused 'PASID 201 of dma0 is not attached' dma0 DetachPasid u 201
refused 'no space' dma0 AttachPasid us 201 nowhere
refused '1 to 255' dma0 AttachPasid us 256 passing
refused '1048575' dma0 AttachPasid us 1048576 passing
active dma0 dma1
daemon_stop

# A device that is not attached itself: its PASIDs are served, its own requests are not
{
	region only
	region later
	printf '[device dma0]\naddress = 0000:01:00.0\nrid = no\npasid = 7:only\n'
} > "$tmp/config"
daemon_start < "$tmp/config"
active dma0
call dma0 GetAttachments || fail "GetAttachments: $(cat "$tmp/reply")"
[ "$(cat "$tmp/reply")" = 'a(us) 1 7 "only"' ] || fail "attachments without a RID: $(cat "$tmp/reply")"
drive data device=dma0 pasid=7 region=only/heap iova=0x100000000 size=4M depth=8 seed=8
call dma0 AttachPasid us 8 later || fail "AttachPasid: $(cat "$tmp/reply")"
drive data device=dma0 pasid=8 region=later/heap iova=0x100000000 size=4M depth=8 seed=9
drive expect object=device/dma0 counter=ResponsesInvalid max=0
daemon_stop
