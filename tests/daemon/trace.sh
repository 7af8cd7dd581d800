#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every fault is one record in the trace, or counted as lost; filters; a reader that stalls
# and one that goes away disturb nobody; no more than eight of them.
. "$(dirname "$0")/../lib/daemon.sh"

conf=$(config sim <<- EOT
	[daemon]
	workers = 2
	[space a]
	budget = 1M
	[region a/r]
	iova = 0x100000000
	length = 64M
	granule = 4K
	[device a]
	address = sim:pattern=zipf,count=max,rate=20000
	[region b/r]
	iova = 0x100000000
	length = 64M
	on-fault = deny
	[device b]
	address = sim:pattern=zipf,count=max,rate=500
EOT
)
reader=$IOPFD_BUILD/tests/lib/trace-reader
bus_start
daemon_start --config="$conf"
wait_for 20 faults_arrive a

device() {
	busctl_private call org.iopfd1 "/org/iopfd1/device/$1" org.iopfd1.Device "${@:2}"
}
total() {
	property "device/$1" Statistics FaultsTotal
}
# Paused, and nothing comes any more
pause() {
	device a Pause t 60000000
	settled() {
		local before
		before=$(total a)
		sleep 0.2
		[ "$(total a)" = "$before" ]
	}
	wait_for 20 settled
}
declare -A readers=() fifos=()
# trace NAME ARGUMENT...: a reader in the background that ends with the fifo's writer
trace() {
	mkfifo "$tmp/$1.fifo"
	(
		# Or this one would keep the others' fifos open
		for fifo in "${fifos[@]}"; do
			exec {fifo}>&-
		done
		exec "$reader" "$bus_address" "${@:2}" < "$tmp/$1.fifo" > "$tmp/$1.trace" 2> "$tmp/$1.err"
	) &
	readers[$1]=$!
	exec {fifo}> "$tmp/$1.fifo"
	fifos[$1]=$fifo
	opened() {
		grep -q '^open' "$tmp/$1.trace" || ! kill -0 "${readers[$1]}" 2> /dev/null
	}
	wait_for 10 opened "$1"
	grep -q '^open' "$tmp/$1.trace" || fail "reader $1: $(cat "$tmp/$1.err")"
}
# Sets $records and $dropped
trace_end() {
	local fifo=${fifos[$1]}
	exec {fifo}>&-
	wait "${readers[$1]}" || fail "reader $1: $(cat "$tmp/$1.err")"
	rm "$tmp/$1.fifo"
	read -r _ records _ dropped _ < <(tail -n 1 "$tmp/$1.trace")
}

pause
before=$(total a)
trace all
trace mine device=a
trace none device=a invalid-only
trace refused space=b invalid-only
trace stalled --stall device=a
device a Resume
enough() {
	[ "$(property '' Statistics TraceDropped)" -gt 0 ] && [ "$(total b)" -gt 200 ]
}
wait_for 40 enough
pause
device a Detach t 0
after=$(total a)

trace_end mine
faults=$((after - before))
[ $((records + dropped)) = $faults ] || fail "$records records and $dropped lost of $faults faults"
[ "$records" -gt 0 ] || fail "no records"
lost=$dropped
# The head of the file are other lines
grep -v '^open\|^records' "$tmp/mine.trace" > "$tmp/records"
[ "$(wc -l < "$tmp/records")" = "$records" ] || fail "lines of the trace"
n=[0-9]*
if grep -qv "^$n a a -1 0x1[0-9a-f]* perm $n outcome [012] latency $n cookie $n $n/$n\$" "$tmp/records"; then
	fail "records that make no sense: $(grep -v ' a a -1 0x1' "$tmp/records" | head -n 3)"
fi

trace_end all
grep -q ' b b -1 0x1.* outcome 1 ' "$tmp/all.trace" || fail "no fault of b in the trace of all"
grep -q ' a a -1 0x1.* outcome 0 ' "$tmp/all.trace" || fail "no fault of a in the trace of all"
lost=$((lost + dropped))

# Only what the detach cut off, if anything
trace_end none
[ $((records + dropped)) = "$(grep -cv ' outcome 0 ' "$tmp/records")" ] || fail "invalid-only: $records records"
lost=$((lost + dropped))

trace_end refused
[ "$records" -gt 0 ] || fail "none refused"
if grep -v '^open\|^records' "$tmp/refused.trace" | grep -qv ' b b .* outcome 1 '; then
	fail "records that the filter should keep out: $(grep -v ' outcome 1 ' "$tmp/refused.trace" | head -n 3)"
fi
lost=$((lost + dropped))

# The one that did not read has what fitted, and all is accounted for
trace_end stalled
[ "$records" -gt 0 ] || fail "the stalled reader found nothing"
[ "$records" -lt $faults ] || fail "the stalled reader lost nothing of $faults"
stalled_lost=$((faults - records))
[ "$(property '' Statistics TraceDropped)" -ge $((lost + stalled_lost)) ] ||
	fail "TraceDropped is $(property '' Statistics TraceDropped), not $lost and $stalled_lost"

# All are gone; eight may come again, and no more
for i in 1 2 3 4 5 6 7 8; do
	trace "n$i" device=b
done
"$reader" "$bus_address" < /dev/null > /dev/null 2> "$tmp/ninth" && fail "a ninth trace"
grep -q 'org.iopfd1.Error.LimitExceeded' "$tmp/ninth" || fail "the ninth: $(cat "$tmp/ninth")"
# One that is killed makes room
kill -KILL "${readers[n3]}"
wait "${readers[n3]}" 2> /dev/null || true
room() {
	"$reader" "$bus_address" < /dev/null > /dev/null 2>&1
}
wait_for 10 room
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
for i in 1 2 4 5 6 7 8; do
	trace_end "n$i"
done
