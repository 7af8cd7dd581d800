#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Regions that are files: one that is staged, and one on tmpfs that is mapped itself, with a
# budget of a third of them. What a device wrote is in the file after Flush and after stop,
# and what it only read is not written. Then files that are missing, or cut under us.
. "$(dirname "$0")/../lib/daemon.sh"

MIB=$((1 << 20))
[ "$(stat -f -c %T "$tmp")" != tmpfs ] || skip "$tmp is on tmpfs (TMPDIR names another folder)"
[ "$(stat -f -c %T /dev/shm 2> /dev/null)" = tmpfs ] || skip "/dev/shm is no tmpfs"
shm=$(mktemp -d /dev/shm/iopfd.XXXXXX)
# shellcheck disable=SC2317
on_end() {
	local status=$?
	rm -rf "$shm"
	(exit "$status") || on_exit
	on_exit
}
trap on_end EXIT

# image FILE: 12 MiB that tell where they belong
image() {
	seq -f '%015.0f' 0 $((12 * MIB / 16 - 1)) > "$1"
}
sum() {
	cksum < "$1"
}
visited() {
	[ "$(engine_counters "$1" | value Visits)" = "$2" ]
}
flush() {
	busctl_private call org.iopfd1 "/org/iopfd1/space/$1" org.iopfd1.Space Flush s "$2" > /dev/null ||
		fail "Flush of $1"
}
statistic() {
	test "$(property "$1" Statistics "$2")" "$3" "$4" || fail "$1: $2 is $(property "$1" Statistics "$2"), not $3 $4"
}
active() {
	[ "$(property "device/$1" Device State)" = active ] || fail "$1: $(property "device/$1" Device LastError)"
}
stop() {
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
}

# space NAME FILE BUDGET: a space with one region, which is this file
space() {
	cat <<- EOT
		[space $1]
		budget = $3
		[region $1/image]
		iova = 0x100000000
		length = 12M
		granule = 16K
		policy = file
		path = $2
	EOT
}
# device NAME SPACE OPTIONS
device() {
	printf '[device %s]\nspace = %s\naddress = sim:%s\n' "$@"
}
# start NAME LOOP: with the rest of the configuration on standard input
start() {
	daemon_start --config="$({ printf '[daemon]\nevent-loop = %s\nworkers = 1\n' "$2" && cat; } | config "$1-$2")"
}

# writes LOOP FILE: one device writes and reads, then another reads all of the file several
# times over, which has to come from the file, as a third of it fits. The model knows what
# it wrote, so the file is right if the reader finds nothing wrong and nothing changes.
writes() {
	local flushed before
	image "$tmp/original"
	cp "$tmp/original" "$2"
	start writes "$1" <<- EOT
		$(space disk "$2" 4M)
		$(device writer disk count=9000,pattern=random,working-set=8M)
		$(device reader disk count=max,write=0%,group=8,rate=60000)
	EOT
	active writer
	wait_for 60 visited writer 9000
	flush disk image
	flushed=$(sum "$2")
	before=$(engine_counters reader | value Visits)
	read_twice() { [ "$(engine_counters reader | value Visits)" -gt $((before + 2 * 3072)) ]; }
	wait_for 60 read_twice
	for device in writer reader; do
		check_data $device
		statistic device/$device ResponsesInvalid -eq 0
	done
	check_equation device/writer
	statistic space/disk Evictions -gt $((2 * (12 - 4) * 64))
	[ "$(property space/disk Space MappedBytes)" -le $((4 * MIB)) ] || fail "$2: over the budget"
	[ "$flushed" != "$(sum "$tmp/original")" ] || fail "$2: Flush left the file as it was"
	[ "$(sum "$2")" = "$flushed" ] || fail "$2: not all was written by Flush"
	stop
	[ "$(sum "$2")" = "$flushed" ] || fail "$2: stop changed what Flush had left"
	cmp <(tail -c $((4 * MIB)) "$2") <(tail -c $((4 * MIB)) "$tmp/original") || fail "changed where nobody wrote"
}

# Prints the file that is the memory of the region
memory_of() {
	local fd
	for fd in "/proc/$daemon/fd/"*; do
		case $(readlink "$fd") in */memfd:"$1 "*) echo "$fd" && return ;; esac
	done
	fail "the daemon has no memory for $1"
}

# Of all granules that are not zeroes, in whatever order they are: that of memory is its own.
granules() {
	od -An -v -t x8 -w16384 "$1" | grep '[1-9a-f]' | sort | cksum
}

# Without a Flush, all of it in memory: stop is what writes.
stop_writes() {
	image "$tmp/disk"
	start stop "$1" <<- EOT
		$(space disk "$tmp/disk" 16M)
		$(device disk disk count=3072,group=4)
	EOT
	wait_for 60 visited disk 3072
	statistic space/disk Evictions -eq 0
	cmp "$tmp/disk" "$tmp/original" || fail "written before anybody asked for it"
	cp "$(memory_of disk/image)" "$tmp/memory"
	[ "$(granules "$tmp/memory")" != "$(granules "$tmp/original")" ] || fail "the device wrote nothing"
	stop
	[ "$(granules "$tmp/memory")" = "$(granules "$tmp/disk")" ] || fail "stop did not write all that was in memory"
}

reads_only() {
	local before mtime
	image "$tmp/disk"
	before=$(sum "$tmp/disk") mtime=$(stat -c %y "$tmp/disk")
	start reads "$1" <<- EOT
		$(space disk "$tmp/disk" 4M)
		$(device disk disk count=6144,write=0%,group=4)
	EOT
	wait_for 60 visited disk 6144
	check_data disk
	statistic space/disk Evictions -gt 0
	flush disk ""
	statistic space/disk BytesWrittenBack -eq 0
	stop
	[ "$(sum "$tmp/disk")" = "$before" ] || fail "reads changed the file"
	[ "$(stat -c %y "$tmp/disk")" = "$mtime" ] || fail "the file was written for reads"
}

# One page in every 64K is written, and all are read: 192 granules are dirty, 768 are mapped.
exactly() {
	image "$tmp/disk"
	start exactly "$1" <<- EOT
		$(space disk "$tmp/disk" 16M)
		$(device writer disk count=192,pattern=stride,write=100%)
		$(device reader disk count=3072,write=0%,group=8)
	EOT
	wait_for 60 visited writer 192
	wait_for 60 visited reader 3072
	[ "$(property space/disk Space MappedBytes)" = $((12 * MIB)) ] || fail "not all of it is mapped"
	flush disk image
	statistic space/disk BytesWrittenBack -eq $((192 * 16 << 10))
	flush disk image
	statistic space/disk BytesWrittenBack -eq $((192 * 16 << 10))
	[ "$(property space/disk Space MappedBytes)" = $((12 * MIB)) ] || fail "Flush unmapped something"
	stop
}

missing() {
	local error
	image "$tmp/disk"
	mkdir -p "$tmp/folder"
	start missing "$1" <<- EOT
		$(space none "$tmp/nowhere/disk" 4M)
		$(device none none count=max)
		$(space folder "$tmp/folder" 4M)
		$(device folder folder count=max)
		$(space disk "$tmp/disk" 4M)
		$(device disk disk count=4000,group=4)
	EOT
	wait_for 60 visited disk 4000
	check_data disk
	for device in none folder; do
		[ "$(property device/$device Device State)" = failed ] || fail "$device: $(property device/$device Device State)"
		error=$(property device/$device Device LastError)
		case $device:$error in
		none:*"region none/image: policy file: $tmp/nowhere/disk does not exist"*) ;;
		folder:*"$tmp/folder is a directory, not a file"*) ;;
		*) fail "$device: LastError is $error" ;;
		esac
	done
	[ "$(property "" Manager State)" = degraded ] || fail "manager is $(property "" Manager State)"
	stop
}

# The device may see zeroes or INVALID, but nobody else may notice. (A write that is under way
# at that moment may make the file longer again.)
cut() {
	local before
	image "$tmp/cut"
	image "$tmp/disk"
	start cut "$1" <<- EOT
		$(space cut "$tmp/cut" 4M)
		$(device cut cut count=max,rate=20000,pattern=random)
		$(space disk "$tmp/disk" 4M)
		$(device disk disk count=max,rate=20000,pattern=zipf)
	EOT
	wait_for 20 faults_arrive cut
	truncate -s 0 "$tmp/cut"
	failing() { [ "$(property space/cut Statistics FillErrors)" -gt 0 ]; }
	wait_for 60 failing
	before=$(engine_counters disk | value Visits)
	goes_on() { [ "$(engine_counters disk | value Visits)" -gt $((before + 4000)) ]; }
	wait_for 60 goes_on
	check_data disk
	statistic device/disk ResponsesInvalid -eq 0
	statistic space/disk FillErrors -eq 0
	statistic device/cut ResponsesInvalid -gt 0
	stop
}

bus_start
for loop in $(loops); do
	writes "$loop" "$tmp/disk"
	writes "$loop" "$shm/disk"
	for part in stop_writes reads_only exactly missing cut; do
		$part "$loop"
	done
done
