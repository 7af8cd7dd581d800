/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration as one file: every key with its value, as it was written, and the place
 * it comes from as a comment. Spaces come first, declared, so that what is read back finds
 * them in the same order. No line is longer than the reader takes.
 */
#include <errno.h>
#include <string.h>

#include "config/reader.h"
#include "config/section.h"
#include "config/value.h"

/* Paths may be anything, cut in the middle of a character too; the reader wants UTF-8. */
static void make_ascii(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void dump_line(FILE *out, const char *text, const struct origin *origin)
{
	char place[READER_LINE_MAX * 2] = "default", number[16];
	size_t room = READER_LINE_MAX - strlen(text), length;

	if (origin) {
		snprintf(number, sizeof(number), ":%u", origin->line);
		length = strlen(origin->file);
		/* The end of a path says more than its start. */
		if (length >= READER_LINE_MAX)
			snprintf(place, sizeof(place), "...%s%s", origin->file + length - READER_LINE_MAX + 1, number);
		else
			snprintf(place, sizeof(place), "%s%s", origin->file, number);
		make_ascii(place);
	}
	length = strlen(place);
	if (length + 3 <= room)
		fprintf(out, "%s ; %s\n", text, place);
	else if (room > 16)
		fprintf(out, "%s ; ...%s\n", text, place + length - (room - 6));
	else
		fprintf(out, "%s\n", text);
}

static void dump_key(FILE *out, const char *key, const char *value, const struct origin *origin)
{
	char text[READER_LINE_MAX * 2];

	/* The blanks may be what makes a line too long that was not when it was read. */
	if (snprintf(text, sizeof(text), "%s = %s", key, value) > READER_LINE_MAX)
		snprintf(text, sizeof(text), "%s=%s", key, value);
	dump_line(out, text, origin);
}

static const char *default_of(const struct section *s, const struct key *key, char text[VALUE_SIZE_TEXT_MAX])
{
	/* The one that depends on other keys. */
	if (key == key_find(SECTION_REGION, "granule"))
		return value_format_size(s->values.region.granule, text);
	if (key == key_find(SECTION_DEVICE, "space"))
		return section_device_space(s) ?: "";
	return key->fallback ? key->fallback : "";
}

static void dump_keys(const struct section *s, FILE *out)
{
	for (size_t i = 0; i < key_table_size; i++) {
		const struct key *key = &key_table[i];
		char text[VALUE_SIZE_TEXT_MAX];
		const struct entry *e = NULL;

		if (key->kind != s->kind)
			continue;
		while ((e = section_next(s, key->name, e)))
			dump_key(out, key->name, e->value, &e->origin);
		if (!section_entry(s, key->name))
			dump_key(out, key->name, default_of(s, key, text), NULL);
	}
	for (size_t i = 0; i < s->n_settings; i++)
		dump_key(out, s->settings[i].name, s->settings[i].value, &s->settings[i].origin);
}

static void dump_section(const struct section *s, FILE *out)
{
	char header[READER_SECTION_MAX + 3];

	snprintf(header, sizeof(header), "[%s]", s->title);
	dump_line(out, header, *s->origin.file ? &s->origin : NULL);
	dump_keys(s, out);
	fputc('\n', out);
}

/* A space without a section of its own; all its keys have defaults. */
static void dump_implied_space(const char *name, FILE *out)
{
	fprintf(out, "[space %s] ; default\n", name);
	for (size_t i = 0; i < key_table_size; i++)
		if (key_table[i].kind == SECTION_SPACE)
			dump_key(out, key_table[i].name, key_table[i].fallback, NULL);
	fputc('\n', out);
}

static void dump_spaces(const struct config *c, FILE *out)
{
	for (size_t i = 0; i < c->n_spaces; i++) {
		const struct config_space *space = &c->spaces[i];
		const struct section *declared = sections_find(c->entries, SECTION_SPACE, space->name);

		if (declared)
			dump_section(declared, out);
		else
			dump_implied_space(space->name, out);
		for (size_t j = 0; j < space->n_regions; j++) {
			char name[2 * CONFIG_NAME_MAX + 2];

			snprintf(name, sizeof(name), "%s/%s", space->name, space->regions[j].name);
			dump_section(sections_find(c->entries, SECTION_REGION, name), out);
		}
	}
}

int config_dump(const struct config *c, FILE *out)
{
	dump_section(sections_find(c->entries, SECTION_DAEMON, ""), out);
	dump_spaces(c, out);
	for (size_t i = 0; i < c->n_devices; i++)
		dump_section(sections_find(c->entries, SECTION_DEVICE, c->devices[i].name), out);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
