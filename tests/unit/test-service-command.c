/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that take time: what their owner is asked for, when the caller hears of it, and what
 * becomes of them when the caller, the bus or the service goes first.
 */
#include "control/service.h"

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

#define KIB 1024ull
#define MIB (1024 * KIB)

static const char *loop;

/* What came back, in order. */
static struct {
	char error[64]; /* empty: none */
	char message[128];
	uint64_t bytes;
} replies[T_MAX_COMMANDS];
static unsigned n_replies;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	unsigned n = n_replies++;

	(void)userdata;
	(void)ret_error;
	memset(&replies[n], 0, sizeof(replies[n]));
	if (error) {
		snprintf(replies[n].error, sizeof(replies[n].error), "%s", error->name);
		snprintf(replies[n].message, sizeof(replies[n].message), "%s", error->message);
	} else if (sd_bus_message_has_signature(m, "t")) {
		T_EQ(sd_bus_message_read(m, "t", &replies[n].bytes), 1);
	}
	return 0;
}

static void begin(void)
{
	t_service_begin(loop, t_bus_address());
	n_replies = 0;
}

static void flush(const char *path, const char *region)
{
	T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, path, T_SPACE, "Flush", on_reply, NULL, "s", region));
	T_OK(sd_bus_flush(t_client));
}

static void run(const char *path, const char *member, const char *region, uint64_t offset, uint64_t length)
{
	T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, path, T_SPACE, member, on_reply, NULL, "stt", region,
				      offset, length));
	T_OK(sd_bus_flush(t_client));
}

/* Until there are n replies in all. */
static void wait_for_replies(unsigned n)
{
	while (n_replies < n) {
		int r = sd_bus_process(t_client, NULL);

		T_OK(r);
		if (!r)
			T_ASSERT(sd_bus_wait(t_client, 10000000) > 0);
	}
	T_EQ(n_replies, n);
}

static void wait_for_commands(unsigned n)
{
	T_WAIT(atomic_load(&t_owner.n_commands) >= n);
	T_EQ(atomic_load(&t_owner.n_commands), n);
}

struct answer {
	unsigned i;
	int result;
	uint64_t bytes;
};

static void reply(void *arg)
{
	const struct answer *a = arg;

	service_call_reply(t_owner.commands[a->i].call, a->result, a->bytes);
}

static void answer(unsigned i, int result, uint64_t bytes)
{
	struct answer a = { i, result, bytes };

	t_service_do(reply, &a);
}

static void expect_command(unsigned i, size_t region, enum space_command command, uint64_t offset, uint64_t length)
{
	const struct t_command *c = &t_owner.commands[i];

	T_ASSERT(c->space == &t_dma0);
	T_EQ(c->region, region);
	T_EQ(c->command, command);
	T_EQ(c->offset, offset);
	T_EQ(c->length, length);
}

/* In whichever order they end; other calls are answered meanwhile. */
static void test_deferred(void)
{
	begin();
	run(T_DMA0, "Trim", "shards", 64 * KIB, 128 * KIB);
	wait_for_commands(1);
	run(T_DMA0, "Prefault", "heap", 0, 16 * MIB);
	wait_for_commands(2);
	flush(T_DMA0, "");
	wait_for_commands(3);
	flush(T_DMA0, "shards");
	wait_for_commands(4);
	expect_command(0, 1, SPACE_TRIM, 64 * KIB, 128 * KIB);
	expect_command(1, 0, SPACE_PREFAULT, 0, 16 * MIB);
	expect_command(2, SIZE_MAX, SPACE_FLUSH, 0, 0);
	expect_command(3, 1, SPACE_FLUSH, 0, 0);
	T_STREQ(t_get_string(T_DMA0, T_SPACE, "Name"), "dma0");
	T_EQ(n_replies, 0);

	answer(2, 0, 99);
	wait_for_replies(1);
	T_STREQ(replies[0].error, "");
	T_EQ(replies[0].bytes, 0);
	answer(1, 0, 4096);
	wait_for_replies(2);
	T_EQ(replies[1].bytes, 4096);
	answer(0, 0, 65536);
	wait_for_replies(3);
	T_EQ(replies[2].bytes, 65536);
	answer(3, -ENOSPC, 0);
	wait_for_replies(4);
	T_STREQ(replies[3].error, "System.Error.ENOSPC");
	T_ASSERT(strstr(replies[3].message, "Flush of " T_DMA0 ": No space left"));
	t_service_end();
}

static void test_failures(void)
{
	static const struct {
		int result;
		const char *error;
	} cases[] = {
		{ -ESTALE, "org.iopfd1.Error.SpaceClosed" },
		{ -ERANGE, "org.iopfd1.Error.InvalidRange" },
		{ -EOPNOTSUPP, "org.freedesktop.DBus.Error.NotSupported" },
		{ -EIO, "org.freedesktop.DBus.Error.IOError" },
		{ -ENOMEM, "org.freedesktop.DBus.Error.NoMemory" },
	};

	begin();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(T_DMA0, "Prefault", "heap", 0, 4096);
		wait_for_commands(i + 1);
		answer(i, cases[i].result, 7);
		wait_for_replies(i + 1);
		T_STREQ(replies[i].error, cases[i].error);
		T_ASSERT(*replies[i].message);
	}
	t_service_end();
}

/* All of it is refused before its owner hears of it. */
static void test_refused(void)
{
	static const struct {
		const char *region;
		uint64_t offset, length;
		const char *error;
	} cases[] = {
		{ "heap", 0, 0, "InvalidRange" },
		{ "heap", 0, 16 * MIB + 4096, "InvalidRange" },
		{ "heap", 4096, 16 * MIB, "InvalidRange" },
		{ "heap", 16 * MIB, 4096, "InvalidRange" },
		{ "heap", UINT64_MAX - 4095, 4096, "InvalidRange" },
		{ "heap", 4096, UINT64_MAX - 4095, "InvalidRange" },
		{ "heap", 4095, 4096, "InvalidRange" },
		{ "heap", 4096, 100, "InvalidRange" },
		{ "shards", 4096, 64 * KIB, "InvalidRange" },
		{ "nonesuch", 0, 4096, "NoSuchRegion" },
		{ "", 0, 4096, "NoSuchRegion" },
	};
	unsigned n = 0;

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(T_DMA0, i % 2 ? "Trim" : "Prefault", cases[i].region, cases[i].offset, cases[i].length);
		wait_for_replies(++n);
		T_ASSERT(!strncmp(replies[n - 1].error, SERVICE_NAME ".Error.", strlen(SERVICE_NAME ".Error.")));
		T_STREQ(replies[n - 1].error + strlen(SERVICE_NAME ".Error."), cases[i].error);
	}
	flush(T_DMA0, "nonesuch");
	wait_for_replies(++n);
	T_STREQ(replies[n - 1].error, "org.iopfd1.Error.NoSuchRegion");
	flush(T_DMA1, "");
	wait_for_replies(++n);
	T_STREQ(replies[n - 1].error, "org.iopfd1.Error.SpaceClosed");
	run(T_DMA1, "Trim", "image", 0, 4096);
	wait_for_replies(++n);
	T_STREQ(replies[n - 1].error, "org.iopfd1.Error.SpaceClosed");
	wait_for_commands(0);
	t_service_end();
}

/* The ninth call of one sender must wait for one of the others. */
static void test_limit(void)
{
	begin();
	for (unsigned i = 0; i < 9; i++) {
		flush(T_DMA0, "heap");
		if (i < 8)
			wait_for_commands(i + 1);
	}
	wait_for_replies(1);
	T_STREQ(replies[0].error, SD_BUS_ERROR_LIMITS_EXCEEDED);
	answer(5, 0, 0);
	wait_for_replies(2);
	flush(T_DMA0, "heap");
	wait_for_commands(9);
	for (unsigned i = 0; i < 9; i++)
		if (i != 5)
			answer(i, 0, 0);
	wait_for_replies(10);
	t_service_end();
}

/* Nobody waits for the answer any more, or nobody ever did. */
static void test_caller_gone(void)
{
	sd_bus_message *m;

	begin();
	flush(T_DMA0, "heap");
	wait_for_commands(1);
	t_client = sd_bus_flush_close_unref(t_client);
	answer(0, 0, 0);
	t_client = t_bus_client();

	T_OK(sd_bus_message_new_method_call(t_client, &m, SERVICE_NAME, T_DMA0, T_SPACE, "Flush"));
	T_OK(sd_bus_message_append(m, "s", ""));
	T_OK(sd_bus_message_set_expect_reply(m, 0));
	T_OK(sd_bus_send(t_client, m, NULL));
	sd_bus_message_unref(m);
	wait_for_commands(2);
	answer(1, -EIO, 0);
	t_service_end();
}

static void test_bus_gone(void)
{
	begin();
	flush(T_DMA0, "heap");
	wait_for_commands(1);
	t_client = sd_bus_close_unref(t_client);
	t_bus_stop();
	t_bus_start(T_BUS_OPEN_RULES);
	t_client = t_bus_client();
	T_WAIT(t_service_on_bus());
	/* Of the connection before this one. */
	answer(0, 0, 0);
	flush(T_DMA0, "heap");
	wait_for_commands(2);
	answer(1, 0, 0);
	wait_for_replies(1);
	T_STREQ(replies[0].error, "");
	t_service_end();
}

/* Who waits is told, and the call is still its owner's. */
static void test_service_gone(void)
{
	begin();
	run(T_DMA0, "Trim", "heap", 0, 4096);
	wait_for_commands(1);
	flush(T_DMA0, "");
	wait_for_commands(2);
	answer(1, 0, 0);
	t_service_stop();
	wait_for_replies(2);
	T_STREQ(replies[0].error, "");
	T_STREQ(replies[1].error, "org.iopfd1.Error.SpaceClosed");
	T_STREQ(replies[1].message, "The daemon stops.");
	service_call_reply(t_owner.commands[0].call, 0, 4096);
	T_WAIT(!t_service_on_bus());
	t_client = sd_bus_flush_close_unref(t_client);
}

/* The answer may come before the question has returned. */
static void test_at_once(void)
{
	t_owner.answers_at_once = true;
	begin();
	run(T_DMA0, "Trim", "heap", 4096, 8192);
	flush(T_DMA0, "heap");
	wait_for_replies(2);
	T_EQ(replies[0].bytes, 8192);
	T_STREQ(replies[1].error, "");
	t_service_end();
	t_owner.answers_at_once = false;
}

static void run_all(const char *name)
{
	printf("# loop: %s\n", name);
	loop = name;
	t_run(test_deferred);
	t_run(test_failures);
	t_run(test_refused);
	t_run(test_limit);
	t_run(test_caller_gone);
	t_run(test_bus_gone);
	t_run(test_service_gone);
	t_run(test_at_once);
}

int main(void)
{
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	return 0;
}
