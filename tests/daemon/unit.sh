#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# systemd takes the unit without a complaint and rates its sandbox at 0.6 or better.
set -eu
cd "$(dirname "$0")/../.."
IOPFD_BUILD=${IOPFD_BUILD:-$PWD/build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"

# A copy that points at the build
sed "s|@s*bindir@|$IOPFD_BUILD|" systemd/iopfd.service.in > "$tmp/iopfd.service"

status=0
systemd-analyze verify --recursive-errors=no --man=no "$tmp/iopfd.service" > "$tmp/out" 2>&1 || status=$?
cat "$tmp/out"
[ $status = 0 ] || exit 1
! grep -q 'iopfd.service' "$tmp/out" || exit 1

systemd-analyze security --offline=yes --threshold=6 --no-pager "$tmp/iopfd.service" > "$tmp/out" || {
	cat "$tmp/out"
	exit 1
}
tail -n 1 "$tmp/out"
