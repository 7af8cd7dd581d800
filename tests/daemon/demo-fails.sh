#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# timeout: 300
# The demo notices: data that a device corrupts, and a policy that fails. Both end with 1,
# for the reason meant; the same short demo without them ends with 0.
set -eu
cd "$(dirname "$0")/../.."
IOPFD_BUILD=${IOPFD_BUILD:-$PWD/build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# demo STATUS TEXT: the demo with $tmp/demo.conf ends so and prints this
demo() {
	local status=0
	DEMO_SECONDS=2 tests/demo/demo.sh "$tmp/demo.conf" > "$tmp/out" 2>&1 || status=$?
	if [ $status != "$1" ] || ! grep -q -e "$2" "$tmp/out"; then
		cat "$tmp/out"
		echo "failed: exit status $status, not $1 with \"$2\""
		exit 1
	fi
}

short=',count=2000,rate=2000'
sed "s/,rate=[0-9]*,count=[0-9]*/$short/; s/working-set=[0-9]*M/working-set=4M/" conf/demo.conf > "$tmp/good.conf"
grep -q "$short" "$tmp/good.conf"

cp "$tmp/good.conf" "$tmp/demo.conf"
demo 0 'All data right'

sed "s/$short/$short,corrupt=1000/" "$tmp/good.conf" > "$tmp/demo.conf"
demo 1 'WRONG: .*DataErrors is [1-9]'

sed 's/^policy = anon/policy = faulty/' "$tmp/good.conf" > "$tmp/demo.conf"
IOPFD_DAEMON=$IOPFD_BUILD/tests/iopfd-faulty demo 1 'WRONG: .*\(VisitsFailed\|DataErrors\) is [1-9]'
