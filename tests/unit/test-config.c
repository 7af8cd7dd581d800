/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a good configuration means: values and defaults, merging. Broken files are
 * test-config-bad's, files and the dump are test-config-files's, what belongs to a policy is
 * test-config-policy's.
 */
#include "config/config.h"

#include "config-hooks.h"
#include "t-config.h"
#include "t.h"

#define SIMPLE "[space dma0]\n[region dma0/heap]\niova = 0x100000000\nlength = 1G\n[device nvme0]\naddress = sim\nspace = dma0\n"

static void defaults(void)
{
	scoped c = t_load_text(SIMPLE);
	const struct config_region *region = &c->spaces[0].regions[0];

	T_EQ(t_diagnostics.n_items, 0);
	T_STREQ(c->event_loop, "auto");
	T_EQ(c->workers, 0);
	T_ASSERT(!c->cpus);
	T_EQ(c->spin_ns, CONFIG_SPIN_AUTO);
	T_EQ(c->memory_budget.is_percent, true);
	T_EQ(c->memory_budget.value, 75);
	T_EQ(c->deadline_ns, 0);
	T_STREQ(c->plugin_dir, IOPFD_PLUGIN_DIR);
	T_EQ(c->n_spaces, 1);
	T_EQ(c->spaces[0].budget.value, 0);
	T_EQ(c->spaces[0].numa_node, -1);
	T_STREQ(c->spaces[0].name, "dma0");
	T_EQ(c->spaces[0].n_regions, 1);
	T_STREQ(region->name, "heap");
	T_EQ(region->iova, 0x100000000);
	T_EQ(region->length, 1 << 30);
	T_EQ(region->granule, 64 << 10);
	T_STREQ(region->policy, "anon");
	T_EQ(region->on_fault, CONFIG_ON_FAULT_DEMAND);
	T_EQ(region->access, CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE);
	T_EQ(region->merge, 0);
	T_EQ(region->fault_around, 0);
	T_EQ(region->populate_ahead, 2 << 20);
	T_EQ(region->pinned, false);
	T_EQ(region->write_back_ns, 0);
	T_EQ(region->n_settings, 0);
	T_EQ(c->n_devices, 1);
	T_STREQ(c->devices[0].name, "nvme0");
	T_STREQ(c->devices[0].address, "sim");
	T_EQ(c->devices[0].space, 0);
	T_EQ(c->devices[0].n_pasids, 0);
	T_EQ(c->devices[0].bus_master, false);
	T_EQ(c->devices[0].spin_ns, CONFIG_SPIN_AUTO);
	T_ASSERT(strstr(c->devices[0].source, ".conf:5"));
}

static void every_key(void)
{
	scoped c = t_load_text("[daemon]\n"
			   "event-loop = libevent ; not io_uring\n"
			   "workers = 64\n"
			   "cpus = 0-3,6\n"
			   "spin = 20us\n"
			   "memory-budget = 32G\n"
			   "deadline = 500ms\n"
			   "plugin-dir = /opt/policies\n"
			   "\n"
			   "  ; indented comments are fine\n"
			   "# of both kinds\n"
			   "[region a/high]\n"
			   "iova=0x7fffc0000000\n"
			   "length\t=\t1G\n"
			   "policy = anon\n"
			   "granule = 1G\n"
			   "on-fault = prefault\n"
			   "access = r\n"
			   "merge = 4G\n"
			   "fault-around = 1G\n"
			   "populate-ahead = 0\n"
			   "pinned = yes\n"
			   "[region a/low] ; sorted before it\n"
			   "iova = 0\n"
			   "length = 4096\n"
			   "granule = 4K\n"
			   "on-fault = deny\n"
			   "access = w\n"
			   "[device d]\n"
			   "address = 0000:3d:00.0\n"
			   "space = a\n"
			   "pasid = 5:a\n"
			   "pasid = 0xfffff:b\n"
			   "bus-master = ON\n"
			   "spin = auto\n"
			   "[space b]\n"
			   "budget = 50%\n"
			   "numa-node = 1023\n"
			   "[space a]\n"
			   "budget = 0x100000000\n");
	const struct config_space *a = &c->spaces[0];

	T_STREQ(c->event_loop, "libevent");
	T_EQ(c->workers, 64);
	T_STREQ(c->cpus, "0-3,6");
	T_EQ(c->spin_ns, 20000);
	T_EQ(c->devices[0].spin_ns, CONFIG_SPIN_AUTO);
	T_EQ(c->memory_budget.is_percent, false);
	T_EQ(c->memory_budget.value, 32ll << 30);
	T_EQ(c->deadline_ns, 500000000);
	T_STREQ(c->plugin_dir, "/opt/policies");
	T_EQ(c->n_spaces, 2);
	T_STREQ(a->name, "a");
	T_STREQ(c->spaces[1].name, "b");
	T_EQ(c->spaces[1].budget.is_percent, true);
	T_EQ(c->spaces[1].budget.value, 50);
	T_EQ(c->spaces[1].numa_node, 1023);
	T_EQ(a->budget.is_percent, false);
	T_EQ(a->budget.value, 4ll << 30);
	T_EQ(a->numa_node, -1);
	T_EQ(a->n_regions, 2);
	T_STREQ(a->regions[0].name, "low");
	T_EQ(a->regions[0].access, CONFIG_ACCESS_WRITE);
	T_EQ(a->regions[0].on_fault, CONFIG_ON_FAULT_DENY);
	T_EQ(a->regions[0].length, 4096);
	T_STREQ(a->regions[1].name, "high");
	T_EQ(a->regions[1].iova + a->regions[1].length, 1ll << 47);
	T_EQ(a->regions[1].access, CONFIG_ACCESS_READ);
	T_EQ(a->regions[1].on_fault, CONFIG_ON_FAULT_PREFAULT);
	T_EQ(a->regions[1].granule, 1 << 30);
	T_EQ(a->regions[1].merge, 4ll << 30);
	T_EQ(a->regions[1].fault_around, 1 << 30);
	T_EQ(a->regions[1].populate_ahead, 0);
	T_EQ(a->regions[1].pinned, true);
	T_EQ(a->regions[0].pinned, false);
	T_STREQ(c->devices[0].address, "0000:3d:00.0");
	T_EQ(c->devices[0].n_pasids, 2);
	T_EQ(c->devices[0].pasids[0].pasid, 5);
	T_EQ(c->devices[0].pasids[0].space, 0);
	T_EQ(c->devices[0].pasids[1].pasid, 1048575);
	T_EQ(c->devices[0].pasids[1].space, 1);
	T_EQ(c->devices[0].bus_master, true);
	/* b has no region. */
	T_EQ(t_diagnostics.n_items, 1);
	T_EQ(t_diagnostics.n_errors, 0);
	T_ASSERT(strstr(t_diagnostic_text(0), ":36: warning: [space b] the space 'b' has no region"));
}

static void sections_merge(void)
{
	scoped c = t_load_text("[daemon]\nworkers = 2\n[daemon]\nworkers = 3\nevent-loop = libevent\n"
			   "[region a/r]\niova = 64K\nlength = 64K\naccess = r\n"
			   "[device d]\naddress = sim\nspace = b\npasid = 1:a\npasid = 2:a\n"
			   "[region a/r]\nlength = 128K\naccess =\n"
			   "[daemon]\nevent-loop =\n"
			   "[device d]\npasid =\npasid = 3:a\nspace =\n"
			   "[device d]\npasid = 4:a\n");

	T_EQ(c->workers, 3);
	T_STREQ(c->event_loop, "auto");
	T_EQ(c->spaces[0].n_regions, 1);
	T_EQ(c->spaces[0].regions[0].length, 128 << 10);
	T_EQ(c->spaces[0].regions[0].access, CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE);
	T_EQ(c->n_devices, 1);
	T_EQ(c->devices[0].n_pasids, 2);
	T_EQ(c->devices[0].pasids[0].pasid, 3);
	T_EQ(c->devices[0].pasids[1].pasid, 4);
	T_EQ(c->n_spaces, 2);
	T_STREQ(c->spaces[c->devices[0].space].name, "d");
}

static void spaces_are_implied(void)
{
	scoped c = t_load_text("[device x]\naddress = sim\n[device y]\naddress = sim\nspace = x\npasid = 1:y\n"
			   "[region y/r]\niova = 0\nlength = 64K\n[space z]\n");

	T_EQ(c->n_spaces, 3);
	T_STREQ(c->spaces[0].name, "x");
	T_STREQ(c->spaces[1].name, "y");
	T_STREQ(c->spaces[2].name, "z");
	T_EQ(c->devices[1].space, 0);
	T_EQ(c->devices[1].pasids[0].space, 1);
	T_EQ(t_diagnostics.n_items, 2);
	T_ASSERT(strstr(t_diagnostic_text(0), ":1: warning: [device x] space: the space 'x' has no region"));
	T_ASSERT(strstr(t_diagnostic_text(1), ":10: warning: [space z] no device uses the space 'z'"));
}

static void text_forms(void)
{
	scoped c = t_load_text("\xef\xbb\xbf[daemon]\r\n"
			   "workers = 2\r\n"
			   "\r\n"
			   "[ region\t a/r ] ; blanks in a header, a comment behind\n"
			   "iova = 0xfef00000 ; just behind the MSI window\n"
			   "length = 64K ;\n"
			   "policy = ;\n"
			   "[device d]\n"
			   "address = sim:a;b:c=d ; ';' and ':' belong to the value\n"
			   "space = a");

	T_EQ(c->workers, 2);
	T_EQ(c->spaces[0].regions[0].iova, 0xfef00000);
	T_EQ(c->spaces[0].regions[0].length, 64 << 10);
	T_STREQ(c->spaces[0].regions[0].policy, "anon");
	T_STREQ(c->devices[0].address, "sim:a;b:c=d");
	T_EQ(t_diagnostics.n_items, 0);
}

static void longest_line(void)
{
	char address[256], text[1024];

	memset(address, 'x', sizeof(address));
	memcpy(address, "address=sim:", 12);
	address[198] = 0;
	snprintf(text, sizeof(text), "# %0300d\n[device d]\n%s\nspace = q\n[space q]\n", 0, address);

	scoped c = t_load_text(text);

	T_STREQ(c->devices[0].address, address + 8);
	/* The line after it is still there. */
	T_STREQ(c->spaces[0].name, "q");
	T_EQ(c->n_spaces, 1);
}

/* What stands beside a region, a granule or a number without touching it. */
static void exact_limits(void)
{
	scoped c = t_load_text("[region a/1]\niova = 0xfede0000\nlength = 128K\n"
			   "[region a/2]\niova = 0xfef00000\nlength = 64K\n"
			   "[region a/3]\niova = 0xfef10000\nlength = 64K\n"
			   "[region b/1]\niova = 0xfede0000\nlength = 128K\n"
			   "[device 1]\naddress = sim\nspace = a\npasid = 1:a\npasid = 2:a\n"
			   "[device 2]\naddress = sim\nspace = b\n"
			   "[device ABCDEFGHIJKLMNOPQRSTUVWXYZ_45678]\naddress = mock\n"
			   "[device m]\naddress = mock\nspace = ABCDEFGHIJKLMNOPQRSTUVWXYZ_45678\n"
			   "[device p]\naddress = 0000:3d:00.0\nspace = m\n[space m]\n"
			   "[device s]\naddress = /sys/bus/pci/devices/0000:3d:00.1/\nspace = m\n"
			   "[device t]\naddress = /sys/bus/pci/devices/0000:3d:00.2/\nspace = m\n");

	T_EQ(t_diagnostics.n_errors, 0);
	T_EQ(c->spaces[0].n_regions, 3);
	T_EQ(c->n_devices, 7);
}

static void granule_is_a_page_at_least(void)
{
	static const struct { const char *granule; int result; } rows[] = {
		{ "4K", -EINVAL }, { "32K", -EINVAL }, { "64K", 0 }, { "1M", 0 }, { "", 0 },
	};
	struct config_hooks hooks = t_config_hooks;

	hooks.page_size = 64 << 10;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_source source = { .strict = true };
		scoped c = NULL;
		char text[256];

		snprintf(text, sizeof(text), SIMPLE "[region dma0/heap]\ngranule = %s\n", rows[i].granule);
		source.file = t_write_conf("page.conf", text);
		t_diagnostics_free();
		T_EQ(config_load(&source, &hooks, &c, &t_diagnostics), rows[i].result);
		T_EQ(t_diagnostics.n_errors, rows[i].result < 0);
		if (i == 0)
			T_ASSERT(strstr(t_diagnostic_text(0), ":9: [region dma0/heap] granule: '4K' is less than a page "
							    "of this machine, expected at least 64K"));
	}
}

static void unknown_is_a_warning_at_boot(void)
{
	struct config_source source = {
		.file = t_write_conf("newer.conf", SIMPLE "budgets = 4G\n[rules r]\nspace = none\n[daemon]\nworkers = 3\n"),
	};
	scoped c = NULL;

	T_OK(t_load_source(&source, &c));
	T_EQ(c->workers, 3);
	T_EQ(t_diagnostics.n_items, 2);
	T_ASSERT(strstr(t_diagnostic_text(0), "newer.conf:8: warning: [device nvme0] budgets: unknown key"));
	T_ASSERT(strstr(t_diagnostic_text(1), "newer.conf:9: warning: [rules r] unknown kind of section 'rules'"));

	source.strict = true;
	T_EQ(t_load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_EQ(t_diagnostics.n_errors, 2);
}

static void diagnostics_are_one_line(void)
{
	struct config_diagnostic d = {
		.severity = CONFIG_ERROR, .file = "a\nb", .line = 0, .section = "", .key = "", .message = "m\033[1m",
	};
	char text[64], small[8];

	T_EQ(config_diagnostic_format(&d, text, sizeof(text)), 10);
	T_STREQ(text, "a?b: m?[1m");
	d = (struct config_diagnostic){ CONFIG_WARNING, "f", 12, "device x", "key", "what" };
	T_EQ(config_diagnostic_format(&d, text, sizeof(text)), 35);
	T_STREQ(text, "f:12: warning: [device x] key: what");
	T_EQ(config_diagnostic_format(&d, small, sizeof(small)), 35);
	T_STREQ(small, "f:12: w");
}

int main(void)
{
	t_run(defaults);
	t_run(every_key);
	t_run(sections_merge);
	t_run(spaces_are_implied);
	t_run(text_forms);
	t_run(longest_line);
	t_run(exact_limits);
	t_run(granule_is_a_page_at_least);
	t_run(unknown_is_a_warning_at_boot);
	t_run(diagnostics_are_one_line);
	t_diagnostics_free();
	return 0;
}
