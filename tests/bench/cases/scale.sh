#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: uml -c 1 -m 1500M
# 64 devices and their book-keeping, on the kernel's mock device: B2 while nothing happens, B10 on 1, 4 and 16 queues,
# B12 with statistics that are polled, B15 until the first answer, B16 bytes for each page.
. "${0%/*}/../lib/guest.sh"

# serve WHO DEVICES QUEUES SIZE
serve() {
	case $1 in
	a) stands_in one-at-a-time address=mock devices="$2" queues="$3" size="$4" memory=warm ;;
	b) stands_in limit address=mock devices="$2" queues="$3" size="$4" memory=warm ;;
	*)
		mock_config "$2" "$3" "$4" > "$tmp/config"
		ours mock0 mock$(($2 - 1)) < "$tmp/config"
		;;
	esac
}

queues() {
	asked B10 || return 0
	for count in 1 4 16; do
		size=$((32 / count))M
		serve "$1" 64 $count $size
		warm=
		[ "$1" != ours ] || warm="bus=$bus region=$(mock_regions $count)"
		# shellcheck disable=SC2086
		record B10 "$1" queues${count}_ "$bench/load-mock" pid="$server" devices=64 queues=$count size=$size $warm
		server_stop
	done
}

# The daemon as it is, and polled; (b) is the same daemon without statistics.
polled() {
	asked B12 || return 0
	daemon=$IOPFD_BUILD/iopfd
	[ "$1" = ours ] || daemon=$IOPFD_BUILD/tests/iopfd-silent
	serve ours 1 1 64M
	if [ "$1" = ours ]; then
		"$bench/poll-statistics" --bus="$bus" poll objects=device/mock0,space/s0 &
		poller=$!
	fi
	record B12 "$1" "" "$bench/load-mock" pid="$server" size=64M bus="$bus" region=s0/heap
	[ "$1" != ours ] || kill $poller
	server_stop
	daemon=
}

first_answer() {
	asked B15 || return 0
	fault=yes
	case $1 in
	ours)
		{ echo '[daemon]' && mock_config 64 16 32M; } > "$tmp/start.conf"
		command="exec $IOPFD_BUILD/iopfd --config=$tmp/start.conf --bus=$bus 2> $tmp/log"
		;;
	b) command="exec $bench/limit address=mock devices=64 queues=16 size=32M > $tmp/served" ;;
	d) command="exec $bench/pin address=mock devices=64 queues=16 size=32M > $tmp/served" fault=no ;;
	esac
	record B15 "$1" "" "$bench/start" command="$command" fault=$fault
}

bytes() {
	asked B16 || return 0
	serve "$1" 1 1 512M
	record B16 "$1" dense_ "$bench/load-mock" pid="$server" size=256M pattern=seq
	server_stop
	serve "$1" 1 1 512M
	record B16 "$1" isolated_ "$bench/load-mock" pid="$server" size=512M pattern=seq stride=2
	server_stop
}

idle() {
	asked B2 || return 0
	serve ours 64 16 2M
	record B2 ours idle64_ "$bench/load-mock" pid="$server" devices=64 queues=16 size=2M idle=4
	server_stop
}

all() {
	case $1 in
	a) queues a ;;
	c) ! asked B16 || record B16 c dense_ "$bench/umap" mode=books ;;
	d) first_answer d ;;
	*)
		queues "$1"
		polled "$1"
		first_answer "$1"
		[ "$1" = ours ] || return 0
		bytes ours
		idle
		;;
	esac
}

for_rounds all ours a b c d
