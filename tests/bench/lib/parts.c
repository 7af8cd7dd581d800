/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parts.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "options.h"

static const char *const part_names[PART_TRACE] = {
	[PART_OTHER] = "rest_of_the_kernel",
	[PART_ZERO] = "zeroing",
	[PART_COPY] = "copying",
	[PART_IOMMU] = "waiting_for_the_IOMMU",
	[PART_PAGES] = "making_pages",
	[PART_MAP] = "mapping",
	[PART_UNMAP] = "unmapping",
	[PART_READ] = "reading_faults",
	[PART_ANSWER] = "answering",
	[PART_FILE] = "files",
	[PART_PUNCH] = "freeing_pages",
	[PART_POPULATE] = "populating",
	[PART_WAIT] = "waiting",
	[PART_FAULT] = "CPU_page_faults",
	[PART_ENTRY] = "system_calls_themselves",
	[PART_USER] = "user_space",
};

/* Functions whose names begin so, the last that fits. own: of samples in the function itself,
 * where what clears a page is inline. */
static const struct {
	const char *prefix;
	enum part part, own;
} parts[] = {
	{ "__clear_pages", PART_ZERO, 0 },
	{ "clear_page_erms", PART_ZERO, 0 },
	{ "clear_page_rep", PART_ZERO, 0 },
	{ "folio_zero_", PART_ZERO, 0 },
	{ "shmem_get_folio_gfp", PART_PAGES, PART_ZERO },
	{ "hugetlb_", PART_PAGES, 0 },
	{ "_copy_to_iter", PART_COPY, 0 },
	{ "copy_page_from_iter", PART_COPY, 0 },
	{ "copy_folio_from_iter", PART_COPY, 0 },
	{ "qi_submit_sync", PART_IOMMU, 0 },
	{ "iommufd_ioas_map", PART_MAP, 0 },
	{ "iommufd_ioas_unmap", PART_UNMAP, 0 },
	{ "iommufd_fault_fops_read", PART_READ, 0 },
	{ "iommufd_fault_fops_write", PART_ANSWER, 0 },
	{ "filemap_read", PART_FILE, 0 },
	{ "vfs_readv", PART_FILE, 0 },
	{ "ksys_pread64", PART_FILE, 0 },
	{ "ksys_pwrite64", PART_FILE, 0 },
	{ "__x64_sys_preadv2", PART_FILE, 0 },
	{ "__x64_sys_statx", PART_FILE, 0 },
	{ "io_wq_", PART_FILE, 0 },
	{ "shmem_fallocate", PART_PUNCH, 0 },
	{ "do_madvise", PART_POPULATE, 0 },
	{ "do_epoll_wait", PART_WAIT, 0 },
	{ "io_cqring_wait", PART_WAIT, 0 },
	{ "schedule", PART_WAIT, 0 },
	{ "handle_mm_fault", PART_FAULT, 0 },
	{ "do_user_addr_fault", PART_FAULT, 0 },
	{ "perf_trace_", PART_TRACE, 0 },
	{ "trace_syscall_enter", PART_TRACE, 0 },
	{ "do_syscall_64", PART_ENTRY, 0 },
	{ "entry_SYSCALL_64", PART_ENTRY, 0 },
};

struct symbol {
	uint64_t address;
	enum part part, own;
};

struct parts {
	struct symbol *symbols; /* by address */
	size_t n_symbols;
};

static void set_parts(struct symbol *s, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strncmp(name, parts[i].prefix, strlen(parts[i].prefix))) {
			s->part = parts[i].part;
			s->own = parts[i].own;
		}
}

static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void add_symbol(struct parts *p, uint64_t address, const char *name)
{
	if (is_power_of_two(p->n_symbols) || !p->n_symbols) {
		p->symbols = reallocarray(p->symbols, p->n_symbols ? 2 * p->n_symbols : 1, sizeof(*p->symbols));
		if (!p->symbols)
			die("out of memory");
	}
	p->symbols[p->n_symbols] = (struct symbol){ .address = address };
	set_parts(&p->symbols[p->n_symbols++], name);
}

struct parts *parts_new(void)
{
	struct parts *p = calloc(1, sizeof(*p));
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	uint64_t address;

	if (!p)
		die("out of memory");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, name) == 2 && address)
			add_symbol(p, address, name);
	if (f)
		fclose(f);
	if (!p->n_symbols) {
		parts_free(p);
		return NULL;
	}
	qsort(p->symbols, p->n_symbols, sizeof(*p->symbols), compare_symbols);
	return p;
}

void parts_free(struct parts *p)
{
	if (p)
		free(p->symbols);
	free(p);
}

const char *part_name(enum part part)
{
	return part_names[part];
}

static const struct symbol *symbol_of(const struct parts *p, uint64_t address)
{
	size_t low = 0, high = p->n_symbols;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (p->symbols[middle].address <= address)
			low = middle;
		else
			high = middle;
	}
	return &p->symbols[low];
}

enum part parts_find(const struct parts *p, uint64_t ip, const uint64_t *chain, size_t n)
{
	const struct symbol *symbol = symbol_of(p, ip);

	if (symbol->own)
		return symbol->own;
	for (size_t i = 0; i < n; i++) {
		if (chain[i] >= PERF_CONTEXT_MAX)
			continue; /* a mark */
		symbol = symbol_of(p, chain[i]);
		if (symbol->part)
			return symbol->part;
	}
	return PART_OTHER;
}
