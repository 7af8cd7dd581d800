/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fuzz target without a fuzzer: files given as arguments; else every file of the corpus
 * of broken files and a few good ones, then the same with some of their bytes changed, the
 * same way each time.
 */
#include "t.h"

#include <glob.h>

#include "../fuzz/fuzz-config.c"

#define ITERATIONS 20000
#define SIZE_MAX_INPUT 2048
#define N_INPUTS_MAX 512

struct input {
	uint8_t data[SIZE_MAX_INPUT];
	size_t size;
};

static struct input inputs[N_INPUTS_MAX];
static size_t n_inputs;

#define DAEMON "[daemon]\nevent-loop = auto\nworkers = 2\n"
#define REGION "[region a/r]\niova = 0x100000000\nlength = 1G\ngranule = 2M\naccess = r\n"
#define REGIONS "[region s/1]\niova=0\nlength=64K\non-fault=deny\n[region s/2]\niova=64K\nlength=64K\npolicy=anon\n"
#define PASIDS "[device d]\naddress = 0000:3d:00.0 ; c\nspace = s\npasid = 5:t\npasid = 6:t\n[space s]\n[space t]\n"
#define POLICIES "[daemon]\nplugin-dir = /opt/policies\nmemory-budget = 4G\ndeadline = 500ms\n[space a]\nbudget = 9%\n" \
	"[region a/f]\niova=0\nlength=1M\npath=/x\npolicy=file\nwrite-back=30s\n" \
	"[region a/h]\niova=2M\nlength=2M\ngranule=2M\npolicy=hugepage\npage-size=2M\npinned=yes\n" \
	"[region a/p]\niova=8M\nlength=1M\npolicy=pattern\nseed=5\nmerge=128K\nfault-around=2M\npopulate-ahead=4M\n"

static const char *const good[] = { DAEMON, REGION "[device a]\naddress = sim\n", PASIDS REGIONS, POLICIES };

static void add_file(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f || n_inputs == N_INPUTS_MAX)
		t_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	inputs[n_inputs].size = fread(inputs[n_inputs].data, 1, SIZE_MAX_INPUT, f);
	n_inputs++;
	fclose(f);
}

static void gather_inputs(void)
{
	glob_t g;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++, n_inputs++) {
		inputs[n_inputs].size = strlen(good[i]);
		memcpy(inputs[n_inputs].data, good[i], strlen(good[i]));
	}
	T_EQ(glob("tests/unit/config-bad/*.conf", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		add_file(g.gl_pathv[i]);
	globfree(&g);
}

static uint32_t random_below(uint32_t limit)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % limit;
}

/* Puts bytes in place of others, as far as there is room. */
static void splice(struct input *in, size_t at, size_t remove, const void *data, size_t size)
{
	if (in->size - remove + size > SIZE_MAX_INPUT)
		return;
	memmove(in->data + at + size, in->data + at + remove, in->size - at - remove);
	memcpy(in->data + at, data, size);
	in->size = in->size - remove + size;
}

static void mutate(struct input *in)
{
	static const char *const tokens[] = {
		"[", "]", "=", ":", " ;", ";", "#", "\n", "\r\n", "\t", "\xef\xbb\xbf", "\xff", "0x", "0", "K", "T", "-", "/",
		"\n[device x]\naddress = sim\n", "\n[space a]\n", "\npasid = 5:a\n", "\nspace =\n", "%", "\npath =\n", "\npolicy = file\n", "\npolicy = pattern\n", "99999999999999999999",
	};
	const struct input *other = &inputs[random_below((uint32_t)n_inputs)];
	size_t at = random_below((uint32_t)in->size + 1), left = in->size - at;
	const char *token = tokens[random_below(sizeof(tokens) / sizeof(tokens[0]))];
	uint8_t byte = (uint8_t)random_below(256);

	switch (random_below(5)) {
	case 0:
		splice(in, at, left > 0, &byte, 1);
		break;
	case 1:
		splice(in, at, random_below((uint32_t)MIN(left, 16) + 1), "", 0);
		break;
	case 2:
		splice(in, at, 0, token, strlen(token));
		break;
	case 3:
		splice(in, at, left, other->data, other->size);
		break;
	case 4:
		for (int i = 0; i < 6; i++)
			splice(in, at, 0, in->data + at, MIN(left, 40));
		break;
	}
}

static void mutations(void)
{
	static struct input in;

	for (int i = 0; i < ITERATIONS; i++) {
		in = inputs[random_below((uint32_t)n_inputs)];
		for (uint32_t n = random_below(4); n > 0; n--)
			mutate(&in);
		LLVMFuzzerTestOneInput(in.data, in.size);
	}
}

static void corpus(void)
{
	for (size_t i = 0; i < n_inputs; i++)
		LLVMFuzzerTestOneInput(inputs[i].data, inputs[i].size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		add_file(argv[i]);
	if (argc == 1)
		gather_inputs();
	t_run(corpus);
	if (argc == 1)
		t_run(mutations);
	return 0;
}
