/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The corpus of broken files: each one is refused with exactly the errors it announces,
 * "# expect: LINE: TEXT" in its first lines or "LINE: TEXT" in a file .expect beside it
 * where line 1 matters. TEXT is a part of the diagnostic after the place.
 */
#include "t.h"

#include <dirent.h>

#include "config-hooks.h"

#define CORPUS "tests/unit/config-bad"
#define MIN_FILES 150
#define MIN_MESSAGES 80

struct expectation {
	unsigned line;
	char text[256];
	bool met;
};

/* Reads the next announcement; false at the end of them. */
static bool next_expectation(FILE *f, bool sidecar, struct expectation *e)
{
	*e = (struct expectation){ 0 };
	return fscanf(f, sidecar ? "%u: %255[^\n]\n" : "# expect: %u: %255[^\n]\n", &e->line, e->text) == 2;
}

static size_t read_expectations(const char *file, struct expectation *ret, size_t size)
{
	char beside[512];
	bool sidecar;
	size_t n = 0;
	FILE *f;

	snprintf(beside, sizeof(beside), "%.*s.expect", (int)(strlen(file) - strlen(".conf")), file);
	f = fopen(beside, "r");
	sidecar = f;
	if (!f)
		f = fopen(file, "r");
	T_ASSERT(f);
	while (n < size && next_expectation(f, sidecar, &ret[n]))
		n++;
	fclose(f);
	return n;
}

static bool meets(const struct config_diagnostic *d, const char *file, struct expectation *e, size_t n)
{
	char text[1024], place[512];

	config_diagnostic_format(d, text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		snprintf(place, sizeof(place), "%s:%u: ", file, e[i].line);
		if (!e[i].met && strncmp(text, place, strlen(place)) == 0 && strstr(text + strlen(place), e[i].text)) {
			e[i].met = true;
			return true;
		}
	}
	return false;
}

static char *messages[1024];
static size_t n_messages;

/* Numbers, quoted words and the file's own name do not make a message another one. */
static void remember(const char *message, const char *file)
{
	char text[1024], *out = text;

	for (const char *s = message; *s; s++) {
		if (strncmp(s, file, strlen(file)) == 0) {
			s += strlen(file) - 1;
			*out++ = 'F';
		} else if (*s == '\'' && strchr(s + 1, '\'')) {
			s = strchr(s + 1, '\'');
			*out++ = 'Q';
		} else if (*s >= '0' && *s <= '9') {
			s += strspn(s, "0123456789abcdefx") - 1;
			*out++ = 'N';
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
	for (size_t i = 0; i < n_messages; i++)
		if (strcmp(messages[i], text) == 0)
			return;
	T_ASSERT(n_messages < 1024);
	messages[n_messages++] = strdup(text);
}

static void check_file(const char *file)
{
	const struct config_source source = { .file = file, .strict = true };
	struct expectation expected[16];
	size_t n = read_expectations(file, expected, 16);
	struct config_diagnostics d;
	struct config *c = NULL;
	char text[1024];
	int r;

	if (n == 0)
		t_fail(__FILE__, __LINE__, "%s announces nothing", file);
	r = config_load(&source, &t_config_hooks, &c, &d);
	if (r != -EINVAL || c)
		t_fail(__FILE__, __LINE__, "%s passes: %d", file, r);
	for (size_t i = 0; i < d.n_items; i++) {
		if (d.items[i].severity != CONFIG_ERROR)
			continue;
		remember(d.items[i].message, file);
		config_diagnostic_format(&d.items[i], text, sizeof(text));
		if (!meets(&d.items[i], file, expected, n))
			t_fail(__FILE__, __LINE__, "not announced: %s", text);
	}
	for (size_t i = 0; i < n; i++)
		if (!expected[i].met)
			t_fail(__FILE__, __LINE__, "%s: missing: %u: %s", file, expected[i].line, expected[i].text);
	config_diagnostics_free(&d);
}

static int is_conf(const struct dirent *e)
{
	size_t length = strlen(e->d_name);

	return length > 5 && strcmp(e->d_name + length - 5, ".conf") == 0;
}

static void corpus_is_refused(void)
{
	struct dirent **entries;
	int n_files = scandir(CORPUS, &entries, is_conf, alphasort);

	if (n_files < 0)
		t_fail(__FILE__, __LINE__, "%s: %s (run from the top folder)", CORPUS, strerror(errno));
	for (int i = 0; i < n_files; i++) {
		char file[300];

		snprintf(file, sizeof(file), "%s/%s", CORPUS, entries[i]->d_name);
		check_file(file);
		free(entries[i]);
	}
	free(entries);
	printf("%d files, %zu different messages\n", n_files, n_messages);
	T_ASSERT(n_files >= MIN_FILES);
	T_ASSERT(n_messages >= MIN_MESSAGES);
}

int main(void)
{
	t_run(corpus_is_refused);
	for (size_t i = 0; i < n_messages; i++)
		free(messages[i]);
	return 0;
}
