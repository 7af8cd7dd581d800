#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# --check-config refuses each file of the corpus of broken ones with the lines that the file
# announces, and lets good ones pass without a word. --dump-config reads back as it is.
. "$(dirname "$0")/../lib/daemon.sh"

corpus=tests/unit/config-bad
n=0
for file in "$corpus"/*.conf; do
	expect_exit 78 --check-config="$file"
	[ ! -s "$tmp/out" ] || fail "$file: text on standard output"
	if [ -e "${file%.conf}.expect" ]; then
		cp "${file%.conf}.expect" "$tmp/expected"
	else
		sed -n 's/^# expect: //p' "$file" > "$tmp/expected"
	fi
	[ -s "$tmp/expected" ] || fail "$file announces nothing"
	while read -r expected; do
		line=${expected%%:*} text=${expected#*: }
		grep -aF "$file:$line: " "$tmp/err" | grep -qaF -- "$text" ||
			{ cat "$tmp/err"; fail "$file: not said: $expected"; }
	done < "$tmp/expected"
	errors=$(grep -avc '^[^ ]*: warning: ' "$tmp/err") || true
	[ "$errors" = "$(wc -l < "$tmp/expected")" ] || { cat "$tmp/err"; fail "$file: $errors errors"; }
	n=$((n + 1))
done
[ $n -ge 60 ] || fail "only $n files in $corpus"

mkdir -m 755 "$tmp/policies"
install -m 644 "$IOPFD_BUILD/tests/plugins/pattern.so" "$tmp/policies/pattern.so"
for file in conf/*.conf; do
	case $file in
	*/org.iopfd1.conf) continue ;; # the policy of the bus
	*-plugin.conf) file=$(sed "s|/opt/policies|$tmp/policies|" "$file" | config plugin) ;; # which exists here
	esac
	expect_exit 0 --check-config="$file"
	if [ -s "$tmp/out" ] || [ -s "$tmp/err" ]; then
		cat "$tmp/out" "$tmp/err"
		fail "$file is good"
	fi
	expect_exit 0 --config="$file" --dump-config
	cp "$tmp/out" "$tmp/dump.conf"
	expect_exit 0 --check-config="$tmp/dump.conf"
	expect_exit 0 --config="$tmp/dump.conf" --dump-config
	sed 's/ ;.*//' "$tmp/dump.conf" > "$tmp/first"
	sed 's/ ;.*//' "$tmp/out" | cmp - "$tmp/first" || fail "$file: a dump of the dump differs"
done

# Root may read everything
if [ "$(id -u)" != 0 ]; then
	file=$(config unreadable < conf/iopfd.conf)
	chmod 000 "$file"
	expect_exit 77 --check-config="$file"
	grep -qF "$file: " "$tmp/err" || fail "does not say which file may not be read"
fi
