#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The contract of the engines, held against the kernel's mock device. timeout: 60
. "${0%/*}/../lib/machine.sh"
need_rig uml
boot -t 30 -- "$IOPFD_BUILD/tests/conformance/test-device" mock
