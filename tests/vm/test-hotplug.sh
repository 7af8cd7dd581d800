#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A device that is unbound from its driver, or unplugged, in the middle of its work is
# released, or the kernel would wait for ever; when it is back it is served again. While
# a driver holds its file, the kernel waits for that one. Another device notices nothing.
#
# Kernel warnings do not matter: a device that works while it is detached makes Linux 7.2
# warn (iopf_queue_remove_device, io-pgfault.c), and here that is the point.
. "${0%/*}/../lib/machine.sh"
machine vm -d 2 -c 1 -m 1G -t 280 -W

driver=/sys/bus/pci/drivers/vfio-pci
bdf=0000:01:00.0

unbind() {
	timeout 60 sh -c "echo $bdf > $driver/unbind" || fail "the kernel still waits for the device"
}
bind() {
	echo vfio-pci > /sys/bus/pci/devices/$bdf/driver_override
	echo $bdf > /sys/bus/pci/drivers_probe
}
# Work that never ends; the region is larger than the budget, so it faults all the time
load() {
	drive begin device=dma0 bdf=$bdf iova=0x100000000 size=64M group=4 depth=8
}
served() {
	drive state device=dma0
	drive data device=dma0 region=first/heap iova=0x100000000 at=64M size=2M depth=8
}
at=0
# Further memory of the other device
undisturbed() {
	drive data device=dma1 region=second/heap iova=0x100000000 at=${at}M size=1M depth=8
	at=$((at + 1))
}
# lost N TEXT: so often the log has it
lost() {
	[ "$(grep -c "dma0: .*$2" "$tmp/log")" = "$1" ] || fail "not told $1 times: $2"
}

bus_start
daemon_start <<END
[daemon]
event-loop = auto
workers = 2
[space first]
budget = 4M
[region first/heap]
iova = 0x100000000
length = 128M
policy = anon
granule = 4K
[region second/heap]
iova = 0x100000000
length = 128M
policy = anon
granule = 4K
[device dma0]
address = $bdf
space = first
bus-master = yes
[device dma1]
address = 0000:02:00.0
space = second
END
active dma0 dma1
undisturbed

# Unbound, and bound again
load
start=$(date +%s%N)
unbind
echo "unbound after $((($(date +%s%N) - start) / 1000000)) ms"
drive state device=dma0 state=unbound error=E text=driver
drive expect object=device/dma0 counter=FaultsPending max=0
lost 1 "it is not there any more"
undisturbed
bind
served

# Unplugged, and plugged in again; with a daemon that comes to it late
drive state device=dma0
load
kill -STOP "$daemon"
/run/rig/monitor device_del iopf1
sleep 7
kill -CONT "$daemon"
n=0
while [ -e /sys/bus/pci/devices/$bdf ]; do
	n=$((n + 1))
	[ $n -lt 600 ] || fail "it cannot be unplugged"
	sleep 0.05
done
drive state device=dma0 state=absent error=E
drive expect object=device/dma0 counter=FaultsPending max=0
undisturbed
n=0
while [ ! -e /sys/bus/pci/devices/$bdf ]; do
	n=$((n + 1))
	[ $n -lt 30 ] || fail "it cannot be plugged in"
	/run/rig/monitor device_add iopf-dma,bus=rp1,id=iopf1 > /dev/null
	sleep 0.5
done
bind
served

# In the hands of a driver: the kernel waits for that one, and nobody else has to
"$IOPFD_BUILD/tests/vm/drive" --bus="$bus" hold device=dma0 ready="$tmp/held" &
holder=$!
wait_file "$tmp/held"
unbind &
waiter=$!
drive state device=dma0 state=absent error=ENODEV text=OpenDevice
undisturbed
kill -0 $waiter || fail "the kernel did not wait for the driver"
kill $holder
wait $holder
wait_all $waiter
drive state device=dma0 state=unbound error=E text=driver
bind
served
undisturbed
drive totals device=dma1
daemon_stop

# Where inotify is used up, the kernel's own request still comes
echo 0 > /proc/sys/fs/inotify/max_user_watches
daemon_restart
active dma0
lost 1 "cannot see whether it comes or goes"
load
unbind
drive state device=dma0 state=unbound error=E text=driver
lost 1 "the kernel wants it back"
daemon_stop
