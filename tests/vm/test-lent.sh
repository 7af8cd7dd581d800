#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices that cannot be taken are failed and say why, the others run: one without page
# requests, one that is not there, one that has no vfio driver, and one whose fd is still in
# the hands of a driver that got it from the daemon's former life.
. "${0%/*}/../lib/machine.sh"
machine vm -d 3 -c 1 -m 1G -t 280 -O x-flts=off \
	-q '-device pcie-root-port,id=rp9,chassis=9,slot=9 -device iopf-dma,bus=rp9,id=iopf9,pri=off'

# The device of -q comes first on the bus: 01 has no PRI, 02 to 04 are as always
echo 0000:04:00.0 > /sys/bus/pci/drivers/vfio-pci/unbind

bus_start
daemon_start <<END
[daemon]
event-loop = auto
workers = 2
[region first/heap]
iova = 0x100000000
length = 16M
policy = anon
granule = 4K
[region second/heap]
iova = 0x100000000
length = 16M
policy = anon
granule = 4K
[device dma0]
address = 0000:02:00.0
space = first
[device dma1]
address = 0000:03:00.0
space = second
[device nodriver]
address = 0000:04:00.0
[device nopri]
address = 0000:01:00.0
[device nothing]
address = 0000:7f:00.0
END
active dma0 dma1
drive state device=nodriver state=unbound error=E text="iopfctl bind"
drive state device=nopri state=failed error=ENODEV text=PRI
drive state device=nothing state=absent error=E
one="device=dma0 region=first/heap iova=0x100000000"
two="device=dma1 region=second/heap iova=0x100000000"
drive data $one size=2M depth=8
drive data $two size=2M depth=8
drive expect object=device/dma0 property=Lent min=1

"$IOPFD_BUILD/tests/vm/drive" --bus="$bus" hold device=dma0 ready="$tmp/held" &
holder=$!
wait_file "$tmp/held"
daemon_stop

# dma1 was lent too, but its driver has gone
daemon_restart
active dma1
drive state device=dma0 state=failed error=EINVAL text=fd
drive data $two at=4M size=2M depth=8 seed=1
daemon_stop

kill "$holder"
wait "$holder"
daemon_restart
active dma0 dma1
drive data $one at=4M size=2M depth=8 seed=1
drive totals device=dma0,dma1
daemon_stop
