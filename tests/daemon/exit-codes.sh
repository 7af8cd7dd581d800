#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 78: an error in the configuration, 77: a file of it that may not be read, for the daemon
# as for --check-config and --dump-config.
. "$(dirname "$0")/../lib/daemon.sh"

good=$(config good <<- EOT
	[device a]
	address = sim
	[region a/r]
	iova = 0x100000000
	length = 1M
EOT
)
bad=$(config bad <<- EOT
	[region a/r]
	iova = 0x100000000
	length = 1M
	granule = 3K
	[device a]
	address = carrot
EOT
)
unknown=$(config unknown <<- EOT
	[daemon]
	event-lop = auto
EOT
)

expect_exit 0 --check-config="$good"
[ ! -s "$tmp/out" ] && [ ! -s "$tmp/err" ] || fail "a good configuration: $(cat "$tmp/out" "$tmp/err")"
expect_exit 78 --check-config="$bad"
[ ! -s "$tmp/out" ] || fail "diagnostics on standard output"
grep -q "^$bad:4: \[region a/r\] granule: " "$tmp/err" || fail "no granule in: $(cat "$tmp/err")"
grep -q "^$bad:6: \[device a\] address: " "$tmp/err" || fail "no address in: $(cat "$tmp/err")"
expect_exit 78 --config="$bad" --bus=none
grep -q "bad.conf:4: " "$tmp/err" || fail "the daemon does not say where: $(cat "$tmp/err")"
grep -q "configuration is rejected" "$tmp/err" || fail "the daemon does not say what comes of it: $(cat "$tmp/err")"

# Unknown keys: an error in the check, a warning at the start
expect_exit 78 --check-config="$unknown"
grep -q "event-loop" "$tmp/err" || fail "no hint in: $(cat "$tmp/err")"
daemon_start --config="$unknown"
daemon_stop
[ "$daemon_status" = 0 ] || fail "unknown key: exit status $daemon_status"
grep -q "event-lop" "$tmp/daemon.log" || fail "no warning about the unknown key"

# What is dumped can be read back and says the same
expect_exit 0 --config="$good" --dump-config
sed 's/ *;.*//' "$tmp/out" > "$tmp/dump.conf"
expect_exit 0 --check-config="$tmp/dump.conf"
expect_exit 0 --config="$tmp/dump.conf" --dump-config
sed 's/ *;.*//' "$tmp/out" | cmp - "$tmp/dump.conf" || fail "a dump of the dump differs"

# A file that is named must be there
expect_exit 78 --config="$tmp/none.conf" --bus=none
expect_exit 78 --check-config="$tmp/none.conf"

# Root reads everything, so another user tries
chmod 000 "$good"
chmod 755 "$tmp"
unprivileged=()
[ "$(id -u)" != 0 ] || unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
cp "$iopfd" "$tmp/iopfd"
for arguments in "--check-config=$good" "--dump-config --config=$good" "--bus=none --config=$good"; do
	status=0
	# shellcheck disable=SC2086
	timeout 20 "${unprivileged[@]}" "$tmp/iopfd" $arguments > /dev/null 2> "$tmp/err" || status=$?
	[ $status = 77 ] || fail "iopfd $arguments, not readable: exit status $status, not 77: $(cat "$tmp/err")"
done
