#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: host
# On the simulated device, which is a part of whoever serves it, so that its CPU time is in
# what a fault takes: B8 a file in the page cache, B9 half of the memory that the device
# wants, B3 instructions.
. "$(dirname "$0")/../../lib/daemon.sh"
bench=$IOPFD_BUILD/tests/bench
set -o pipefail
bus_start

asked() {
	[[ " ${ONLY:-$1} " == *" $1 "* ]]
}

# with_prefix BENCHMARK WHO: puts it in front of results
with_prefix() {
	awk -v prefix="$1 $2" '{ print prefix, $0 }'
}

# run BENCHMARK WHO VISITS BUDGET SIM-OPTIONS
run() {
	local size=128M budget=$4 sim=sim:count=$3,working-set=128M,depth=64,verify=no,$5
	case $2 in
	ours)
		conf=$(config "$1" <<- EOT
			[daemon]
			workers = 1
			[space space]
			budget = $budget
			[region space/heap]
			iova = 0x100000000
			length = $size
			granule = 4K
			policy = file
			path = $tmp/image
			[device sim0]
			address = $sim
			space = space
		EOT
		)
		daemon_start --config="$conf"
		"$bench/load-sim" --bus="$bus_address" run device=sim0 space=space visits="$3" pid="$daemon" |
			with_prefix "$1" ours
		daemon_stop
		;;
	a | b)
		[ "$budget" != none ] || budget=$size
		"$bench/limit-file" batch="$([ "$2" = a ] && echo 1 || echo 64)" path="$tmp/image" budget="$budget" size=$size iova=0x100000000 \
			address="${sim//,/+}" visits="$3" | with_prefix "$1" "$2"
		;;
	esac
}

# shards NUMBER: two devices, each with a queue of its own
shards() {
	local i
	conf=$(
		printf '[daemon]\nworkers = %d\n' "$1"
		for i in 0 1; do
			printf '[device sim%d]\naddress = sim:count=150000,pattern=seq,depth=64,verify=no\nspace = s%d\n' $i $i
			printf '[region s%d/heap]\niova = 0x100000000\nlength = 600M\ngranule = 4K\n' $i
		done
	)
	conf=$(config shards <<< "$conf")
	daemon_start --config="$conf"
	"$bench/load-sim" --bus="$bus_address" run device=sim0,sim1 space=s0 visits=300000 pid="$daemon" |
		sed "s/^/B10 ours sim_shards$1_/"
	daemon_stop
}

# polled WHO: (b) is the daemon without statistics, and nobody asks for them
polled() {
	local iopfd=$iopfd poller=
	conf=$(config polled <<- EOT
		[daemon]
		workers = 1
		[region space/heap]
		iova = 0x100000000
		length = 800M
		granule = 4K
		[device sim0]
		address = sim:count=200000,pattern=seq,depth=64,verify=no
		space = space
	EOT
	)
	[ "$1" = ours ] || iopfd=$IOPFD_BUILD/tests/iopfd-silent
	daemon_start --config="$conf"
	if [ "$1" = ours ]; then
		"$bench/poll-statistics" --bus="$bus_address" poll objects=device/sim0,space/space &
		poller=$!
	fi
	"$bench/load-sim" --bus="$bus_address" run device=sim0 space=space visits=200000 pid="$daemon" |
		sed "s/^/B12 $1 sim_/"
	reap "$poller" -TERM
	daemon_stop
}

"$bench/wake" | with_prefix wake host
head -c 128M /dev/urandom > "$tmp/image"
for ((round = 0; round < ${ROUNDS:-5}; round++)); do
	! asked B8 || run B8 a 120000 none pattern=random,write=0%
	for who in ours b; do
		! asked B8 || run B8 $who 120000 none pattern=random,write=0%
		! asked B9 || run B9 $who 400000 64M pattern=zipf,write=30%
		! asked B12 || polled $who
	done
	if asked B8 && [ -x "$bench/reads" ]; then
		"$bench/reads" path="$tmp/image" size=128M count=400000 | with_prefix B8 sim
	fi
	if asked B10; then
		shards 1
		shards 2
	fi
done
