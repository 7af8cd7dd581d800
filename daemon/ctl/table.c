/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cells are kept in one array, row after row; the last column is never padded.
 */
#include "ctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

struct cell {
	char *text;
	enum colour colour;
};

struct table {
	const char *const *headers;
	size_t n_columns;
	struct cell *cells;
	size_t n_cells;
	size_t capacity;
	bool failed;
};

const char *colour_begin(enum colour c)
{
	static const char *const codes[] = { "", "\033[1m", "\033[90m", "\033[32m", "\033[33m", "\033[1;31m" };

	return ctl_options.colour ? codes[c] : "";
}

const char *colour_end(void)
{
	return ctl_options.colour ? "\033[0m" : "";
}

enum colour colour_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum colour colour;
	} colours[] = {
		{ "active", COLOUR_GREEN }, { "running", COLOUR_GREEN }, { "failed", COLOUR_RED },
		{ "degraded", COLOUR_YELLOW }, { "absent", COLOUR_YELLOW }, { "unbound", COLOUR_YELLOW },
		{ "paused", COLOUR_YELLOW }, { "detached", COLOUR_GREY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (!strcmp(colours[i].state, state))
			return colours[i].colour;
	return COLOUR_NONE;
}

struct table *table_new(const char *const *headers)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->headers = headers;
	while (headers[t->n_columns])
		t->n_columns++;
	return t;
}

struct table *table_free(struct table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
	return NULL;
}

void table_cell(struct table *t, enum colour c, const char *format, ...)
{
	struct cell *cells;
	va_list list;

	if (t->n_cells == t->capacity) {
		cells = reallocarray(t->cells, t->capacity * 2 + 32, sizeof(*cells));
		if (!cells) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->capacity = t->capacity * 2 + 32;
	}
	t->cells[t->n_cells].colour = c;
	va_start(list, format);
	if (vasprintf(&t->cells[t->n_cells].text, format, list) < 0)
		t->failed = true;
	else
		t->n_cells++;
	va_end(list);
}

size_t table_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static bool is_right(const struct table *t, size_t column)
{
	return *t->headers[column] == '>';
}

static const char *header(const struct table *t, size_t column)
{
	return t->headers[column] + is_right(t, column);
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = table_width(header(t, column));

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		width = MAX(width, table_width(t->cells[i].text));
	return width;
}

static void print_cell(const struct table *t, size_t column, size_t width, const char *text, enum colour c, FILE *out)
{
	int padding = (int)(width - table_width(text));
	bool last = column + 1 == t->n_columns;

	fprintf(out, "%*s%s%s%s", is_right(t, column) ? padding : 0, "", colour_begin(c), text,
		c == COLOUR_NONE ? "" : colour_end());
	fprintf(out, "%*s%s", is_right(t, column) || last ? 0 : padding, "", last ? "\n" : "  ");
}

int table_print(const struct table *t, FILE *out)
{
	_cleanup_free_ size_t *widths = calloc(t->n_columns, sizeof(*widths));

	if (t->failed || !widths)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_columns; i++) {
		widths[i] = column_width(t, i);
		print_cell(t, i, widths[i], header(t, i), COLOUR_BOLD, out);
	}
	for (size_t i = 0; i < t->n_cells; i++)
		print_cell(t, i % t->n_columns, widths[i % t->n_columns], t->cells[i].text, t->cells[i].colour, out);
	return 0;
}
