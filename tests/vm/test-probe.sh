#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# iopfctl probe on real machines: one where everything passes, and others that lack one thing.
# Then bind and unbind of real devices, in use and not. timeout: 280
. "${0%/*}/../lib/machine.sh"
ctl=$IOPFD_BUILD/tests/lib/probe-main
tmp=/tmp
bdf=0000:01:00.0
rng=0000:00:03.0    # virtio-rng, nobody uses it
serial=0000:00:04.0 # virtio-serial, this script's output goes through it

# In a machine: what does not pass, "VERDICT ID" with commas between, and a part of the advice
probe_expects() {
	status=0
	"$ctl" probe > /tmp/out || status=$?
	got=$(awk '$1 == "fail" || $1 == "unknown" { printf "%s%s %s", n++ ? ", " : "", $1, $2 }' /tmp/out)
	case $1 in *fail*) want=1 ;; *) want=0 ;; esac
	[ "$got $status" = "$1 $want" ] || { cat /tmp/out; fail "does not pass: $got ($status), not $1 ($want)"; }
	[ -z "$2" ] || grep -qF -e "$2" /tmp/out || { cat /tmp/out; fail "no such advice: $2"; }
}

# says STATUS MESSAGE VERB DEVICE...
says() {
	want=$1 message=$2 status=0
	shift 2
	"$ctl" "$@" > /tmp/out 2>&1 || status=$?
	[ $status = "$want" ] || { cat /tmp/out; fail "$*: exit status $status, not $want"; }
	grep -qF -e "$message" /tmp/out || { cat /tmp/out; fail "$*: it does not say: $message"; }
}

driver_is() {
	driver=$(readlink "/sys/bus/pci/devices/$1/driver" || true)
	[ "${driver##*/}" = "$2" ] || fail "the driver of $1 is \"${driver##*/}\", not \"$2\""
}

bind_and_unbind() {
	# A device without a driver of its own
	driver_is $bdf ""
	says 0 "$bdf: bound to vfio-pci" bind $bdf
	driver_is $bdf vfio-pci
	probe_expects "" ""
	says 0 "$bdf: is bound to vfio-pci already" bind vfio0
	exec 9<> /dev/vfio/devices/vfio0
	says 1 "has /dev/vfio/devices/vfio0 open" unbind $bdf
	driver_is $bdf vfio-pci
	exec 9>&-
	says 0 "no other driver took it" unbind vfio0
	driver_is $bdf ""
	says 5 "no such device" bind vfio0

	# One with a driver, which comes back
	driver_is $rng virtio-pci
	says 0 "$rng: bound to vfio-pci" bind ${rng#0000:} $bdf
	driver_is $rng vfio-pci
	driver_is $bdf vfio-pci
	says 0 "$rng: bound to virtio-pci" unbind $rng
	driver_is $rng virtio-pci
	[ "$(cat /sys/bus/pci/devices/$rng/driver_override)" = "(null)" ] || fail "the override stays"
	says 0 "$rng: is bound to virtio-pci, no vfio driver" unbind $rng

	# A driver that was told the id takes it again
	echo "$(cat /sys/bus/pci/devices/$bdf/vendor) $(cat /sys/bus/pci/devices/$bdf/device)" > \
		/sys/bus/pci/drivers/vfio-pci/new_id
	says 1 "$bdf: a vfio driver took it again" unbind $bdf

	# Devices that are in use, bridges
	says 1 "$serial: it is in use: process" bind $serial
	says 1 "has /dev/vport" bind $serial
	driver_is $serial virtio-pci
	says 1 "it is a bridge" bind 0000:00:05.0

	# The unprivileged
	setpriv --reuid 65534 --regid 65534 --clear-groups "$ctl" bind $rng > /tmp/out 2>&1 && fail "nobody may bind"
	grep -q "only root may" /tmp/out || { cat /tmp/out; fail "nobody is told something else"; }
	driver_is $rng virtio-pci
	setpriv --reuid 65534 --regid 65534 --clear-groups "$ctl" probe $bdf > /tmp/out && fail "nobody sees all"
	for line in 'unknown  iommufd-features' 'fail     cdev-access' 'unknown  ats ' 'unknown  pri ' 'pass     driver'; do
		grep -q "^  $line" /tmp/out || { cat /tmp/out; fail "nobody should see: $line"; }
	done
}

# A disk that a file system of the kernel has, though no mount shows it: one made of files,
# with the node of a real block device.
disk_in_use() {
	tree=/tmp/tree disk=/tmp/tree/sys/bus/pci/devices/$bdf/block/sda
	mkdir -p $disk $tree/dev $tree/sys/bus/pci/drivers/vfio-pci $tree/sys/kernel/iommu_groups/1/devices/$bdf
	: > $tree/sys/bus/pci/devices/$bdf/driver_override
	: > $tree/sys/bus/pci/drivers_probe
	ln -s ../../../../kernel/iommu_groups/1 $tree/sys/bus/pci/devices/$bdf/iommu_group
	ln -s /class/block $disk/subsystem
	truncate -s 16M /tmp/image
	mke2fs -q -t ext4 /tmp/image
	loop=$(losetup -f --show /tmp/image)
	mknod $tree/dev/sda b 7 "${loop#/dev/loop}"
	mount "$loop" /mnt
	says 1 "$bdf: it is in use: /dev/sda is used by the kernel" --root=$tree bind $bdf
	umount /mnt
	says 0 "$bdf: bound to vfio-pci" --root=$tree bind $bdf
	losetup -d "$loop"
}

if [ "${RIG_KIND:-}" = vm ]; then
	case $1 in
	expects) probe_expects "$2" "$3" ;;
	bind)
		bind_and_unbind
		disk_in_use
		;;
	esac
	exit 0
fi

need_rig vm
export IOPFD_BUILD
# in_vm OPTION... -- ARGUMENT...: this script in a machine
in_vm() {
	boot -e IOPFD_BUILD -t 60 "$@" || { echo "not ok: $*" >&2; exit 1; }
}
# lacks LINES ADVICE OPTION...
lacks() {
	lines=$1 advice=$2
	shift 2
	echo "# $*: $lines"
	in_vm "$@" -- /bin/sh "tests/vm/${0##*/}" expects "$lines" "$advice"
}

lacks "" "" -H 8
lacks "fail devices, fail pri" "use a device with PRI" -o pri=off
lacks "fail ats" "use a device with ATS" -o ats=off
lacks "" "attaching spaces by PASID needs a device with that capability" -o pasid=off
lacks "fail prg-response" "use another revision or firmware of the device" -o prpr=off
lacks "fail page-requests, fail page-drain, fail request-queue" "enable it in the firmware's setup" \
	-O x-pri=off,x-pasid-mode=off
lacks "fail scalable-mode, fail page-requests, fail page-drain, fail request-queue" "enable it in the firmware's setup" \
	-O x-scalable-mode=off,x-flts=off,x-pasid-mode=off,x-pri=off
lacks "fail command-line, fail scalable-mode" "remove intel_iommu=sm_off from" -a intel_iommu=sm_off
lacks "fail command-line" "remove pci=noats from" -a pci=noats
lacks "fail interrupt-remapping" "boot with iommufd.allow_unsafe_interrupts=1" -O intremap=off
lacks "" "" -O intremap=off -a iommufd.allow_unsafe_interrupts=1
lacks "fail driver, unknown cdev" "iopfctl bind $bdf" -B
lacks "fail command-line, fail iommu, fail device-iommu, fail group, fail driver, unknown cdev" \
	"boot with intel_iommu=on,sm_on" -a intel_iommu=off
echo "# bind and unbind"
in_vm -B -H 8 -- /bin/sh "tests/vm/${0##*/}" bind
