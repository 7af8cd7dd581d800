#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Huge pages, and memory of others, on machines that have them: the unit test of the policy
# and the conformance suite of all policies with nothing left out, then a device that does
# DMA to what the policies give.
. "${0%/*}/../lib/machine.sh"
need_rig vm

# 64 pages of 2M; then one of 1G (the kernel finds none in less memory).
boot -H 64 -m 1G -t 200 -- /bin/sh -ec "
	$IOPFD_BUILD/tests/unit/test-policy-hugepage all
	$IOPFD_BUILD/tests/conformance/test-policy all
	$IOPFD_BUILD/tests/vm/test-policies 0000:01:00.0 64 0" || exit 1
boot -m 5G -a hugepagesz=1G -a hugepages=1 -t 90 -- /bin/sh -ec "
	$IOPFD_BUILD/tests/unit/test-policy-hugepage
	$IOPFD_BUILD/tests/vm/test-policies 0000:01:00.0 0 1"
