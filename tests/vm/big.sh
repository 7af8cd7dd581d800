# SPDX-License-Identifier: LGPL-2.1-or-later
# 256 MiB in granules of 4 KiB, page by page, both directions, then smaller windows with
# groups of 8 and 64 and with one group in flight. Sourced with loop= set.

bus_start
daemon_start <<END
[daemon]
event-loop = $loop
workers = 1
[region one/big]
iova = 0x100000000
length = 512M
policy = anon
granule = 4K
[region two/big]
iova = 0x100000000
length = 64M
policy = anon
granule = 4K
[device dma0]
address = 0000:01:00.0
space = one
[region three/big]
iova = 0x40000000
length = 64M
policy = anon
granule = 4K
[device dma1]
address = 0000:02:00.0
space = two
pasid = 9:three
END
active dma0 dma1
one="device=dma0 region=one/big iova=0x100000000"
two="device=dma1 region=two/big iova=0x100000000"
drive data $one size=256M group=1 depth=64 requests=65536
drive buffer $one size=256M requests=0
drive read-first $one at=256M size=32M depth=64 seed=1 requests=8192
drive data $one at=288M size=16M group=8 depth=4 seed=2 requests=4096
drive data $one at=304M size=16M group=64 depth=1 seed=3 requests=4096
drive data $two size=4M group=1 depth=1 seed=4 requests=1024
drive data $two at=4M size=16M group=4 depth=4 channels=4 seed=5 requests=4096
drive data $two at=40M size=8M group=8 depth=1 seed=7 requests=2048
drive data $two at=48M size=8M group=8 depth=64 seed=8 requests=2048
drive data device=dma1 region=three/big pasid=9 iova=0x40000000 size=16M group=64 depth=64 seed=9 requests=4096
drive read-first device=dma1 region=three/big pasid=9 iova=0x40000000 at=16M size=4M depth=8 seed=10 requests=1024
drive buffer $two at=56M size=8M group=8 depth=8 seed=11 requests=2048
drive ops $two at=20M size=1M depth=4
drive random $two at=24M size=8M count=3000 group=1 depth=64
drive random $two at=32M size=8M count=3000 group=8 depth=8 seed=6
drive expect object=space/one property=MappedBytes min=335544320 max=335544320
drive totals device=dma0,dma1
daemon_stop
