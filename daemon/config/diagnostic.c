/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of diagnostics owns all its strings, so that it outlives the configuration that
 * it is about. A diagnostic is always one line of printable text.
 */
#include "config/diagnostic.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define HINT_WORD_MAX 64

static void diagnostic_deinit(struct config_diagnostic *d)
{
	free(d->file);
	free(d->section);
	free(d->key);
	free(d->message);
}

int diagnostics_add(struct config_diagnostics *d, enum config_severity severity, const struct diagnostic_place *place,
		    const char *format, ...)
{
	struct config_diagnostic *items, *item;
	va_list ap;
	int r;

	items = reallocarray(d->items, d->n_items + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	d->items = items;
	item = &items[d->n_items];
	*item = (struct config_diagnostic){
		.severity = severity,
		.file = strdup(place->file),
		.line = place->line,
		.section = strdup(place->section),
		.key = strdup(place->key),
	};
	va_start(ap, format);
	r = vasprintf(&item->message, format, ap);
	va_end(ap);
	if (r < 0)
		item->message = NULL;
	if (!item->file || !item->section || !item->key || !item->message) {
		diagnostic_deinit(item);
		return -ENOMEM;
	}
	d->n_items++;
	if (severity == CONFIG_ERROR)
		d->n_errors++;
	return 0;
}

void config_diagnostics_free(struct config_diagnostics *d)
{
	for (size_t i = 0; i < d->n_items; i++)
		diagnostic_deinit(&d->items[i]);
	free(d->items);
	*d = (struct config_diagnostics){ 0 };
}

/* Replaces what would break a line in two or play with a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int config_diagnostic_format(const struct config_diagnostic *d, char *text, size_t size)
{
	char line[16] = "";
	int n;

	if (d->line)
		snprintf(line, sizeof(line), ":%u", d->line);
	n = snprintf(text, size, "%s%s: %s%s%s%s%s%s%s", d->file, line,
		     d->severity == CONFIG_WARNING ? "warning: " : "", *d->section ? "[" : "", d->section,
		     *d->section ? "] " : "", d->key, *d->key ? ": " : "", d->message);
	if (size)
		make_printable(text);
	return n;
}

char *config_diagnostics_text(const struct config_diagnostics *d)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < d->n_items; i++) {
		char line[2048];

		config_diagnostic_format(&d->items[i], line, sizeof(line));
		fprintf(out, "%s%s", i ? "\n" : "", line);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

const char *diagnostic_advice(const char *value)
{
	if (*value == '"' || *value == '\'')
		return " (values are written without quotes)";
	if (strstr(value, " #") || *value == '#')
		return " ('#' begins a comment only at the start of a line, use a blank and ';')";
	return "";
}

void hint_init(struct hint *h, const char *word)
{
	/* More than a third of the letters wrong is another word. */
	*h = (struct hint){ .word = word, .distance = strlen(word) / 3 + 2 };
}

/* Levenshtein's distance, one row at a time, blind to case. */
static size_t distance(const char *a, const char *b)
{
	size_t row[HINT_WORD_MAX + 1], length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t replace = diagonal + (strncasecmp(a + i, b + j, 1) != 0);

			diagonal = row[j + 1];
			row[j + 1] = MIN(replace, MIN(row[j], row[j + 1]) + 1);
		}
	}
	return row[length];
}

void hint_consider(struct hint *h, const char *candidate)
{
	size_t d;

	if (strlen(candidate) > HINT_WORD_MAX)
		return;
	d = distance(h->word, candidate);
	/* A candidate of which no letter is left is no help. */
	if (d < h->distance && d < MAX(strlen(candidate), strlen(h->word))) {
		h->distance = d;
		h->best = candidate;
	}
}

const char *hint_format(const struct hint *h, char *text, size_t size)
{
	*text = 0;
	if (h->best)
		snprintf(text, size, ", did you mean '%s'?", h->best);
	return text;
}

void list_add_word(char *list, size_t size, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", *list ? ", " : "", word);
}

void hint_describe_unknown(const char *what, const char *word, const char *const *words, char *text, size_t size)
{
	char guess[2 * HINT_WORD_MAX], list[256] = "";
	struct hint hint;

	hint_init(&hint, word);
	for (; *words; words++) {
		hint_consider(&hint, *words);
		list_add_word(list, sizeof(list), *words);
	}
	hint_format(&hint, guess, sizeof(guess));
	snprintf(text, size, "unknown %s '%s'%s expected one of: %s", what, word, *guess ? guess : ",", list);
}
