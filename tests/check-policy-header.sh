#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The header for plugins compiles alone, as C and as C++, old and new; the plugin in
# iopfd-policy(3) compiles with what pkg-config says, and is one.
set -u
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d "${TMPDIR:-/tmp}/iopfd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cc=${CC:-cc}
case $cc in
*clang*) cxx=${CXX:-${cc/clang/clang++}} ;;
*) cxx=${CXX:-g++} ;;
esac
failed=0

fail() {
	echo "failed: $*"
	failed=1
}

for std in c99 c11 gnu11 c2x; do
	$cc -std=$std -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c include/iopfd/policy.h || fail "$cc -std=$std"
done
if ! command -v "$cxx" > /dev/null; then
	echo "skipped: no C++ compiler ($cxx)"
	exit 77
fi
for std in c++11 c++17 c++20; do
	$cxx -std=$std -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ include/iopfd/policy.h || fail "$cxx -std=$std"
done

# In C++ the members are given in their order
cat > "$tmp/plus.cc" << 'EOT'
#include <iopfd/policy.h>

static int create(const struct iopfd_host *, void **) { return 0; }
static int open(void *, const struct iopfd_region *, char *, size_t) { return 0; }
static int fill(void *, struct iopfd_request *, uint64_t, uint64_t, uint32_t, struct iopfd_memory *) { return -1; }
static void close(void *) {}

extern "C" const struct iopfd_policy iopfd_policy = {
	sizeof(iopfd_policy), IOPFD_POLICY_ABI_VERSION, "plus", 0, create, nullptr, open, fill,
	nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, close, nullptr,
};
EOT

# As a user of an installed iopfd would
make -s BUILD="$tmp" includedir="$PWD/include" plugindir="$tmp" "$tmp/iopfd.pc" > "$tmp/log" 2>&1 ||
	{ cat "$tmp/log" && fail "make iopfd.pc"; }
export PKG_CONFIG_PATH=$tmp
flags=$(pkg-config --cflags iopfd) || fail "pkg-config --cflags iopfd"
[ "$(pkg-config --variable=plugindir iopfd)" = "$tmp" ] || fail "pkg-config --variable=plugindir iopfd"
awk '/^#include <errno.h>/ { on = 1 } /^\.Ed/ { on = 0 } on' man/iopfd-policy.3 |
	sed 's/\\e/\\/g; s/\\&//g; s/\\-/-/g' > "$tmp/bytes.c"
# shellcheck disable=SC2086
$cc -std=c99 -D_XOPEN_SOURCE=700 -Wall -Wextra -Werror -shared -fPIC -O2 $flags -o "$tmp/bytes.so" "$tmp/bytes.c" ||
	fail "the plugin of iopfd-policy(3)"
# shellcheck disable=SC2086
$cxx -std=c++11 -Wall -Wextra -Werror -shared -fPIC -O2 $flags -o "$tmp/plus.so" "$tmp/plus.cc" || fail "a plugin in C++"
for plugin in bytes plus; do
	nm -D --defined-only "$tmp/$plugin.so" | grep -q ' [DR] iopfd_policy$' || fail "$plugin.so does not define iopfd_policy"
done
exit $failed
