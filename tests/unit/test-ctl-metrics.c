/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters as OpenMetrics: escapes, buckets that add up, no family without samples. That the
 * whole is well-formed is for tests/lib/openmetrics.py, which has to find mistakes, too.
 */
#include "ctl/metrics.h"

#include <sys/wait.h>

#include "t-variant.h"
#include "t.h"

static char *text;

static const char *metrics_of(const struct t_daemon *d)
{
	struct snapshot s = t_snapshot(d);
	size_t size;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	T_ASSERT(out);
	metrics_write(&s, out);
	T_EQ(fclose(out), 0);
	snapshot_deinit(&s);
	return text;
}

static const struct t_daemon example = {
	.device = "nvme0", .space = "dma0", .usec = 1000000, .faults = 11, .invalid = 1,
	.buckets = { { 1023, 4 }, { 2047, 3 }, { 1500000, 2 }, { UINT64_C(40000000000), 1 } },
};

static void has_line(const char *line)
{
	char pattern[256];

	snprintf(pattern, sizeof(pattern), "\n%s\n", line);
	if (!strstr(text, pattern))
		t_fail(__FILE__, __LINE__, "no line %s in\n%s", line, text);
}

static void test_numbers(void)
{
	metrics_of(&example);
	has_line("iopfd_faults_total{device=\"nvme0\",access=\"read\"} 5");
	has_line("iopfd_faults_total{device=\"nvme0\",access=\"write\"} 6");
	has_line("iopfd_responses_total{device=\"nvme0\",code=\"invalid\"} 1");
	has_line("iopfd_pending_faults{device=\"nvme0\"} 3");
	has_line("iopfd_mapped_bytes{space=\"dma0\"} 65536");
	has_line("iopfd_locked_bytes 65536");
	has_line("iopfd_locked_bytes_limit +Inf");
	has_line("iopfd_build_info{version=\"0.1\\\"\\\\\\n\",backend=\"libevent\"} 1");
	/* What this daemon does not have. */
	T_ASSERT(!strstr(text, "ConfigSerial") && !strstr(text, "iopfd_config_serial"));
	T_ASSERT(!strstr(text, "stale"));
}

static void test_histogram(void)
{
	metrics_of(&example);
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"1.024e-06\"} 4");
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"2.048e-06\"} 7");
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"0.001048576\"} 7");
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"0.002097152\"} 9");
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"17.179869184\"} 9");
	has_line("iopfd_fault_service_seconds_bucket{device=\"nvme0\",le=\"+Inf\"} 10");
	has_line("iopfd_fault_service_seconds_count{device=\"nvme0\"} 10");
	has_line("iopfd_fault_service_seconds_sum{device=\"nvme0\"} 1.500000000");
}

/* The exit status of the checker. */
static int check(const char *metrics)
{
	FILE *checker = popen("tests/lib/openmetrics.py > /dev/null", "w");
	int status;

	T_ASSERT(checker);
	fputs(metrics, checker);
	status = pclose(checker);
	T_ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_form(void)
{
	T_EQ(check(metrics_of(&example)), 0);
	T_EQ(check(metrics_of(&(struct t_daemon){ .device = "a", .space = "b" })), 0);
}

static void test_checker(void)
{
	static const char *const wrong[] = {
		"",
		"# HELP a x\n# TYPE a gauge\na 1\n",                             /* no end */
		"a 1\n# EOF\n",                                                   /* no metadata */
		"# HELP a x\n# TYPE a counter\na 1\n# EOF\n",                     /* no _total */
		"# HELP a x\n# TYPE a gauge\na 1\na 2\n# EOF\n",                  /* twice */
		"# HELP a x\n# TYPE a gauge\n# TYPE a gauge\na 1\n# EOF\n",
		"# HELP a x\n# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n# EOF\n",
		"# HELP a x\n# TYPE a gauge\na{b=\"1\"\"} 1\n# EOF\n",            /* not escaped */
		"# HELP a x\n# TYPE a gauge\na x\n# EOF\n",
		"# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\n# HELP a x\n# EOF\n", /* in two pieces */
		"# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n# EOF\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_count 1\na_sum 1\n# EOF\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_count 1\na_sum 1\n# EOF\n",
		"# HELP a x\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n# EOF\n",
		"# HELP a x\n# TYPE a gauge\na 1\n# EOF\n# EOF\n",
	};

	T_EQ(check("# HELP a x\n# TYPE a gauge\na{b=\"\\\\ \\\" \\n\"} 1e-06\na{b=\"\"} +Inf\n# EOF\n"), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!check(wrong[i]))
			t_fail(__FILE__, __LINE__, "accepted:\n%s", wrong[i]);
}

int main(void)
{
	if (system("python3 -c ''") != 0)
		t_skip("no python3");
	t_run(test_numbers);
	t_run(test_histogram);
	t_run(test_form);
	t_run(test_checker);
	free(text);
	return 0;
}
