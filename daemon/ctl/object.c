/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing here knows all properties: those of a newer daemon are shown as well.
 */
#include "ctl/object.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl/units.h"

const struct variant *object_at(const struct variant *objects, size_t i, const char *interface)
{
	return variant_get(variant_at(objects, i), interface);
}

const char *object_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcmp(name + n - m, end);
}

static bool is_bytes(const char *name)
{
	return ends_with(name, "Bytes") || ends_with(name, "BytesLimit") || !strncmp(name, "Bytes", 5) ||
	       !strcmp(name, "Budget") || !strcmp(name, "granule") || !strcmp(name, "length");
}

static void print_clock(uint64_t usec, FILE *out)
{
	time_t t = (time_t)(usec / 1000000);
	char text[64] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%F %T %z", &tm);
	fputs(text, out);
}

static void print_number(const char *name, uint64_t v, FILE *out)
{
	char buffer[UNITS_MAX];

	if (v == UINT64_MAX && is_bytes(name))
		fputs("unlimited", out);
	else if (is_bytes(name) && v >= 1024)
		fprintf(out, "%s (%" PRIu64 ")", units_size(buffer, v), v);
	else if (strstr(name, "NSec"))
		fputs(units_ns(buffer, v), out);
	else if (ends_with(name, "TimestampUSec") && v)
		print_clock(v, out);
	else if (!strcmp(name, "UptimeUSec"))
		fputs(units_duration(buffer, v), out);
	else if (!strcmp(name, "iova"))
		fprintf(out, "0x%" PRIx64, v);
	else if (!strcmp(name, "VendorId") || !strcmp(name, "DeviceId"))
		fprintf(out, "0x%04" PRIx64, v);
	else
		fprintf(out, "%" PRIu64, v);
}

static void print_items(const char *name, const struct variant *v, FILE *out)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct variant *item = v->items[i];
		bool nested = variant_count(item) > 0;

		fputs(i ? " " : "", out);
		if (item->key)
			fprintf(out, "%s=", item->key);
		fputs(nested ? "(" : "", out);
		object_print_property(item->key ?: name, item, out);
		fputs(nested ? ")" : "", out);
	}
	fputs(v->n ? "" : "-", out);
}

/* One text after the other, empty ones left out. */
static void print_sentence(const struct variant *v, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < v->n; i++)
		if (*variant_string(v->items[i])) {
			fprintf(out, "%s%s", any ? ": " : "", variant_string(v->items[i]));
			any = true;
		}
	fputs(any ? "" : "-", out);
}

void object_print_property(const char *name, const struct variant *v, FILE *out)
{
	switch (v->kind) {
	case VARIANT_STRING:
		fputs(*v->string ? v->string : "-", out);
		break;
	case VARIANT_UNSIGNED:
		print_number(name, v->number, out);
		break;
	case VARIANT_SIGNED:
		fprintf(out, "%" PRId64, v->integer);
		break;
	case VARIANT_REAL:
		fprintf(out, "%g", v->real);
		break;
	case VARIANT_BOOL:
		fputs(v->number ? "yes" : "no", out);
		break;
	default:
		if (!strcmp(name, "LastError") || !strcmp(name, "LastReloadError"))
			print_sentence(v, out);
		else
			print_items(name, v, out);
	}
}

char *object_property(const char *name, const struct variant *v)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	object_print_property(name, v, out);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
