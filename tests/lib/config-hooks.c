/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-hooks.h"

#include <errno.h>
#include <string.h>

static const char *address_kind(const char *address)
{
	return strncmp(address, "sim", 3) == 0 ? "sim" : "iommufd";
}

static int check_address(const char *address, char *text, size_t size)
{
	unsigned domain, bus, device, function;
	char end;

	if (strcmp(address, "sim") == 0 || strncmp(address, "sim:", 4) == 0 || strcmp(address, "mock") == 0 ||
	    *address == '/' || sscanf(address, "vfio%u%c", &device, &end) == 1)
		return 0;
	if ((sscanf(address, "%4x:%2x:%2x.%1u%c", &domain, &bus, &device, &function, &end) == 4 ||
	     sscanf(address, "%2x:%2x.%1u%c", &bus, &device, &function, &end) == 3) && device < 32 && function < 8)
		return 0;
	snprintf(text, size, "'%s' is no address, expected something better", address);
	return -EINVAL;
}

static const char *const policies[] = { "anon", NULL };
static const char *const event_loops[] = { "auto", "io_uring", "libevent", NULL };

const struct config_hooks t_config_hooks = {
	.policies = policies,
	.event_loops = event_loops,
	.check_address = check_address,
	.page_size = 4096,
	.address_kind = address_kind,
};
