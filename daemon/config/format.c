/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/format.h"

#include <inttypes.h>
#include <stdio.h>

#include "config/value.h"

FORMATTER(format_string)
{
	const char *value = *(const char *const *)field;

	snprintf(text, KEY_TEXT_MAX, "%s", value ? value : "");
}

FORMATTER(format_workers)
{
	uint32_t n = *(const uint32_t *)field;

	snprintf(text, KEY_TEXT_MAX, n ? "%" PRIu32 : "auto", n);
}

FORMATTER(format_cpus)
{
	const char *list = *(const char *const *)field;

	snprintf(text, KEY_TEXT_MAX, "%s", list ? list : "any");
}

FORMATTER(format_spin)
{
	int64_t ns = *(const int64_t *)field;

	if (ns < 0)
		snprintf(text, KEY_TEXT_MAX, "%s", ns == SPIN_DEFAULT ? "default" : "auto");
	else
		value_format_time((uint64_t)ns, text);
}

FORMATTER(format_budget)
{
	const struct config_budget *b = field;

	if (!b->value)
		snprintf(text, KEY_TEXT_MAX, "none");
	else if (b->is_percent)
		snprintf(text, KEY_TEXT_MAX, "%" PRIu64 "%%", b->value);
	else
		value_format_size(b->value, text);
}

FORMATTER(format_time)
{
	value_format_time(*(const uint64_t *)field, text);
}

FORMATTER(format_numa_node)
{
	int32_t node = *(const int32_t *)field;

	snprintf(text, KEY_TEXT_MAX, node < 0 ? "none" : "%" PRId32, node);
}

FORMATTER(format_iova)
{
	snprintf(text, KEY_TEXT_MAX, "0x%" PRIx64, *(const uint64_t *)field);
}

FORMATTER(format_size)
{
	value_format_size(*(const uint64_t *)field, text);
}

FORMATTER(format_on_fault)
{
	static const char *const words[CONFIG_ON_FAULT_MAX] = {
		[CONFIG_ON_FAULT_DEMAND] = "demand",
		[CONFIG_ON_FAULT_PREFAULT] = "prefault",
		[CONFIG_ON_FAULT_DENY] = "deny",
	};

	snprintf(text, KEY_TEXT_MAX, "%s", words[*(const uint32_t *)field]);
}

FORMATTER(format_access)
{
	uint32_t access = *(const uint32_t *)field;

	snprintf(text, KEY_TEXT_MAX, "%s%s", access & CONFIG_ACCESS_READ ? "r" : "", access & CONFIG_ACCESS_WRITE ? "w" : "");
}

FORMATTER(format_bool)
{
	snprintf(text, KEY_TEXT_MAX, *(const bool *)field ? "yes" : "no");
}
