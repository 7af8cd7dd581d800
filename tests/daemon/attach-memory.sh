#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Memory of another process, handed over the bus with a device that comes along: the device
# writes into it, and what could be cut under the device is refused with what to do.
. "$(dirname "$0")/../lib/daemon.sh"
bus_start
daemon_start --config="$(config empty < /dev/null)"
"$IOPFD_BUILD/tests/lib/attach-memory" --bus="$bus_address" attach name=guest \
	address=sim:count=4000,pattern=random,write=80% visits=4000
busctl_private call org.iopfd1 /org/iopfd1 org.iopfd1.Manager DetachDevice st guest 0
daemon_stop
