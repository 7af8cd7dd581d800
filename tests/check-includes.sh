#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may include whom (a layer knows only what is below it), one outside library in one
# family of files, the order of includes, and no circle among headers.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C
failed=0
bad() {
	echo "$1"
	failed=1
}

# Our own folders that a file may include, as a pattern for "FOLDER/"
allowed() {
	case $1 in
	daemon/base/*) echo 'base/' ;;
	daemon/config/*) echo 'base/|config/' ;;
	daemon/loop/*) echo 'base/|loop/' ;;
	daemon/device/*) echo 'base/|device/' ;;
	daemon/policy/*) echo 'base/|policy/' ;;
	# The models know nothing of the pager and of what belongs to it
	daemon/fault/queue*) echo 'base/|device/|fault/(queue|stats)' ;;
	daemon/fault/space* | daemon/fault/extents* | daemon/fault/chunks* | daemon/fault/victims* | daemon/fault/stats* | daemon/fault/budget* | daemon/fault/attachments* | daemon/fault/turns* | daemon/fault/wishes* | daemon/fault/ahead*)
		echo 'base/|device/|policy/|fault/(space|extents|chunks|victims|stats|budget|attachments|turns|wishes|ahead)' ;;
	daemon/fault/*) echo 'base/|config/|loop/|device/|policy/|fault/' ;;
	daemon/control/*) echo 'base/|config/|loop/|device/|policy/|fault/|control/' ;;
	daemon/ctl/*) echo 'base/|ctl/' ;;
	*) echo '[a-z-]+\.h|base/|config/|loop/|device/|policy/|fault/|control/' ;; # manager and main
	esac
}

# Files that may include an outside library
library_home() {
	case $1 in
	event2/* | event.h) echo 'daemon/loop/libevent\.c' ;;
	liburing.h) echo 'daemon/(loop/io_uring|policy/io-uring)\.c' ;;
	ini.h) echo 'daemon/config/.*' ;;
	systemd/*) echo 'daemon/(base/log.*\.c|control/.*|ctl/.*)' ;;
	iopfd/*) echo 'daemon/(policy|fault|control)/.*|daemon/[^/]*' ;;
	*) echo '.*' ;;
	esac
}

for file in $(find daemon -name '*.[ch]'); do
	pattern=$(allowed "$file")
	while read -r include; do
		case $include in
		\"*)
			path=${include//\"/}
			[[ $path =~ ^($pattern) ]] || bad "$file: must not include $include"
			[ -e "daemon/$path" ] || bad "$file: $include is not written from daemon/"
			;;
		\<*)
			path=${include//[<>]/}
			home=$(library_home "$path")
			[[ $file =~ ^($home)$ ]] || bad "$file: $include belongs into $home"
			;;
		esac
	done < <(sed -n 's/^#[ \t]*include[ \t]*\([<"][^>"]*[>"]\).*/\1/p' "$file")

	# First the header that it implements: of its name, or at least of its folder or the one
	# above. Then <...>, then ours, each sorted between blank lines.
	dir=${file#daemon/}
	case $dir in */*) dir=${dir%/*}/ ;; *) dir= ;; esac
	sed -n 's/^#include \([<"][^>"]*[>"]\).*/\1/p; /^$/p' "$file" | awk -v file="$file" -v own="\"${file#daemon/}" \
		-v dir="\"$dir" -v above="\"${dir%/*/}/" '
		BEGIN { sub(/\.c$/, ".h\"", own) }
		/^$/ { last = ""; next }
		file ~ /\.c$/ && ++n == 1 && (index($0, dir) == 1 || index($0, above) == 1) { next }
		file ~ /\.c$/ && $0 == own { print file ": its own header comes first"; bad = 1; next }
		{ kind = substr($0, 1, 1) }
		kind == "<" && seen == "\"" { print file ": " $0 " after our own headers"; bad = 1 }
		kind == seen && $0 < last { print file ": " $0 " is not in its alphabetic place"; bad = 1 }
		{ seen = kind; last = $0 }
		END { exit bad }' || failed=1
done

# Edges header -> header that it includes; tsort names a circle
circle=$(for file in $(find daemon -name '*.h'); do
	sed -n "s|^#include \"\(.*\)\".*|${file#daemon/} \1|p" "$file"
done | tsort 2>&1 > /dev/null) || bad "headers include each other: $circle"

exit $failed
