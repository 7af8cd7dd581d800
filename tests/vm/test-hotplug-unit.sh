#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same in the sandbox of the unit, under systemd, with udev, as a user of its own: a
# device that is bound after the start is attached once udev has given its node to the
# group, is released in the middle of its work when it is unbound or unplugged, and comes
# back; /dev/vfio goes with it each time. The journal has what happened under the device's
# name.
#
# Kernel warnings do not matter, see test-hotplug.sh.
. "${0%/*}/../lib/machine.sh"
machine vm -s -B -d 1 -c 1 -m 1G -t 280 -W
tmp=$(mktemp -d)
bus=unix:path=/run/dbus/system_bus_socket
bdf=0000:01:00.0

is() {
	[ "$(busctl get-property org.iopfd1 /org/iopfd1/device/dma0 org.iopfd1.Device State)" = "s \"$1\"" ]
}
becomes() {
	n=0
	until is "$1"; do
		n=$((n + 1))
		if [ $n -ge 200 ]; then
			journalctl -b -u iopfd.service --no-pager -o cat > "$tmp/log"
			fail "it does not become $1: $(busctl get-property org.iopfd1 /org/iopfd1/device/dma0 org.iopfd1.Device State LastError)"
		fi
		sleep 0.1
	done
}
# told ID N: so many records of this kind, under the device's name
told() {
	journalctl -b -q --no-pager -o cat IOPFD_DEVICE=dma0 MESSAGE_ID="$1" > "$tmp/told"
	[ "$(wc -l < "$tmp/told")" = "$2" ] || fail "not $2 records of $1: $(cat "$tmp/told")"
}

bind() {
	echo vfio-pci > /sys/bus/pci/devices/$bdf/driver_override
	echo $bdf > /sys/bus/pci/drivers_probe
	becomes active
	[ "$(stat -c %G /dev/vfio/devices/*)" = iopfd ] || fail "not by udev's doing"
}
statistic() {
	busctl get-property org.iopfd1 /org/iopfd1/device/dma0 org.iopfd1.Statistics "$1" | sed 's/^[a-z] //'
}
# Its data is right; then work that never ends, on more memory than the budget
work() {
	drive data device=dma0 region=dma0/heap iova=0x100000000 at=64M size=2M depth=8
	drive begin device=dma0 bdf=$bdf iova=0x100000000 size=64M group=4 depth=8
}
# gone STATE N: for the N-th time, and every fault was answered
gone() {
	becomes "$1"
	[ ! -e /dev/vfio/devices ] || fail "the folder is still there"
	told b2f3a1c07d5e4c1e9a6f0d3c5b8e7a11 "$2"
	told 3a91d0c64be24f57a8d2c96f10be7e44 "$2"
	[ "$(statistic FaultsPending)" = 0 ] || fail "$(statistic FaultsPending) faults are open"
	sum=$(($(statistic ResponsesSuccess) + $(statistic ResponsesInvalid) + $(statistic ResponsesStale)))
	[ "$(statistic FaultGroupsTotal)" = $sum ] || fail "$(statistic FaultGroupsTotal) groups, $sum answers"
	echo "$1 after $sum groups"
}

grep -q '^iopfd:' /etc/passwd || {
	echo 'iopfd:x:987:987::/:/usr/sbin/nologin' >> /etc/passwd
	echo 'iopfd:x:987:' >> /etc/group
}
install -m 755 "$IOPFD_BUILD/iopfd" /usr/sbin/iopfd
sed 's|@sbindir@|/usr/sbin|; s|@bindir@|/usr/bin|' systemd/iopfd.service.in > /etc/systemd/system/iopfd.service
mkdir -p /etc/dbus-1/system.d /etc/iopfd /etc/udev/rules.d
cp conf/org.iopfd1.conf /etc/dbus-1/system.d/
cp systemd/60-iopfd.rules /etc/udev/rules.d/
systemctl reload dbus.service
udevadm control --reload
udevadm trigger --settle /dev/iommu
install -d -o iopfd -g iopfd -m 700 /var/lib/iopfd
cat > /etc/iopfd/iopfd.conf <<END
[device dma0]
address = $bdf
bus-master = yes
[space dma0]
budget = 4M
[region dma0/heap]
iova = 0x100000000
length = 128M
granule = 4K
END
systemctl daemon-reload
systemctl start iopfd.service 2> "$tmp/log" || fail "the unit does not start"
is unbound || fail "it is not unbound at first"
[ ! -e /dev/vfio/devices ] || fail "there is a VFIO device already"

for i in 1 2; do
	bind
	work
	timeout 60 sh -c "echo $bdf > /sys/bus/pci/drivers/vfio-pci/unbind" || fail "the kernel still waits"
	gone unbound $i
done

bind
work
/run/rig/monitor device_del iopf1
n=0
while [ -e /sys/bus/pci/devices/$bdf ]; do
	n=$((n + 1))
	[ $n -lt 600 ] || fail "it cannot be unplugged"
	sleep 0.05
done
gone absent 3
n=0
while [ ! -e /sys/bus/pci/devices/$bdf ]; do
	n=$((n + 1))
	[ $n -lt 30 ] || fail "it cannot be plugged in"
	/run/rig/monitor device_add iopf-dma,bus=rp1,id=iopf1 > /dev/null
	sleep 0.5
done
bind
drive data device=dma0 region=dma0/heap iova=0x100000000 at=64M size=2M depth=8
systemctl stop iopfd.service
[ "$(systemctl show -P Result iopfd.service)" = success ] || fail "stop: $(systemctl show -P Result iopfd.service)"
