# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by tests of iopfctl probe and bind: a folder that stands for a machine. $tmp/good
# is one where everything is right; `machine` makes $m a fresh copy of it, to be spoiled.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
IOPFD_BUILD=${IOPFD_BUILD:-$PWD/build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
good=$tmp/good
bdf=0000:3d:00.0
dev=sys/bus/pci/devices/$bdf

fail() {
	echo "failed: $*"
	exit 1
}

ctl() {
	"$IOPFD_BUILD/tests/lib/probe-main" --root="$m" "$@"
}

# put PATH TEXT: a file with the folders to it
put() {
	mkdir -p "$m/${1%/*}"
	printf '%s\n' "$2" > "$m/$1"
}

# link PATH TARGET
link() {
	mkdir -p "$m/${1%/*}"
	ln -sfn "$2" "$m/$1"
}

# poke FILE OFFSET BYTES: in printf's notation
poke() {
	# shellcheck disable=SC2059
	printf "$3" | dd of="$m/$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

# config_space BDF: PCI Express with ATS (page aligned), PRI (answers with PASID, 64 requests
# at a time) and PASID (20 bits)
config_space() {
	local file=sys/bus/pci/devices/$1/config
	mkdir -p "$m/${file%/*}"
	: > "$m/$file"
	truncate -s 4096 "$m/$file"
	poke "$file" 0 '\x34\x12\xf0\x10'
	poke "$file" 0x100 '\x0f\x00\x01\x11\x20\x00\x00\x80'
	poke "$file" 0x110 '\x13\x00\x01\x12\x01\x00\x00\x80\x40\x00\x00\x00\x40\x00\x00\x00'
	poke "$file" 0x120 '\x1b\x00\x01\x00\x00\x14\x00\x00'
}

# device BDF GROUP [DRIVER]
device() {
	config_space "$1"
	put "sys/bus/pci/devices/$1/class" 0x00ff00
	put "sys/bus/pci/devices/$1/driver_override" '(null)'
	link "sys/bus/pci/devices/$1/iommu" ../../../../class/iommu/dmar0
	link "sys/bus/pci/devices/$1/iommu_group" "../../../../kernel/iommu_groups/$2"
	mkdir -p "$m/sys/kernel/iommu_groups/$2/devices"
	link "sys/kernel/iommu_groups/$2/devices/$1" "../../../../bus/pci/devices/$1"
	put "sys/kernel/iommu_groups/$2/reserved_regions" '0x00000000fee00000 0x00000000feefffff msi'
	[ -z "${3-}" ] || driver "$1" "$3"
}

# driver BDF NAME
driver() {
	put "sys/bus/pci/drivers/$2/unbind" ''
	: > "$m/sys/bus/pci/drivers/$2/unbind"
	link "sys/bus/pci/devices/$1/driver" "../../drivers/$2"
}

# The options that a kernel needs, and those that decide about defaults
kernel_config() {
	put "boot/config-$1" "$(printf 'CONFIG_%s=y\n' PCI_ATS PCI_PRI PCI_PASID INTEL_IOMMU INTEL_IOMMU_SVM IRQ_REMAP \
		IOMMU_IOPF VFIO VFIO_DEVICE_CDEV HUGETLBFS
	printf 'CONFIG_%s=m\n' IOMMUFD VFIO_PCI
	echo '# CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON is not set')"
}

make_good() {
	m=$good
	put proc/sys/kernel/osrelease 7.2.12-test
	kernel_config 7.2.12-test
	put proc/cmdline 'BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro intel_iommu=on,sm_on iommu.passthrough=1 quiet'
	put proc/interrupts '            CPU0
   0:         70  IR-IO-APIC                  2-edge      timer
  24:          0  DMAR-MSI                 1024-edge      dmar0-prq
  25:          0  DMAR-MSI                    0-edge      dmar0'
	put proc/self/limits 'Limit                     Soft Limit           Hard Limit           Units
Max locked memory         8388608              8388608              bytes'
	put proc/self/status 'CapEff:	0000000000000000'
	put etc/passwd 'root:x:0:0::/root:/bin/sh'
	echo "iopfd:x:65431:$(id -g)::/:/usr/sbin/nologin" >> "$m/etc/passwd"
	put etc/group 'root:x:0:'
	put usr/lib/systemd/system/iopfd.service '[Service]
LimitMEMLOCK=infinity'
	put sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 64
	put sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 60
	put sys/firmware/acpi/tables/DMAR ''
	put sys/class/iommu/dmar0/intel-iommu/ecap 8d3820f00f4e
	put sys/bus/pci/drivers_probe ''
	: > "$m/sys/bus/pci/drivers_probe"
	put dev/iommu ''
	chmod 660 "$m/dev/iommu"
	device $bdf 7 vfio-pci
	put $dev/vfio-dev/vfio0/dev 248:0
	link sys/class/vfio-dev/vfio0 ../../bus/pci/devices/$bdf/vfio-dev/vfio0
	link $dev/vfio-dev/vfio0/device ../..
	put dev/vfio/devices/vfio0 ''
	chmod 660 "$m/dev/vfio/devices/vfio0"
	# A bridge: passes requests on, has none of its own
	device 0000:00:01.0 1 pcieport
	put sys/bus/pci/devices/0000:00:01.0/class 0x060400
	# An ordinary device
	device 0000:00:1f.0 2
	truncate -s 256 "$m/sys/bus/pci/devices/0000:00:1f.0/config"
}

machine() {
	m=$tmp/machine
	rm -rf "$m"
	cp -a "$good" "$m"
}

make_good
