#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# bind and unbind in a folder that stands for a machine, where plain files keep what is
# written to them: what is written, in which case nothing at all, and why.
set -eu
export LC_ALL=C
. "$(dirname "$0")/../lib/probe-tree.sh"

# run STATUS MESSAGE VERB DEVICE...: the message is a part of what it says
run() {
	local want=$1 message=$2 status=0
	shift 2
	ctl "$@" > "$tmp/out" 2>&1 || status=$?
	[ $status = "$want" ] || { cat "$tmp/out"; fail "$*: exit status $status, not $want"; }
	grep -qF -e "$message" "$tmp/out" || { cat "$tmp/out"; fail "$*: it does not say: $message"; }
}

# written PATH TEXT: exactly that, newlines too
written() {
	[ "$(cat "$m/$1" && echo .)" = "$2." ] || fail "in $1: '$(cat "$m/$1")', not '$2'"
}

# refused MESSAGE VERB DEVICE...: and nothing was written; then a fresh machine
refused() {
	local message=$1 status=1
	shift
	cp -a "$m" "$tmp/before"
	run $status "$message" "$@"
	diff -r --no-dereference "$tmp/before" "$m" > "$tmp/diff" || { cat "$tmp/diff"; fail "$*: it wrote something"; }
	rm -rf "$tmp/before"
	fresh
}

# A machine whose device is bound to nvme, alone in its group
fresh() {
	machine
	rm -r "$m/$dev/vfio-dev"
	driver $bdf nvme
	put proc/self/mountinfo '26 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw'
	put proc/swaps 'Filename				Type		Size		Used		Priority
/dev/sda2                               partition	1048572		0		-2'
	: > "$m/$dev/driver_override"
}

# node PATH SUBSYSTEM NUMBER: a folder below the device as drivers make them
node() {
	put "$dev/$1/dev" "$3"
	put "$dev/$1/uevent" "MAJOR=${3%:*}
DEVNAME=${1##*/}"
	link "$dev/$1/subsystem" "/somewhere/class/$2"
}

fresh
run 0 "$bdf: bound to vfio-pci" bind $bdf
written $dev/driver_override $'vfio-pci\n'
written sys/bus/pci/drivers/nvme/unbind $bdf
written sys/bus/pci/drivers_probe $bdf

# No driver is bound: nothing to unbind; names are read in all forms
fresh
rm "$m/$dev/driver"
run 0 "$bdf: bound to vfio-pci" bind 3d:00.0
written $dev/driver_override $'vfio-pci\n'
written sys/bus/pci/drivers_probe $bdf

machine
run 0 "$bdf: is bound to vfio-pci already" bind vfio0
written sys/bus/pci/drivers_probe ''
: > "$m/$dev/driver_override"
run 0 "$bdf: unbound" unbind vfio0
written $dev/driver_override $'\n'
written sys/bus/pci/drivers/vfio-pci/unbind $bdf
written sys/bus/pci/drivers_probe $bdf

fresh
run 0 "$bdf: is bound to nvme, no vfio driver" unbind $bdf
written sys/bus/pci/drivers/nvme/unbind ''

machine
put etc/driverctl.d/$bdf vfio-pci
run 0 "driverctl unset-override $bdf" unbind $bdf

# Arguments
run 2 'usage: iopfctl bind DEVICE...' bind
run 2 'usage: iopfctl unbind DEVICE...' unbind
run 2 'expected a PCI address' bind eth0
run 5 'no such device' bind 0000:ff:00.0
status=0
ctl bind --force $bdf > "$tmp/out" 2>&1 || status=$?
[ $status = 2 ] || fail "--force: exit status $status"

# Disks
fresh
node nvme/nvme0 nvme 240:0
node nvme/nvme0/nvme0n1 block 259:0
node nvme/nvme0/nvme0n1/nvme0n1p1 block 259:1
run 0 "bound to vfio-pci" bind $bdf
disk() {
	node nvme/nvme0 nvme 240:0
	node nvme/nvme0/nvme0n1 block 259:0
	node nvme/nvme0/nvme0n1/nvme0n1p1 block 259:1
}
fresh
disk
echo '30 26 259:1 / /srv rw - ext4 /dev/root rw' >> "$m/proc/self/mountinfo"
refused "$bdf: it is in use: /dev/nvme0n1p1 is mounted on /srv" bind $bdf
disk
echo '30 26 0:44 / /srv rw shared:1 - btrfs /dev/nvme0n1 rw' >> "$m/proc/self/mountinfo"
refused "$bdf: it is in use: /dev/nvme0n1 is mounted on /srv" bind $bdf
disk
echo '30 26 0:44 / /srv rw shared:1 - btrfs /dev/nvme0n1p11 rw' >> "$m/proc/self/mountinfo"
run 0 "bound to vfio-pci" bind $bdf
fresh
disk
echo '/dev/nvme0n1p1   partition 1048572 0 -2' >> "$m/proc/swaps"
refused "/dev/nvme0n1p1 is used as swap" bind $bdf
disk
mkdir -p "$m/$dev/nvme/nvme0/nvme0n1/holders/dm-0"
refused "/dev/nvme0n1 is a part of dm-0" bind $bdf
# Several paths: the disk is not below the device
node nvme/nvme0 nvme 240:0
link sys/class/nvme-subsystem/nvme-subsys0 ../../devices/virtual/nvme-subsystem/nvme-subsys0
put sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev 259:0
link sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/subsystem /somewhere/class/block
link sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0 "../../../../bus/pci/devices/$bdf/nvme/nvme0"
echo '30 26 259:0 / /srv rw - ext4 /dev/mapper/x rw' >> "$m/proc/self/mountinfo"
refused "/dev/nvme0n1 is mounted on /srv" bind $bdf
# Deep below
node ata1/host0/target0:0:0/0:0:0:0/block/sda block 8:0
node ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1 block 8:1
refused "/dev/sda1 is mounted on /" bind $bdf

# Network interfaces
interface() {
	link $dev/net/eth7/subsystem /somewhere/class/net
	put $dev/net/eth7/flags "$1"
	put proc/net/route 'Iface	Destination	Gateway 	Flags
eth77	00000000	0101A8C0	0003'
}
interface 0x1002
run 0 "bound to vfio-pci" bind $bdf
fresh
interface 0x1003
refused "the network interface eth7 is up" bind $bdf
interface 0x1002
echo 'eth7	00000000	0101A8C0	0003' >> "$m/proc/net/route"
refused "the network interface eth7 has a route" bind $bdf
interface 0x1002
put proc/net/ipv6_route 'fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth7'
refused "the network interface eth7 has a route" bind $bdf
interface 0x1002
put proc/net/if_inet6 'fe80000000000000021a4afffe000001 05 40 20 80     eth7'
refused "the network interface eth7 has an address" bind $bdf
interface 0x1002
link $dev/net/eth7/master ../../../virtual/net/br0
refused "the network interface eth7 is a part of br0" bind $bdf
interface 0x1002
link $dev/net/eth7/upper_vlan5 ../../../virtual/net/vlan5
refused "the network interface eth7 is below vlan5" bind $bdf

# Processes
user() {
	link proc/4711/fd/3 /dev/null
	link proc/4711/fd/12 "$1"
	put proc/4711/comm reader
}
node hwrng/hwrng0 misc 10:183
user /dev/hwrng1
run 0 "bound to vfio-pci" bind $bdf
fresh
node hwrng/hwrng0 misc 10:183
user /dev/hwrng0
refused "process 4711 (reader) has /dev/hwrng0 open" bind $bdf
machine
put $dev/vfio-dev/vfio0/uevent 'DEVNAME=vfio/devices/vfio0'
link $dev/vfio-dev/vfio0/subsystem /somewhere/class/vfio-dev
user /dev/vfio/devices/vfio0
refused "process 4711 (reader) has /dev/vfio/devices/vfio0 open" unbind $bdf
machine
user /dev/vfio/7
refused "process 4711 (reader) has /dev/vfio/7 open" unbind vfio0

# Groups
device 0000:3d:00.1 7 snd
refused "$bdf: 0000:3d:00.1 in the same IOMMU group is bound to snd; bind both: iopfctl bind $bdf 0000:3d:00.1" bind $bdf
device 0000:3d:00.1 7 snd
run 0 "0000:3d:00.1: bound to vfio-pci" bind $bdf 0000:3d:00.1
written sys/bus/pci/drivers_probe "${bdf}0000:3d:00.1"
fresh
device 0000:3d:00.1 7 snd
interface 0x1003
refused "$bdf: it is in use" bind 0000:3d:00.1 $bdf
device 0000:3d:00.1 7
device 0000:3d:00.2 7 vfio-pci
device 0000:3c:00.0 7 pcieport
put sys/bus/pci/devices/0000:3c:00.0/class 0x060400
run 0 "$bdf: bound to vfio-pci" bind $bdf
fresh
rm "$m/$dev/iommu_group"
refused "it is in no IOMMU group" bind $bdf
refused "it is a bridge" bind 0000:00:01.0

# The module: modprobe from PATH, which here makes the driver, or cannot
mkdir "$tmp/bin"
modprobe() {
	printf '#!/bin/sh\n[ "$*" = vfio-pci ] && %s\n' "$1" > "$tmp/bin/modprobe"
	chmod +x "$tmp/bin/modprobe"
}
PATH=$tmp/bin:$PATH
rm -r "$m/sys/bus/pci/drivers/vfio-pci"
modprobe "mkdir $m/sys/bus/pci/drivers/vfio-pci"
run 0 'loading the module vfio-pci' bind $bdf
written $dev/driver_override $'vfio-pci\n'
fresh
rm -r "$m/sys/bus/pci/drivers/vfio-pci"
modprobe 'exit 1'
run 6 'there is no driver vfio-pci' bind $bdf
written $dev/driver_override ''

# Something cannot be written: all is put back
fresh
rm "$m/sys/bus/pci/drivers/nvme/unbind"
run 1 "$bdf: cannot unbind its driver: No such file or directory" bind $bdf
written $dev/driver_override $'vfio-pci\n\n'
written sys/bus/pci/drivers_probe $bdf
fresh
rm "$m/$dev/driver_override"
run 1 "$bdf: cannot set driver_override" bind $bdf
written sys/bus/pci/drivers_probe ''
fresh
rm "$m/sys/bus/pci/drivers_probe"
run 1 "$bdf: cannot bind vfio-pci" bind $bdf
if [ "$(id -u)" != 0 ]; then
	fresh
	chmod 444 "$m/$dev/driver_override"
	run 4 "$bdf: cannot set driver_override: only root may" bind $bdf
fi
echo passed
