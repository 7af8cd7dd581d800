# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by scripts that run iopfctl: what tests/lib/daemon.sh has, and iopfctl on its bus.
. "$(dirname "${BASH_SOURCE[0]}")/daemon.sh"
iopfctl=$IOPFD_BUILD/iopfctl
export LC_ALL=C.UTF-8
unset PAGER IOPFCTL_PAGER NO_COLOR

ctl() {
	timeout -k 5 60 "$iopfctl" --bus="$bus_address" "$@"
}

# Wants this exit status, and a message exactly if it is not 0: expect STATUS ARGUMENT...
# Leaves $tmp/out and $tmp/err.
expect() {
	local want=$1 status=0
	shift
	ctl "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
	[ $status = "$want" ] || { cat "$tmp/out" "$tmp/err"; fail "iopfctl $*: exit status $status, not $want"; }
	[ "$want" != 0 ] || [ ! -s "$tmp/err" ] || { cat "$tmp/err"; fail "iopfctl $*: it complains"; }
}

# What Python finds in the JSON in $tmp/out: member "['Name']"
member() {
	python3 -c "import json, sys; print(json.load(open(sys.argv[1]))$1)" "$tmp/out"
}
