#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every message id that the daemon sends has a text in the journal's catalogue, and no text
# is for an id that nobody sends. journalctl, where there is one, can read all of it.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
catalog=systemd/iopfd.catalog
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

grep -rhoE '"[0-9a-f]{32}"' daemon | tr -d '"' | sort > "$tmp/sent"
[ -s "$tmp/sent" ] || { echo "no message id found in daemon/"; exit 1; }
uniq -d "$tmp/sent" | sed 's/^/defined twice: /' | tee "$tmp/twice"
sed -n 's/^#define \(MESSAGE_[A-Z_]*\) ".*/\1/p' daemon/base/messages.h | while read -r name; do
	grep -rqw --include='*.c' "$name" daemon || echo "nobody sends: $name"
done | tee "$tmp/unused"
sed -n 's/^-- \([0-9a-f]*\)$/\1/p' "$catalog" | sort > "$tmp/texts"
comm -3 "$tmp/sent" "$tmp/texts" | sed 's/^\t/nobody sends: /; t; s/^/no text: /' | tee "$tmp/differ"
[ ! -s "$tmp/twice" ] && [ ! -s "$tmp/unused" ] && [ ! -s "$tmp/differ" ]

command -v journalctl > /dev/null || { echo "skipped: how journalctl reads it: there is none"; exit 77; }
mkdir -p "$tmp/root/usr/lib/systemd/catalog"
cp "$catalog" "$tmp/root/usr/lib/systemd/catalog"
journalctl --root="$tmp/root" --update-catalog
while read -r id; do
	journalctl --root="$tmp/root" --dump-catalog "$id" > "$tmp/text"
	grep -q '^Subject: .' "$tmp/text" && grep -q '^Documentation: man:' "$tmp/text" &&
		sed '1,/^$/d' "$tmp/text" | grep -q . || { echo "$id: no subject, manual or text"; exit 1; }
done < "$tmp/texts"
