#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hit ratio of a running daemon with half of the memory that its device wants, zipf 0.99,
# beside FIFO, random, LRU and Belady's optimum on the same sequence of visits: simulated, and
# in the emulated machine with real DMA, if there is a rig.
. "$(dirname "$0")/../lib/daemon.sh"
bus_start

pages=16384 visits=400000
conf=$(config hits <<- EOT
	[space sim0]
	budget = $((pages * 4 / 2))K
	[region sim0/heap]
	iova = 0x100000000
	length = $((pages * 4))K
	granule = 4K
	[device sim0]
	address = sim:count=$visits,working-set=$((pages * 4))K,depth=1,verify=no,pattern=zipf,seed=7
EOT
)
daemon_start --config="$conf"
"$IOPFD_BUILD/tests/bench/hits-sim" --bus="$bus_address" hits device=sim0 pages=$pages \
	capacity=$((pages / 2)) visits=$visits seed=7
daemon_stop

rig=${IOPFD_RIG:-../shared/rig}
if [ ! -x "$rig/vm" ]; then
	echo "not in the emulated machine: there is no $rig/vm"
else
	CI=false IOPFD_BUILD=$IOPFD_BUILD tests/vm/test-hits.sh
fi
