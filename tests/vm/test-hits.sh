#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Half of the memory that a device wants, zipf 0.99, page by page with real DMA: the data are
# right, and the hit ratio is printed beside those of other caches on the same visits.
. "${0%/*}/../lib/machine.sh"
machine vm -d 1 -c 1 -m 1G -t 200

bus_start
daemon_start <<END
[region dma0/heap]
iova = 0x100000000
length = 32M
policy = anon
granule = 4K
[space dma0]
budget = 8M
[device dma0]
address = 0000:01:00.0
END
active dma0
drive visits device=dma0 iova=0x100000000 capacity=2048 count=30000
drive expect object=device/dma0 counter=ResponsesInvalid max=0
daemon_stop
