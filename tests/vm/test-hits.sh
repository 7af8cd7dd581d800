#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# zipf 0.99 page by page with real DMA: half of the memory that the device wants, where the hit
# ratio is printed beside those of other caches on the same visits; and a third, for each
# policy. The data are right.
. "${0%/*}/../lib/machine.sh"
machine vm -d 1 -c 1 -m 1G -H 8 -t 280

bus_start
staged=$tmp/staged direct=/dev/shm/direct
mkdir -p "$staged" "$direct"
for folder in "$staged" "$direct"; do
	dd if=/dev/zero of="$folder/image" bs=1M count=6 2> /dev/null
done

space() { # NAME KEY=VALUE...
	printf '[space %s]\nbudget = 2M\n[region %s/r]\niova = 0x100000000\nlength = 6M\n' "$1" "$1"
	shift
	printf '%s\n' "$@"
}
{
	printf '[space half]\nbudget = 8M\n[region half/r]\niova = 0x100000000\nlength = 16M\ngranule = 4K\n'
	space anon granule=4K
	space huge policy=hugepage page-size=2M fallback=invalid
	space staged granule=4K policy=file "path=$staged/image"
	space direct granule=4K policy=file "path=$direct/image"
	printf '[device dma0]\naddress = 0000:01:00.0\nspace = half\n'
	printf 'pasid = %s\n' 1:anon 2:huge 3:staged 4:direct
} > "$tmp/config"
daemon_start < "$tmp/config"
active dma0
drive visits device=dma0 iova=0x100000000 pages=4096 fits=2048 count=30000
drive visits device=dma0 pasid=1 iova=0x100000000 pages=1536 fits=512 count=4000
drive visits device=dma0 pasid=2 iova=0x100000000 pages=1536 count=2000
drive visits device=dma0 pasid=3 iova=0x100000000 pages=1536 fits=512 count=4000
drive visits device=dma0 pasid=4 iova=0x100000000 pages=1536 fits=512 count=4000
for space in anon huge staged direct; do
	drive expect object=space/$space counter=Evictions min=2
	drive expect object=space/$space property=MappedBytes max=$((2 << 20))
done
drive expect object=device/dma0 counter=ResponsesInvalid max=0
daemon_stop
cmp "$staged/image" "$direct/image" || fail "the files are not what the same visits wrote"
