/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stderr is replaced by a pipe while a test logs, and the journal by a function of ours
 * that stands in front of libsystemd's.
 */
#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/clock.h"
#include "t.h"

static char journal[8192]; /* the last record, a field per line */
static unsigned n_journal;
static int journal_result;

int sd_journal_sendv(const struct iovec *iov, int n)
{
	size_t used = 0;

	for (int i = 0; i < n; i++)
		used += (size_t)snprintf(journal + used, sizeof(journal) - used, "%.*s\n", (int)iov[i].iov_len,
					 (const char *)iov[i].iov_base);
	n_journal++;
	return journal_result;
}

static void test_levels(void)
{
	char names[256] = "";

	for (int i = LOG_EMERG; i <= LOG_DEBUG; i++) {
		T_EQ(log_level_from_string(log_level_to_string(i)), i);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
			 log_level_to_string(i));
	}
	T_STREQ(log_level_names(), names);
	T_EQ(log_level_from_string("warning"), LOG_WARNING);
	T_EQ(log_level_from_string("Warning"), -EINVAL);
	T_EQ(log_level_from_string(""), -EINVAL);
	T_ASSERT(!log_level_to_string(8));
	T_ASSERT(!log_level_to_string(-1));
}

static void test_stderr(void)
{
	struct log_fields fields = { .device = "nvme0", .space = "dma0" };

	t_capture_begin();
	log_info("two devices, %d%%", 50);
	log_with(LOG_WARNING, 0, &fields, "no PRI capability");
	T_EQ(log_error_errno(-ENOENT, "cannot open %s", "/dev/iommu"), -ENOENT);
	T_STREQ(t_capture_end(), "iopfd: two devices, 50%\n"
				 "iopfd: nvme0: no PRI capability\n"
				 "iopfd: cannot open /dev/iommu: No such file or directory\n");
}

static void test_one_record_is_one_line(void)
{
	t_capture_begin();
	log_info("a\nb\t\033[31mc\x7f");
	T_STREQ(t_capture_end(), "iopfd: a b  [31mc \n");
}

static void test_max_level(void)
{
	T_EQ(log_get_max_level(), LOG_INFO);
	t_capture_begin();
	log_debug("not said");
	log_set_max_level(LOG_ERR);
	log_warning("not said");
	T_EQ(log_warning_errno(-EBUSY, "not said"), -EBUSY);
	log_error("said");
	log_set_max_level(LOG_DEBUG);
	log_debug("said too");
	log_set_max_level(LOG_INFO);
	T_STREQ(t_capture_end(), "iopfd: said\niopfd: said too\n");
}

static void test_errno_survives(void)
{
	t_capture_begin();
	errno = EXDEV;
	log_error_errno(-EIO, "%m");
	T_EQ(errno, EXDEV);
	T_STREQ(t_capture_end(), "iopfd: Invalid cross-device link: Input/output error\n");
}

static void test_long_message_is_whole(void)
{
	static char text[4001];

	memset(text, 'x', sizeof(text) - 1);
	t_capture_begin();
	log_info("%s", text);
	T_EQ(strlen(t_capture_end()), strlen("iopfd: ") + 4000 + 1);
}

static struct log_record *kept[4];
static unsigned n_kept;
static bool full;

static int keep(void *userdata, struct log_record *record)
{
	T_ASSERT(userdata == &n_kept);
	if (full) {
		log_record_free(record);
		return -EAGAIN;
	}
	T_ASSERT(n_kept < 4);
	kept[n_kept++] = record;
	return 0;
}

static void test_forward(void)
{
	log_set_forward(keep, &n_kept);
	t_capture_begin();
	log_info("first");
	log_info("second");
	T_STREQ(t_capture_end(), "");
	T_EQ(n_kept, 2);

	t_capture_begin();
	log_write(kept[0]);
	log_record_free(kept[1]);
	T_STREQ(t_capture_end(), "iopfd: first\n");
	log_set_forward(NULL, NULL);
	n_kept = 0;

	t_capture_begin();
	log_info("myself");
	T_STREQ(t_capture_end(), "iopfd: myself\n");
}

static void test_dropped_are_told_once(void)
{
	log_set_forward(keep, &n_kept);
	full = true;
	T_EQ(log_error_errno(-EIO, "lost"), -EIO);
	log_info("lost");
	full = false;
	log_info("found");
	log_info("and again");
	log_set_forward(NULL, NULL);

	T_EQ(n_kept, 2);
	t_capture_begin();
	log_write(kept[0]);
	log_write(kept[1]);
	T_STREQ(t_capture_end(), "iopfd: found (2 log records lost before this one)\niopfd: and again\n");
	n_kept = 0;
}

static void set_journal_stream(const char *suffix)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju%s", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, suffix);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void test_auto_target(void)
{
	t_capture_begin();
	unsetenv("JOURNAL_STREAM");
	T_OK(log_open(LOG_TARGET_AUTO));
	log_info("no journal");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	T_OK(log_open(LOG_TARGET_AUTO));
	log_info("nonsense");
	setenv("JOURNAL_STREAM", "1:1", 1);
	T_OK(log_open(LOG_TARGET_AUTO));
	log_info("another stream");
	set_journal_stream("x");
	T_OK(log_open(LOG_TARGET_AUTO));
	log_info("trailing text");
	T_EQ(n_journal, 0);
	set_journal_stream("");
	T_OK(log_open(LOG_TARGET_AUTO));
	log_info("to the journal");
	T_EQ(n_journal, 1);
	T_STREQ(t_capture_end(), "iopfd: no journal\niopfd: nonsense\niopfd: another stream\niopfd: trailing text\n");
	unsetenv("JOURNAL_STREAM");
	T_EQ(log_open((enum log_target)77), -EINVAL);
}

#define HAS(field) T_ASSERT(strstr(journal, "\n" field "\n"))

/* The journal is the target since test_auto_target(). */
static void test_journal_fields(void)
{
	struct log_fields fields = {
		.message_id = "0123456789abcdef0123456789abcdef",
		.device = "nvme0",
		.space = "dma0",
		.region = "dma0/heap",
		.policy = "anon",
		.has_iova = true,
		.perm = 3,
		.has_pasid = true,
		.pasid = 5,
		.cookie = 77,
	};
	char line[64];

	snprintf(line, sizeof(line), "\nCODE_LINE=%d\n", __LINE__ + 1);
	T_EQ(log_with(LOG_WARNING, -ENOMEM, &fields, "cannot map"), -ENOMEM);
	T_ASSERT(strstr(journal, line));
	T_ASSERT(strncmp(journal, "MESSAGE=nvme0: cannot map: Cannot allocate memory\n", 50) == 0);
	HAS("PRIORITY=4");
	HAS("SYSLOG_IDENTIFIER=iopfd");
	HAS("CODE_FILE=tests/unit/test-log.c");
	HAS("CODE_FUNC=test_journal_fields");
	HAS("ERRNO=12");
	HAS("MESSAGE_ID=0123456789abcdef0123456789abcdef");
	HAS("IOPFD_DEVICE=nvme0");
	HAS("IOPFD_SPACE=dma0");
	HAS("IOPFD_REGION=dma0/heap");
	HAS("IOPFD_POLICY=anon");
	HAS("IOPFD_IOVA=0x0");
	HAS("IOPFD_PERM=0x3");
	HAS("IOPFD_PASID=5");
	HAS("IOPFD_COOKIE=77");

	log_info("nothing else");
	T_ASSERT(!strstr(journal, "IOPFD_"));
	T_ASSERT(!strstr(journal, "ERRNO="));
	T_ASSERT(!strstr(journal, "MESSAGE_ID="));
}

static void test_journal_refuses(void)
{
	journal_result = -ECONNREFUSED;
	t_capture_begin();
	log_info("still told");
	T_STREQ(t_capture_end(), "iopfd: still told\n");
	journal_result = 0;
}

static void test_explicit_targets(void)
{
	int r = log_open(LOG_TARGET_JOURNAL);

	T_EQ(r, access("/run/systemd/journal/socket", W_OK) < 0 ? -errno : 0);
	T_OK(log_open(LOG_TARGET_STDERR));
	t_capture_begin();
	log_info("here");
	T_STREQ(t_capture_end(), "iopfd: here\n");
}

static void test_ratelimit(void)
{
	struct log_ratelimit limit = LOG_RATELIMIT_INIT(NSEC_PER_SEC, 2);
	uint64_t t = 1000 * NSEC_PER_SEC;
	unsigned n = 77;

	T_ASSERT(log_ratelimit_pass(&limit, t, &n));
	T_EQ(n, 0);
	T_ASSERT(log_ratelimit_pass(&limit, t + 1, &n));
	for (int i = 0; i < 5; i++)
		T_ASSERT(!log_ratelimit_pass(&limit, t + NSEC_PER_SEC - 1, &n));
	T_ASSERT(log_ratelimit_pass(&limit, t + NSEC_PER_SEC, &n));
	T_EQ(n, 5);
	T_ASSERT(log_ratelimit_pass(&limit, t + NSEC_PER_SEC, &n));
	T_EQ(n, 0);
	T_ASSERT(!log_ratelimit_pass(&limit, t + NSEC_PER_SEC, &n));
}

int main(void)
{
	t_run(test_levels);
	t_run(test_stderr);
	t_run(test_one_record_is_one_line);
	t_run(test_max_level);
	t_run(test_errno_survives);
	t_run(test_long_message_is_whole);
	t_run(test_forward);
	t_run(test_dropped_are_told_once);
	t_run(test_auto_target);
	t_run(test_journal_fields);
	t_run(test_journal_refuses);
	t_run(test_explicit_targets);
	t_run(test_ratelimit);
	return 0;
}
