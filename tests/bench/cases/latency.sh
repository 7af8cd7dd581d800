#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# machine: vm -c 2 -d 2 -m 1G
# How long one fault takes, from the device's request to the answer that it gets, with real
# DMA: B1 everybody spins (the daemon if it can), B2 everybody sleeps, and what idling
# costs, B11 while another device sends as many faults as it may.
. "${0%/*}/../lib/guest.sh"

victim=0000:01:00.0 other=0000:02:00.0
others="taskset -c 1"

# serve WHO [spin]
serve() {
	case $1 in
	ours)
		# Pinned by its own key: it does not spin where it may use one CPU only
		spin=0
		[ "$2" != spin ] || spin=10ms
		lines=
		[ -z "${BENCH_SPIN:-}" ] || lines=$(printf 'cpus = 1\nspin = %s' $spin)
		pin=
		ours victim other <<-END
		workers = 1
		$lines
		[region victim/heap]
		iova = 0x100000000
		length = 512M
		granule = 4K
		[region other/heap]
		iova = 0x100000000
		length = 512M
		granule = 4K
		[device victim]
		address = $victim
		bus-master = yes
		[device other]
		address = $other
		bus-master = yes
		END
		;;
	a) pin=$others stands_in one-at-a-time idle=spin address=$victim,$other devices=2 queues=2 iova=0x100000000 size=512M ;;
	b) pin=$others stands_in limit idle="$2" address=$victim,$other devices=2 queues=2 iova=0x100000000 size=512M ;;
	esac
}

# load BENCHMARK WHO KEY=VALUE...
load() {
	b=$1 who=$2
	shift 2
	record "$b" "$who" "" taskset -c 0 "$bench/load-dma" pid="$server" bdf=$victim "$@"
}

# copy BENCHMARK KEY=VALUE...: (c), with the CPUs of the others
copy() {
	b=$1
	shift
	asked "$b" || return 0
	# shellcheck disable=SC2086
	record "$b" c "" $others "$bench/umap" cpu=0 "$@"
}

# latency BENCHMARK WHO
latency() {
	asked "$1" || return 0
	serve "$2" "$([ "$1" = B1 ] && echo spin || echo sleep)"
	load "$1" "$2" mode=single size=8M count=1000
	[ -n "$profile_per" ] || load "$1" "$2" mode=idle seconds=1
	[ "$1 $2$profile_per" != "B1 ours" ] || load B1 vm mode=refused count=200
	server_stop
}

# As many samples of the victim alone as beside the other, in turn
flood() {
	asked B11 || return 0
	serve "$1" sleep
	load B11 "$1" mode=victim size=16M flood=$other flood-size=256M rounds=4
	server_stop
}

all() {
	case $1 in
	c) # it always sleeps
		copy B1 mode=single size=8M count=1000
		copy B2 mode=single size=8M count=1000
		copy B11 mode=victim queues=2 size=16M depth=64
		;;
	*)
		profiled "$1" 1000 latency B1 "$1"
		[ "$1" = a ] || profiled "$1" 1000 latency B2 "$1" # it cannot sleep
		profiled "$1" 65536 flood "$1"
		;;
	esac
}

record wake vm "" "$bench/wake" 500
for_rounds all ours a b c
