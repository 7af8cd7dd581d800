#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A daemon that is told to stop while it starts, also when a space cannot be opened at that
# moment: it ends with 0 and never claims to be ready. One whose event loop fails ends at
# once with 1, and does not hang.
. "$(dirname "$0")/../lib/daemon.sh"

conf=$(config two <<- EOT
	[device x]
	address = sim
	space = a
	pasid = 1:b
	[region a/r]
	iova = 0x100000000
	length = 64K
	[region b/r]
	iova = 0x100000000
	length = 1G
EOT
)
for loop in $(loops); do
	for limit in unlimited 1048576; do
		printf '[daemon]\nevent-loop = %s\nworkers = 2\n' "$loop" | cat - "$conf" > "$tmp/$loop.conf"
		daemon_run_with prlimit --fsize=$limit env --ignore-signal=XFSZ --block-signal=TERM \
			sh -c 'kill -TERM $$; exec "$@"' sh "$iopfd" --config="$tmp/$loop.conf" --bus=none
		daemon_wait
		[ "$daemon_status" = 0 ] || fail "$loop, files up to $limit: exit status $daemon_status"
		! notified READY=1 || fail "$loop, files up to $limit: ready while it stops"
	done
done

if ! strace -o /dev/null true 2> /dev/null; then
	echo "not shown here: a failing event loop (strace may not trace)"
else
	printf '[daemon]\nevent-loop = libevent\n' | cat - "$conf" > "$tmp/dies.conf"
	daemon_run_with strace -f -qq -o /dev/null -e trace=epoll_wait -e inject=epoll_wait:error=EBADF:when=2+ \
		"$iopfd" --config="$tmp/dies.conf" --bus=none
	daemon_wait
	[ "$daemon_status" = 1 ] || fail "without an event loop: exit status $daemon_status"
fi
