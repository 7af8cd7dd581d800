#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without any configuration the daemon runs, without devices, and says so.
. "$(dirname "$0")/../lib/daemon.sh"

for dir in /etc /run /usr/lib; do
	[ ! -e $dir/iopfd ] || skip "this machine has $dir/iopfd"
done
bus_start
daemon_start
grep -qi 'warning\|no configuration' "$tmp/daemon.log" || fail "no warning"
[ "$(property "" Manager DeviceCount)" = 0 ] || fail "devices without a configuration"
[ "$(property "" Manager State)" = running ] || fail "state is $(property "" Manager State)"
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
