#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each thing that can be wrong with a machine, one at a time in a folder that stands for one:
# exactly the lines that it concerns do not pass, and the first says what to do.
set -eu
export LC_ALL=C
. "$(dirname "$0")/../lib/probe-tree.sh"
n=0

# expect LINES REMEDY [DEVICE...]: "VERDICT ID" lines with commas between, "" when all pass; and
# a part of what the first of them advises ("ID: ADVICE" of a line that passes when there is none)
expect() {
	local lines=$1 remedy=$2 want=0 got=0 id
	shift 2
	case $lines in *fail*) want=1 ;; *unknown*) want=4 ;; esac
	ctl probe "$@" > "$tmp/out" 2> "$tmp/err" || got=$?
	[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
	[ $got = $want ] || { cat "$tmp/out"; fail "$lines: exit status $got, not $want"; }
	[ "$(awk '$1 == "fail" || $1 == "unknown" { printf "%s%s %s", n++ ? ", " : "", $1, $2 }' "$tmp/out")" = "$lines" ] ||
		{ cat "$tmp/out"; fail "not exactly: $lines"; }
	if [ -n "$remedy" ]; then
		id=${lines%%,*}
		id=${id#* }
		[ -n "$id" ] || id=${remedy%%: *} remedy=${remedy#*: }
		grep -A1 -E "^  [a-z]+ +$id " "$tmp/out" | grep -qF -e "-> $remedy" ||
			{ cat "$tmp/out"; fail "$lines: the advice is not: $remedy"; }
	fi
	n=$((n + 1))
	# The next case starts with a good machine
	machine
}

edit() {
	sed -i "$2" "$m/$1"
}

ecap() {
	put sys/class/iommu/dmar0/intel-iommu/ecap "$(printf %x $((0x8d3820f00f4e & ~(1 << $1))))"
}

machine
expect '' ''
grep -q 'passthrough concerns only drivers of the host' "$tmp/out" || fail "passthrough is not mentioned"
[ "$(grep -c '^[^ ]' "$tmp/out")" = 4 ] || fail "more than a machine, a unit, a device and a sum"
expect '' '' $bdf
expect '' '' 3d:00.0
expect '' '' vfio0
expect '' '' /sys/bus/pci/devices/$bdf
expect '' '' /sys/class/vfio-dev/vfio0

# Kernel
put proc/sys/kernel/osrelease 6.10.3
kernel_config 6.10.3
expect 'fail kernel-version' 'boot Linux 6.13 or newer'
put proc/sys/kernel/osrelease 6.12.117
kernel_config 6.12.117
expect 'fail kernel-version' 'boot Linux 6.13 or newer'
put proc/sys/kernel/osrelease 6.13.0
kernel_config 6.13.0
expect '' 'kernel-version: spaces attached by PASID need Linux 6.15'
rm "$m/boot/config-7.2.12-test"
expect 'unknown kernel-config' 'try "modprobe configs", or copy'
gzip < "$m/boot/config-7.2.12-test" > "$m/proc/config.gz"
rm "$m/boot/config-7.2.12-test"
expect '' ''
for option in PCI_ATS PCI_PRI PCI_PASID INTEL_IOMMU INTEL_IOMMU_SVM IRQ_REMAP IOMMU_IOPF IOMMUFD VFIO \
	VFIO_DEVICE_CDEV VFIO_PCI; do
	edit boot/config-7.2.12-test "s/^CONFIG_$option=.*/# CONFIG_$option is not set/"
	expect "fail CONFIG_$option" "build a kernel with CONFIG_$option=y"
	grep -qx "  CONFIG_$option=y" "$tmp/out" || fail "CONFIG_$option is not in the fragment"
done
for word in iommu=off intel_iommu=off pci=noats pci=nomsi intremap=off; do
	put proc/cmdline "ro $word intel_iommu=sm_on"
	expect 'fail command-line' "remove $word from the kernel's command line"
done
put proc/cmdline 'nointremap intel_iommu=sm_on'
expect 'fail command-line' 'remove nointremap from'
put proc/cmdline 'intel_iommu=on,sm_on intel_iommu=sm_off'
expect 'fail command-line, fail scalable-mode' 'remove intel_iommu=sm_off from'
put proc/cmdline 'intel_iommu=off intel_iommu=sm_off,on,sm_on pci=noaer xpci=noats'
expect '' ''

# iommufd, VFIO
rm "$m/dev/iommu"
expect 'fail iommufd' 'modprobe iommufd'
rm "$m/dev/iommu"
edit boot/config-7.2.12-test /CONFIG_IOMMUFD=/d
expect 'fail CONFIG_IOMMUFD, fail iommufd' 'build a kernel with CONFIG_IOMMUFD=y'
chmod 600 "$m/dev/iommu"
expect 'fail iommufd-access' 'install the udev rule 60-iopfd.rules (KERNEL=="iommu"'
edit etc/passwd "s/^iopfd:.*/iopfd:x:65431:65431::::/"
expect 'fail iommufd-access, fail cdev-access' 'install the udev rule 60-iopfd.rules (KERNEL=="iommu"'
edit etc/passwd "s/^iopfd:.*/iopfd:x:65431:65431::::/"
put etc/group "vfio:x:$(id -g):nobody,iopfd"
expect '' ''
edit etc/passwd /iopfd/d
expect '' ''
rm -r "$m/sys/bus/pci/drivers/vfio-pci"
expect 'fail vfio-pci' 'modprobe vfio-pci'
rm -r "$m/sys/bus/pci/drivers/vfio-pci"
edit boot/config-7.2.12-test /CONFIG_VFIO_PCI=/d
expect 'fail CONFIG_VFIO_PCI, fail vfio-pci' 'build a kernel with CONFIG_VFIO_PCI=y'

# Limits
put usr/lib/systemd/system/iopfd.service '[Service]'
expect 'fail memlock-unit' 'set LimitMEMLOCK=infinity in a drop-in'
put etc/systemd/system/iopfd.service.d/50-limit.conf 'LimitMEMLOCK=32M'
expect 'fail memlock-unit' 'set LimitMEMLOCK=infinity in a drop-in'
put etc/systemd/system/iopfd.service.d/50-limit.conf 'LimitMEMLOCK=32M'
put usr/lib/systemd/system/iopfd.service.d/60-limit.conf 'LimitMEMLOCK=4G:8G'
expect '' 'memlock-unit: keep the sum of the budgets below it'
put etc/systemd/system/iopfd.service.d/50-limit.conf 'LimitMEMLOCK='
put run/systemd/system/iopfd.service.d/50-limit.conf 'LimitMEMLOCK=infinity'
expect 'fail memlock-unit' 'set LimitMEMLOCK=infinity in a drop-in'
rm "$m/usr/lib/systemd/system/iopfd.service"
expect 'fail memlock' 'to start iopfd by hand, raise the limit'
rm "$m/usr/lib/systemd/system/iopfd.service"
put proc/self/status 'CapEff:	000001ffffffffff'
expect '' ''
put sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 0
expect '' 'hugepages: policy "hugepage" needs some: sysctl vm.nr_hugepages=576'
rm -r "$m/sys/kernel/mm"
expect '' 'hugepages: policy "hugepage" needs CONFIG_HUGETLBFS=y'

# IOMMU
no_units() {
	rm -r "$m/sys/class/iommu/"*
}
no_units
expect 'fail iommu' 'boot with intel_iommu=on,sm_on'
no_units
edit boot/config-7.2.12-test /CONFIG_INTEL_IOMMU=/d
expect 'fail CONFIG_INTEL_IOMMU, fail iommu' 'build a kernel with CONFIG_INTEL_IOMMU=y'
no_units
rm -r "$m/sys/firmware"
expect 'fail iommu' 'enable VT-d ("virtualization for directed I/O")'
for other in ivhd0 smmu3.0x2b400000 virtio-iommu0; do
	no_units
	mkdir "$m/sys/class/iommu/$other"
	link $dev/iommu ../../../../class/iommu/$other
	expect 'fail iommu, fail device-iommu' 'use a machine with Intel VT-d in scalable mode'
done
mkdir "$m/sys/class/iommu/iommufd_selftest_iommu.0"
expect '' ''
for id in scalable-mode:43 page-requests:29 page-drain:42 device-tlb:2; do
	ecap ${id#*:}
	expect "fail ${id%:*}" "enable it in the firmware's setup or the virtual machine's options"
done
ecap 40
expect '' 'unit-pasid: attaching spaces by PASID needs a unit with PASID support'
rm "$m/sys/class/iommu/dmar0/intel-iommu/ecap"
expect 'unknown scalable-mode, unknown page-requests, unknown page-drain, unknown device-tlb, unknown unit-pasid, unknown interrupt-remapping' \
	'look for "DMAR: dmar"'
put proc/cmdline 'intel_iommu=on'
expect 'fail scalable-mode' 'boot with intel_iommu=on,sm_on'
put proc/cmdline 'intel_iommu=on'
edit boot/config-7.2.12-test 's/.*\(CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON\).*/\1=y/'
expect '' ''
put proc/cmdline 'intel_iommu=on'
rm "$m/boot/config-7.2.12-test"
expect 'unknown kernel-config, unknown scalable-mode' 'try "modprobe configs"'
edit proc/interrupts /prq/d
put sys/class/iommu/dmar00/intel-iommu/ecap 8d3820f00f4e
echo '  26:  0  DMAR-MSI  2-edge  dmar00-prq' >> "$m/proc/interrupts"
expect 'fail request-queue' 'solve what fails above; else journalctl -k -g DMAR'
ecap 3
expect 'fail interrupt-remapping' 'on a machine where devices are trusted, boot with iommufd.allow_unsafe_interrupts=1'
ecap 3
put sys/module/iommufd/parameters/allow_unsafe_interrupts Y
expect '' ''
edit proc/interrupts 's/IR-IO-APIC/IO-APIC/'
expect 'fail interrupt-remapping' 'boot without intremap=off and enable x2APIC'

# Capabilities
poke $dev/config 0 '\xff\xff\xff\xff'
expect 'fail config-space' 'wake or reset it, else remove it and scan again'
truncate -s 256 "$m/$dev/config"
expect 'fail devices, fail config-space, fail ats, fail pri' 'add a device with ATS and PRI'
truncate -s 256 "$m/$dev/config"
expect 'fail config-space, fail ats, fail pri' 'put it into a PCI Express slot' $bdf
truncate -s 64 "$m/$dev/config"
expect 'unknown devices, unknown ats, unknown pri, unknown pasid' 'run iopfctl probe as root'
truncate -s 64 "$m/$dev/config"
expect 'unknown ats, unknown pri, unknown pasid' 'run iopfctl probe as root' vfio0
rm "$m/$dev/config"
expect 'unknown config-space, unknown ats, unknown pri, unknown pasid' 'run iopfctl probe as root' $bdf
poke $dev/config 0x100 '\xfe\x00'
expect 'fail ats' 'use a device with ATS'
poke $dev/config 0x104 '\x00'
expect 'fail ats-aligned' 'use another revision or firmware of the device, one with Page Aligned Request'
poke $dev/config 0x110 '\xfe\x00'
expect 'fail devices, fail pri' 'add a device with ATS and PRI'
poke $dev/config 0x110 '\xfe\x00'
expect 'fail pri' 'use a device with PRI' $bdf
poke $dev/config 0x112 '\x01\x10' # a list that leads around in a circle
expect '' 'pasid: attaching spaces by PASID needs a device with that capability'
poke $dev/config 0x116 '\x00\x00'
expect 'fail prg-response' 'use another revision or firmware of the device, or switch its PASID'
poke $dev/config 0x116 '\x00\x00'
poke $dev/config 0x120 '\xfe\x00'
expect '' 'pasid: attaching spaces by PASID needs a device with that capability'

# Functions, groups, drivers
device 0000:3d:00.1 8
link $dev/physfn ../0000:3d:00.1
expect 'fail function' 'use the physical function 0000:3d:00.1' $bdf
device 0000:3d:00.1 8
poke sys/bus/pci/devices/0000:3d:00.1/config 0x110 '\xfe\x00'
link $dev/physfn ../0000:3d:00.1
expect '' '' $bdf
device 0000:3d:00.1 8
truncate -s 64 "$m/sys/bus/pci/devices/0000:3d:00.1/config"
link $dev/physfn ../0000:3d:00.1
expect 'unknown function' 'use the physical function 0000:3d:00.1' $bdf
rm "$m/$dev/iommu"
expect 'fail device-iommu' 'switch the IOMMU on (see "iommu")'
echo '0x000000009d800000 0x000000009fffffff direct' >> "$m/sys/kernel/iommu_groups/7/reserved_regions"
expect 'fail reserved-memory' "switch off what uses it in the firmware's setup"
echo '0x000000009d800000 0x000000009fffffff direct-relaxable' >> "$m/sys/kernel/iommu_groups/7/reserved_regions"
expect '' ''
rm "$m/$dev/iommu_group"
expect 'fail group' 'switch the IOMMU on (see "iommu")'
device 0000:3d:00.1 7 snd
expect 'fail group' 'use a slot of its own, below a port with ACS' $bdf
driver $bdf nvme
rm -r "$m/$dev/vfio-dev"
expect 'fail driver, unknown cdev' "iopfctl bind $bdf"
rm -r "$m/$dev/driver" "$m/$dev/vfio-dev"
expect 'fail driver, unknown cdev' "iopfctl bind $bdf"
driver $bdf vfio-of-the-vendor
expect '' ''
rm "$m/$dev/vfio-dev/vfio0/dev"
edit boot/config-7.2.12-test /CONFIG_VFIO_DEVICE_CDEV=/d
expect 'fail CONFIG_VFIO_DEVICE_CDEV, fail cdev' 'build a kernel with CONFIG_VFIO_DEVICE_CDEV=y'
rm "$m/$dev/vfio-dev/vfio0/dev"
expect 'fail cdev' 'boot with an IOMMU: in noiommu mode there are none'
rm "$m/dev/vfio/devices/vfio0"
expect 'fail cdev' 'mount devtmpfs on /dev'
chmod 600 "$m/dev/vfio/devices/vfio0"
expect 'fail cdev-access' 'install the udev rule 60-iopfd.rules (SUBSYSTEM=="vfio-dev"'

# What is no device
for device in 0000:3d:00.1 vfio9 /sys/bus/pci/devices/0000:ff:00.0; do
	! ctl probe $device > "$tmp/out" 2>&1 || fail "$device exists"
	status=0
	ctl probe $device > "$tmp/out" 2>&1 || status=$?
	[ $status = 5 ] || fail "$device: $status"
	grep -qx "iopfctl: $device: no such device" "$tmp/out" || { cat "$tmp/out"; fail "$device"; }
done
for device in nonsense 0000:3d:20.0 3d:00.8 3d:00.0x 0x3d:00.0 '' /tmp /sys/bus/pci /sys/class/iommu/dmar0; do
	status=0
	ctl probe "$device" > "$tmp/out" 2>&1 || status=$?
	[ $status = 2 ] || fail "'$device': $status"
	grep -q "^iopfctl: $device: expected a PCI address" "$tmp/out" || { cat "$tmp/out"; fail "'$device'"; }
done
for verb in probe 'bind vfio0' 'unbind vfio0'; do
	status=0
	# shellcheck disable=SC2086
	ctl --host=there $verb > "$tmp/out" 2>&1 || status=$?
	[ $status = 2 ] || fail "$verb of another machine: $status"
	grep -q "run it there (ssh there iopfctl ${verb%% *})" "$tmp/out" || { cat "$tmp/out"; fail "$verb of another machine"; }
done
status=0
ctl probe -x > "$tmp/out" 2>&1 || status=$?
[ $status = 2 ] || fail "an unknown option: $status"

# The manual has each check, and no other
manual=man/iopfctl.1
sed -n 's/^\t{ "\([a-z-]*\)", PROBE_[A-Z]*, .*/\1/p' daemon/ctl/probe.c | sort > "$tmp/checks"
[ -s "$tmp/checks" ] || fail "no table of checks"
awk '/^\.Sh / { inside = $2 == "PROBE" } inside && /^\.It Cm / { gsub(/ ,/, ""); for (i = 3; i <= NF; i++) print $i }' \
	$manual | sort | diff "$tmp/checks" - || fail "checks (<) and what is documented (>)"

# JSON: the same results; short and pretty differ in blanks only
put proc/cmdline 'intel_iommu=on'
driver $bdf 'a"b\c'
rm -r "$m/$dev/vfio-dev"
edit boot/config-7.2.12-test /CONFIG_VFIO=/d
json() {
	local status=0
	ctl --json="$1" probe > "$tmp/$1" || status=$?
	[ $status = 1 ] || fail "--json=$1: exit status $status"
}
json short
json pretty
[ "$(wc -l < "$tmp/short")" = 1 ] || fail "short JSON is not one line"
[ "$(tr -d ' \t\n' < "$tmp/pretty")" = "$(tr -d ' \t\n' < "$tmp/short")" ] || fail "pretty JSON says something else"
grep -qF '"id":"kernel-option","subject":"CONFIG_VFIO","verdict":"fail","finding":"not set: devices in user space","remedy":"build' \
	"$tmp/short" || fail "a result in JSON"
grep -qF 'bound to a\"b\\c, a driver' "$tmp/short" || fail "quotes in JSON"
grep -qE '^\{"pass":[0-9]+,"fail":3,"unknown":1,"results":\[\{.*\}\],"fragment":\["CONFIG_PCI_ATS=y",.*"CONFIG_VFIO_PCI=y"\]\}$' \
	"$tmp/short" || fail "the whole of JSON"
machine
json_good=$(ctl --json=short probe)
case $json_good in *'"fail":0,"unknown":0,'*'"fragment":[]}') ;; *) fail "JSON of a good machine" ;; esac

# Colours only where they were asked for
ctl probe > "$tmp/plain"
ctl --colour probe > "$tmp/coloured"
! grep -q $'\033' "$tmp/plain" || fail "colours unasked"
[ "$(sed $'s/\033\\[[0-9;]*m//g' "$tmp/coloured")" = "$(cat "$tmp/plain")" ] || fail "colours change the text"
grep -q $'\033\[32mpass' "$tmp/coloured" || fail "no colours"

echo "$n machines"
[ $n -ge 25 ]
