#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# -H: the daemon of another machine. ssh is one of ours, which runs what it is to run there
# here, and tells what it was asked.
. "$(dirname "$0")/../lib/ctl.sh"
command -v systemd-stdio-bridge > /dev/null || skip "no systemd-stdio-bridge"

bus_start
conf=$(config host <<- EOT
	[region dma0/heap]
	iova = 0x100000000
	length = 1M
	[device nvme0]
	address = sim
	space = dma0
EOT
)
daemon_start --config="$conf"
mkdir "$tmp/bin"
cat > "$tmp/bin/ssh" <<- EOT
	#!/bin/bash
	echo "\$@" > "$tmp/asked"
	[[ \$* == *rig1* ]] || { echo "ssh: could not resolve the name" >&2; exit 255; }
	while [ "\$1" != systemd-stdio-bridge ]; do shift; done
	exec systemd-stdio-bridge --bus-path='$bus_address'
EOT
chmod +x "$tmp/bin/ssh"
PATH=$tmp/bin:$PATH

# there STATUS ARGUMENT...: without an address of ours
there() {
	local want=$1 status=0
	shift
	timeout -k 5 60 "$iopfctl" "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || status=$?
	[ $status = "$want" ] || { cat "$tmp/out" "$tmp/err"; fail "iopfctl $*: exit status $status, not $want"; }
}
there 0 -H rig1 list --names
[ "$(cat "$tmp/out")" = nvme0 ] || fail "list: $(cat "$tmp/out")"
grep -q -- 'rig1 systemd-stdio-bridge' "$tmp/asked" || fail "ssh was asked: $(cat "$tmp/asked")"
there 0 --host=admin@rig1:2222 pause nvme0 10s
grep -q -- '-p 2222 .*admin@rig1 ' "$tmp/asked" || fail "ssh was asked: $(cat "$tmp/asked")"
[ "$(property device/nvme0 Device State)" = paused ] || fail "it is not paused"
there 0 -H rig1 resume nvme0
there 0 -H rig1 --json=short status
member "['State']" > /dev/null

there 2 -H rig1 --bus=session list
there 3 -H nowhere list
grep -q 'connection to nowhere is lost' "$tmp/err" || fail "it says: $(cat "$tmp/err")"
daemon_stop
[ "$daemon_status" = 0 ] || fail "exit status $daemon_status"
