#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Wrong command lines end with 2 and say what is wrong on standard error; --help and
# --version end with 0 and print on standard output.
. "$(dirname "$0")/../lib/daemon.sh"

usage_error() {
	local word=$1
	shift
	expect_exit 2 "$@"
	[ ! -s "$tmp/out" ] || fail "iopfd $*: prints on standard output"
	grep -q -e "$word" "$tmp/err" || fail "iopfd $*: no \"$word\" in: $(cat "$tmp/err")"
}

usage_error no-such-option --no-such-option
usage_error extra --bus=none extra
usage_error chatty --log-level=chatty
usage_error log-level --log-level
usage_error carrot --bus=carrot
usage_error bus --bus=
usage_error config --config

for option in --help --version; do
	expect_exit 0 $option
	[ -s "$tmp/out" ] || fail "$option prints nothing"
	[ ! -s "$tmp/err" ] || fail "$option: $(cat "$tmp/err")"
done
expect_exit 0 --version
grep -Eq '^iopfd [0-9]+\.[0-9]+' "$tmp/out" || fail "--version: $(cat "$tmp/out")"
