#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every header of ours compiles alone.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=0
# shellcheck disable=SC2046
for header in $(find daemon include tests/lib -name '*.h'); do
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Iinclude -Idaemon \
		$(pkg-config --cflags libevent_core liburing inih libsystemd) \
		-include "$header" -x c /dev/null || failed=1
done
exit $failed
