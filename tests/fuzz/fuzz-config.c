/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a configuration file: it is refused with a reason, or it is whole and its
 * dump reads back as the same. For libFuzzer:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Idaemon -Itests/lib \
 *       tests/fuzz/fuzz-config.c tests/lib/config-hooks.c daemon/config/[a-z]*.c -linih
 *
 * `make check` runs it as tests/unit/test-config-fuzz.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "config-hooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition)                                                \
	do {                                                                  \
		if (!(condition)) {                                           \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                              \
		}                                                             \
	} while (0)

/* A file without a folder of drop-ins beside it. */
static struct config *load_bytes(const void *data, size_t size, bool strict)
{
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct config_diagnostics d;
	struct config *c = NULL;
	char path[64], text[2048];
	int r;

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(&(struct config_source){ .file = path, .strict = strict }, &t_config_hooks, &c, &d);
	FUZZ_ASSERT(r == 0 ? c && !d.n_errors : r == -EINVAL && !c && d.n_errors);
	for (size_t i = 0; i < d.n_items; i++) {
		FUZZ_ASSERT(*d.items[i].message && strcmp(d.items[i].file, path) == 0);
		FUZZ_ASSERT(config_diagnostic_format(&d.items[i], text, sizeof(text)) < (int)sizeof(text));
		FUZZ_ASSERT(!strpbrk(text, "\n\033"));
	}
	config_diagnostics_free(&d);
	return c;
}

/* Without the comments. */
static char *dump_text(const struct config *c)
{
	char *text = NULL, *out;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	FUZZ_ASSERT(f && config_dump(c, f) == 0);
	fclose(f);
	out = text;
	for (const char *s = text; *s;) {
		if (s[0] == ' ' && s[1] == ';')
			s += strcspn(s, "\n");
		else
			*out++ = *s++;
	}
	*out = 0;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(config_freep) struct config *strict = load_bytes(data, size, true);
	_cleanup_(config_freep) struct config *c = load_bytes(data, size, false), *again = NULL;
	_cleanup_free_ char *first = NULL, *second = NULL;

	FUZZ_ASSERT(c || !strict);
	if (!c)
		return 0;
	first = dump_text(c);
	again = load_bytes(first, strlen(first), true);
	FUZZ_ASSERT(again);
	second = dump_text(again);
	FUZZ_ASSERT(strcmp(first, second) == 0);
	return 0;
}
