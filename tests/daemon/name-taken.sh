#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A second daemon on the same bus ends with 1 and says why; the first one goes on.
. "$(dirname "$0")/../lib/daemon.sh"

bus_start
conf=$(config empty < /dev/null)
daemon_start --config="$conf"
expect_exit 1 --config="$conf" --bus="$bus_address"
grep -q org.iopfd1 "$tmp/err" || fail "no name in: $(cat "$tmp/err")"
on_bus || fail "the first daemon lost its name"
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
