/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict reader in front of inih. A file is read whole; inih then pulls it line by line
 * through next_line(), which checks each one first and hands over an empty line in place of
 * what must not be parsed. So inih sees only lines that it takes as they are meant, and
 * r->line is the line that a key stands on.
 *
 * inih joins an indented line to the key before it, takes ':' for '=', leaves the section
 * unchanged after a header without ']', and hides sections without keys: all of this is
 * decided here. It refuses nothing that is a matter of meaning; that is config.c's.
 */
#include "config/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"

#define BLANKS " \t"
#define BOM "\xef\xbb\xbf"

struct reader {
	const char *next;
	const char *end;
	unsigned line;
	char section[READER_SECTION_MAX + 1];
	bool in_section;
	bool skipping;      /* below a header that made no sense */
	int error;          /* of an event handler */
	const struct reader_events *events;
	void *userdata;
};

static void tell(struct reader *r, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell(struct reader *r, const char *key, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r->error == 0)
		r->error = r->events->on_problem(r->userdata, r->line, r->section, key, text);
}

static bool is_comment(const char *line, size_t length)
{
	size_t blanks = 0;

	while (blanks < length && strchr(BLANKS, line[blanks]) && line[blanks])
		blanks++;
	return blanks == length || line[blanks] == ';' || line[blanks] == '#';
}

/* Length of the UTF-8 character at s, 0 if there is none. Names and addresses go out over
 * D-Bus, which closes the connection of who sends anything else. */
static size_t utf8_length(const unsigned char *s, size_t size)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool check_bytes(struct reader *r, const char *line, size_t length)
{
	const unsigned char *s = (const unsigned char *)line;
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = utf8_length(s + i, length - i);
		if (s[i] == 0)
			tell(r, "", "NUL byte in column %zu, expected text in UTF-8", i + 1);
		else if ((s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			tell(r, "", "control character 0x%02x in column %zu, expected text in UTF-8", s[i], i + 1);
		else if (n == 0)
			tell(r, "", "byte 0x%02x in column %zu is not UTF-8", s[i], i + 1);
		else
			continue;
		return false;
	}
	return true;
}

/* Where inih stops looking for one of the characters: at it, at a comment or at the end. */
static char *find_or_comment(char *s, const char *characters)
{
	bool after_blank = false;

	for (; *s && !strchr(characters, *s); s++) {
		if (after_blank && *s == ';')
			break;
		after_blank = strchr(BLANKS, *s);
	}
	return s;
}

static bool check_header(struct reader *r, char *line)
{
	char *end = find_or_comment(line + 1, "]");
	size_t length = (size_t)(end - line - 1);
	const char *rest;

	if (*end != ']') {
		tell(r, "", "section header without ']', expected [KIND NAME]");
		return false;
	}
	rest = end + 1 + strspn(end + 1, BLANKS);
	if (*rest && (*rest != ';' || rest == end + 1)) {
		tell(r, "", "'%s' after ']', expected the end of the line, or a blank and a ';' comment", rest);
		return false;
	}
	if (length > READER_SECTION_MAX) {
		tell(r, "", "section header of %zu characters, expected at most %d", length, READER_SECTION_MAX);
		return false;
	}
	if (line + 1 + strspn(line + 1, BLANKS) == end) {
		tell(r, "", "empty section header, expected [KIND NAME]");
		return false;
	}
	memcpy(r->section, line + 1, length);
	r->section[length] = 0;
	return true;
}

static bool check_key(struct reader *r, char *line)
{
	char *end = find_or_comment(line, "=:");
	char key[READER_LINE_MAX + 1];
	int length = (int)(end - line);

	while (length > 0 && strchr(BLANKS, line[length - 1]))
		length--;
	snprintf(key, sizeof(key), "%.*s", length, line);

	if (*end == ':')
		tell(r, key, "':' after the key, expected '='");
	else if (*end != '=')
		tell(r, "", "'%s' is neither KEY = VALUE nor a [SECTION]", key);
	else if (!length)
		tell(r, "", "nothing before '=', expected KEY = VALUE");
	else if (end[1] == ';')
		tell(r, key, "';' right after '=', expected a value, or a blank before a comment");
	else if (!r->in_section)
		tell(r, key, "key before the first section, expected a [SECTION] above it");
	else
		return true;
	return false;
}

/* True: the line is for inih. It is no comment, has no newline and ends in NUL. */
static bool check_line(struct reader *r, char *line)
{
	if (*line == '[')
		return check_header(r, line);
	if (strchr(BLANKS, *line)) {
		tell(r, "", "line begins with a blank, expected the key in the first column (no continuation lines)");
		return false;
	}
	return !r->skipping && check_key(r, line);
}

static void begin_section(struct reader *r, bool valid)
{
	r->in_section = true;
	r->skipping = !valid;
	if (r->error == 0)
		r->error = r->events->on_section(r->userdata, r->line, valid ? r->section : NULL);
}

/* The line without its ending; what belongs to the file and not to the line is cut off. */
static const char *take_line(struct reader *r, size_t *ret_length)
{
	const char *line = r->next, *newline = memchr(line, '\n', (size_t)(r->end - line));
	size_t length = (size_t)((newline ? newline : r->end) - line);

	r->next = newline ? newline + 1 : r->end;
	if (r->line++ == 0 && length >= strlen(BOM) && memcmp(line, BOM, strlen(BOM)) == 0) {
		line += strlen(BOM);
		length -= strlen(BOM);
	}
	if (length && line[length - 1] == '\r')
		length--;
	*ret_length = length;
	return line;
}

/* inih's idea of fgets(). An empty line stands for everything that is not for inih. */
static char *next_line(char *buffer, int size, void *userdata)
{
	size_t limit = MIN(READER_LINE_MAX, (size_t)size - 2);
	struct reader *r = userdata;
	bool header, valid;
	const char *line;
	size_t length;

	if (r->error < 0 || r->next == r->end)
		return NULL;
	line = take_line(r, &length);
	header = length && *line == '[';
	if (header)
		r->section[0] = 0;

	*buffer = 0;
	valid = check_bytes(r, line, length);
	if (valid && !is_comment(line, length)) {
		valid = length <= limit;
		if (valid) {
			memcpy(buffer, line, length);
			buffer[length] = 0;
			valid = check_line(r, buffer);
		} else {
			tell(r, "", "line of %zu bytes, expected at most %zu", length, limit);
		}
	}
	if (header)
		begin_section(r, valid);
	strcpy(valid ? buffer + strlen(buffer) : buffer, "\n");
	return buffer;
}

static int on_pair(void *userdata, const char *section, const char *key, const char *value)
{
	struct reader *r = userdata;

	(void)section;
	if (r->error == 0)
		r->error = r->events->on_key(r->userdata, r->line, key, value);
	return r->error == 0;
}

/* Returns 0, or -errno and why in words. */
static int load(const char *path, char **ret_text, size_t *ret_size, const char **ret_why)
{
	/* Not blocking: opening a FIFO must not wait for a writer. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*ret_why = strerror(errno);
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_why = S_ISDIR(st.st_mode) ? "is a directory, expected a regular file" :
						 "is a device, socket or pipe, expected a regular file";
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	text = malloc(READER_FILE_MAX + 1);
	if (!text) {
		*ret_why = strerror(ENOMEM);
		return -ENOMEM;
	}
	while ((n = read(fd, text + size, READER_FILE_MAX + 1 - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*ret_why = strerror(errno);
			return -errno;
		}
		size += (size_t)n;
	}
	if (size > READER_FILE_MAX) {
		*ret_why = "is too large, expected at most 1 MiB";
		return -EFBIG;
	}
	*ret_text = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

int reader_read_text(const char *text, size_t size, const struct reader_events *events, void *userdata)
{
	struct reader r = { .next = text, .end = text + size, .events = events, .userdata = userdata };
	int line = ini_parse_stream(next_line, &r, on_pair, &r);

	if (line > 0 && r.error == 0) {
		/* Another inih refuses what this one takes. */
		r.line = (unsigned)line;
		tell(&r, "", "inih does not understand this line");
	}
	return line < 0 ? -ENOMEM : r.error;
}

int reader_read(const char *path, const struct reader_events *events, void *userdata)
{
	_cleanup_free_ char *text = NULL;
	const char *why;
	size_t size = 0;
	int error;

	error = load(path, &text, &size, &why);
	if (error < 0) {
		int failed = events->on_problem(userdata, 0, "", "", why);

		return failed < 0 ? failed : error;
	}
	return reader_read_text(text, size, events, userdata);
}
