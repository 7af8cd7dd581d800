#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The vfio engine on emulated devices, also on ones that lack a part of what page requests
# need: then it says which. timeout: 180
. "${0%/*}/../lib/machine.sh"
need_rig vm
test=$IOPFD_BUILD/tests/vm/test-vfio-engine

# SENTENCE [rig option...]: what attaching the device is refused with
refused() {
	text=$1
	shift
	echo "# $*"
	boot "$@" -t 60 -- "$test" 0000:01:00.0 "$text" || exit 1
}

boot -d 2 -t 60 -- "$test" 0000:01:00.0 0000:02:00.0 || exit 1
boot -d 2 -O x-flts=off -t 60 -- "$test" 0000:01:00.0 0000:02:00.0 || exit 1
boot -B -t 60 -- "$test" --unbound 0000:01:00.0 || exit 1
refused "no PRI capability" -o pri=off
refused "no ATS capability" -o ats=off
refused "has PASID, but not PRG Response PASID Required" -o prpr=off
refused "the IOMMU has no page requests" -O x-pri=off,x-pasid-mode=off
