#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Policies of others: they serve devices, take their time on threads of their own, fail and
# lie, and whatever they do, the other devices of the same shard see nothing of it. Those
# that cannot be used fail their device with the reason.
. "$(dirname "$0")/../lib/daemon.sh"

built=$IOPFD_BUILD/tests/plugins
[ -e "$built/trouble.so" ] || fail "no plugins in $built"
plugins=$tmp/policies
mkdir -m 755 "$plugins"
for name in pattern trouble; do
	install -m 644 "$built/$name.so" "$plugins/$name.so"
done

statistic() {
	test "$(property "$1" Statistics "$2")" "$3" "$4" || fail "$1: $2 is $(property "$1" Statistics "$2"), not $3 $4"
}
visited() {
	[ "$(engine_counters "$1" | value Visits)" -ge "$2" ]
}
# ended DEVICE N: so many visits, right or wrong
ended() {
	engine_counters "$1" > "$tmp/ended"
	[ $(($(value Visits < "$tmp/ended") + $(value VisitsFailed < "$tmp/ended"))) = "$2" ]
}
stop() {
	daemon_stop
	[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
}

# region SPACE OPTIONS SETTING...: a device with a space and one region of its own
region() {
	printf '[device %s]\naddress = sim:%s\n[region %s/r]\niova = 0x100000000\nlength = 8M\n' "$1" "$2" "$1"
	shift 2
	[ $# = 0 ] || printf '%s\n' "$@"
}
# start NAME LOOP: with the rest of the configuration on standard input
start() {
	daemon_start --config="$({
		printf '[daemon]\nevent-loop = %s\nworkers = 1\nplugin-dir = %s\n' "$2" "$plugins" && cat
	} | config "$1-$2")"
}

# With budgets, so that they are asked to release, too
serves() {
	start serves "$1" <<- EOT
		$(region pattern count=6000,pattern=random,group=4 'policy = pattern' 'seed = 7' 'granule = 16K')
		[space pattern]
		budget = 2M
		$(region late count=4000,pattern=zipf,depth=8 'policy = trouble' 'granule = 16K' 'delay = 5' 'delay-share = 10' 'calls = fill release')
		[space late]
		budget = 2M
		$(region anon count=20000,pattern=zipf)
	EOT
	wait_for 60 visited pattern 6000
	wait_for 60 visited late 4000
	wait_for 60 visited anon 20000
	for device in pattern late anon; do
		check_data $device
		check_equation device/$device
		statistic device/$device ResponsesInvalid -eq 0
	done
	for space in pattern late; do
		statistic space/$space Evictions -gt 0
		statistic space/$space FillErrors -eq 0
	done
	busctl_private get-property org.iopfd1 /org/iopfd1/space/late org.iopfd1.Space PolicyCounters > "$tmp/out"
	grep -q '"r" [0-9]* "Fills" [1-9]' "$tmp/out" || fail "counters of the plugin: $(cat "$tmp/out")"
	stop
}

# What fails by command is INVALID and asked for again; what lies is never asked again.
fails() {
	local lie lies='fd closed offset result nospace pending'
	start fails "$1" <<- EOT
		$(region error count=1000,pattern=random 'policy = trouble' 'fail-every = 10' 'granule = 4K')
		$(for lie in $lies; do region "$lie" count=500,pattern=random 'policy = trouble' "lie = $lie" 'lie-every = 20' 'granule = 4K'; done)
		$(region anon count=max,pattern=zipf,rate=50000)
	EOT
	wait_for 60 ended error 1000
	statistic space/error FillErrors -gt 0
	statistic device/error ResponsesInvalid -eq "$(property space/error Statistics FillErrors)"
	statistic device/error ResponsesSuccess -gt "$(property space/error Statistics FillErrors)"
	for lie in $lies; do
		wait_for 60 ended "$lie" 500
		# What says "no space" is asked once more when something was evicted.
		[ "$lie" = nospace ] || statistic "device/$lie" ResponsesInvalid -gt 0
		[ "$(engine_counters "$lie" | value DataErrors)" = 0 ] || fail "$lie: wrong bytes"
		check_equation "device/$lie"
		[ "$lie" = nospace ] || grep -q "region $lie/r: policy trouble .*the region is not served any more" "$tmp/daemon.log" ||
			fail "the log does not tell of the lie '$lie'"
	done
	wait_for 60 visited anon 20000
	check_data anon
	statistic device/anon ResponsesInvalid -eq 0
	check_equation device/anon
	stop
}

# Late and failing, every kind of call, beside a budget of a quarter and with flushes all the
# time: what succeeds has the right bytes, and the neighbour sees nothing of it.
rough() {
	local device devices='late mixed' flushes=0 failed=0
	start rough "$1" <<- EOT
		$(region late count=3000,pattern=random,depth=4 'policy = trouble' 'granule = 16K' 'calls = fill release flush' 'delay = 2' 'delay-share = 50' 'fail-every = 9')
		[space late]
		budget = 2M
		$(region mixed count=3000,pattern=zipf,group=4,write=20% 'policy = trouble' 'granule = 4K' 'calls = release flush' 'delay = 3' 'delay-share = 70' 'fail-every = 5' 'merge = 16K')
		[space mixed]
		budget = 1M
		$(region anon count=max,pattern=zipf,rate=50000)
	EOT
	both_ended() { ended late 3000 && ended mixed 3000; }
	until both_ended; do
		for device in $devices; do
			flushes=$((flushes + 1))
			busctl_private call org.iopfd1 /org/iopfd1/space/$device org.iopfd1.Space Flush s "" > /dev/null 2>&1 || failed=$((failed + 1))
		done
		[ $flushes -lt 4000 ] || fail "the devices do not come to an end"
	done
	[ $failed -gt 0 ] && [ $failed -lt $flushes ] || fail "$failed of $flushes flushes failed"
	for device in $devices; do
		engine_counters $device > "$tmp/counters"
		for name in DataErrors UnknownCookies DoubleAnswers SuccessWithoutMapping; do
			[ "$(value $name < "$tmp/counters")" = 0 ] || fail "$device: $name is $(value $name < "$tmp/counters")"
		done
		[ "$(value BytesVerified < "$tmp/counters")" -gt 0 ] || fail "$device: nothing was verified"
		check_equation device/$device
		statistic space/$device Evictions -gt 0
		statistic space/$device FillErrors -gt 0
	done
	# Nothing but fills makes an answer INVALID
	statistic device/late ResponsesInvalid -gt 0
	statistic device/mixed ResponsesInvalid -eq 0
	wait_for 60 visited anon 20000
	check_data anon
	statistic device/anon ResponsesInvalid -eq 0
	stop
}

# refused NAME PATTERN: this device has failed, with this error
refused() {
	[ "$(property "device/$1" Device State)" = failed ] || fail "$1: $(property "device/$1" Device State)"
	property "device/$1" Device LastError | grep -q "$2" || fail "$1: $(property "device/$1" Device LastError)"
}

unusable() {
	local name names='open owned version symbol'
	install -m 666 "$built/trouble.so" "$plugins/open.so"
	install -m 644 "$built/trouble.so" "$plugins/owned.so"
	[ "$(id -u)" != 0 ] || chown 1 "$plugins/owned.so"
	install -m 644 "$built/misfit-version.so" "$plugins/version.so"
	install -m 644 "$built/misfit-symbol.so" "$plugins/symbol.so"
	echo 'no object' > "$plugins/text.so"
	start unusable "$1" <<- EOT
		$(for name in $names text; do region $name count=max "policy = $name"; done)
		$(region key count=max 'policy = trouble' 'lie = white')
		$(region anon count=max,rate=50000,pattern=zipf)
	EOT
	refused open "open.so can be written by others than its owner (mode 0666)"
	[ "$(id -u)" != 0 ] || refused owned "owned.so belongs to user 1; .*chown"
	refused version "version.so was made for version .* of the plugin interface"
	refused symbol "symbol.so does not define iopfd_policy"
	refused text "text.so cannot be loaded"
	refused key "lie = white"
	wait_for 60 visited anon 20000
	check_data anon
	stop
}

bus_start
for loop in $(loops); do
	for part in serves fails rough unusable; do
		$part "$loop"
	done
done
