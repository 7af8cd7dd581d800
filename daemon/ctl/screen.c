/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals only set flags and are open only while ppoll() waits, so that none is missed. Ctrl-Z
 * is switched off with the other keys of the line discipline but Ctrl-C: a stopped program
 * would leave the terminal raw.
 */
#include "ctl/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"

static volatile sig_atomic_t resized, ended;
static struct termios saved;
static bool entered, has_keys;

static void on_signal(int signal_number)
{
	if (signal_number == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

void screen_resize(struct screen *s)
{
	struct winsize size = { 0 };

	s->columns = 80;
	s->rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col && size.ws_row) {
		s->columns = size.ws_col;
		s->rows = size.ws_row;
	}
}

void screen_init(struct screen *s)
{
	*s = (struct screen){ 0 };
	/* Only this category: numbers stay as programs read them. */
	setlocale(LC_CTYPE, "");
	s->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen_resize(s);
}

int screen_enter(void)
{
	static const int signals[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaddset(&mask, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &mask, NULL);

	has_keys = tcgetattr(STDIN_FILENO, &saved) >= 0;
	if (has_keys) {
		raw = saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VSUSP] = _POSIX_VDISABLE;
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
			return -errno;
	}
	entered = true;
	fputs("\033[?1049h\033[?25l", stdout);
	fflush(stdout);
	return 0;
}

void screen_leave(void)
{
	if (!entered)
		return;
	entered = false;
	fputs("\033[0m\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

int screen_begin(struct screen *s)
{
	s->row = s->column = 0;
	s->out = open_memstream(&s->frame, &s->frame_size);
	if (!s->out)
		return -ENOMEM;
	fputs("\033[H", s->out);
	return 0;
}

/* Bytes of at most `columns` characters. */
static size_t cut(const char *text, size_t columns)
{
	size_t n = 0;

	for (; text[n] && columns; columns--)
		do
			n++;
		while ((text[n] & 0xc0) == 0x80);
	return n;
}

static void put(struct screen *s, const char *text)
{
	size_t n = cut(text, s->columns - s->column);

	if (s->row >= s->rows)
		return;
	fwrite(text, 1, n, s->out);
	s->column += (unsigned)MIN(table_width(text), s->columns - s->column);
}

void screen_put(struct screen *s, enum colour c, const char *format, ...)
{
	char text[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	/* What comes from the bus shall not move the cursor. */
	for (char *t = text; *t; t++)
		*t = (unsigned char)*t < ' ' || *t == 0x7f ? '?' : *t;
	if (s->row < s->rows)
		fputs(colour_begin(c), s->out);
	put(s, text);
	if (s->row < s->rows && c != COLOUR_NONE)
		fputs(colour_end(), s->out);
}

void screen_line(struct screen *s)
{
	if (s->row < s->rows) {
		/* In the last column the cursor still stands on the character. */
		if (s->column < s->columns)
			fputs("\033[K", s->out);
		if (s->row + 1 < s->rows)
			fputs("\r\n", s->out);
	}
	s->row++;
	s->column = 0;
}

void screen_reverse(struct screen *s, const char *text)
{
	if (s->row < s->rows)
		fputs("\033[7m", s->out);
	put(s, text);
	while (s->row < s->rows && s->column < s->columns)
		put(s, " ");
	if (s->row < s->rows)
		fputs("\033[0m", s->out);
	screen_line(s);
}

void screen_end(struct screen *s, FILE *out)
{
	/* Below the last line written; without one more line feed, which would scroll. */
	if (s->row < s->rows)
		fputs("\033[J", s->out);
	if (!fclose(s->out)) {
		fwrite(s->frame, 1, s->frame_size, out);
		fflush(out);
	}
	free(s->frame);
	s->out = NULL;
	s->frame = NULL;
}

/* What is behind an escape: a sequence, or nothing when it was the key. */
static int read_sequence(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char text[2];

	if (poll(&p, 1, 20) <= 0 || read(STDIN_FILENO, text, 2) != 2 || (text[0] != '[' && text[0] != 'O'))
		return SCREEN_ESCAPE;
	switch (text[1]) {
	case 'A':
		return SCREEN_UP;
	case 'B':
		return SCREEN_DOWN;
	case 'C':
		return SCREEN_RIGHT;
	case 'D':
		return SCREEN_LEFT;
	default:
		return SCREEN_LETTER;
	}
}

static int read_key(void)
{
	unsigned char c;

	if (read(STDIN_FILENO, &c, 1) != 1)
		return SCREEN_END;
	if (c == '\033')
		return read_sequence();
	return c == '\r' || c == '\n' ? SCREEN_ENTER : SCREEN_LETTER + c;
}

int screen_key(uint64_t until_ns)
{
	struct pollfd p = { .fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	uint64_t now = clock_now_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = { (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	sigset_t none;
	int r;

	sigemptyset(&none);
	r = ppoll(&p, 1, &timeout, &none);
	if (ended)
		return SCREEN_END;
	if (resized) {
		resized = 0;
		return SCREEN_RESIZE;
	}
	if (r < 0)
		return errno == EINTR ? SCREEN_LETTER : SCREEN_END;
	return r ? read_key() : SCREEN_NONE;
}
