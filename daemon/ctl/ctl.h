/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iopfctl: what its files share. A verb is a function of its own in verb-*.c or probe*.c;
 * main.c reads the options that all verbs have, finds the verb and runs it. It links
 * libsystemd and nothing of the daemon.
 */
#pragma once

#include <stdbool.h>

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILURE = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,  /* the daemon */
	CTL_DENIED = 4,
	CTL_NO_DEVICE = 5,
	CTL_NOT_SUPPORTED = 6, /* by the kernel */
};

enum ctl_json {
	CTL_JSON_OFF,
	CTL_JSON_SHORT,
	CTL_JSON_PRETTY,
};

/* Options that were given before or after the verb. */
struct ctl_options {
	enum ctl_json json;
	const char *host; /* -H; NULL: this machine */
	const char *bus;  /* --bus=, as of the daemon; NULL: the system's */
	const char *root; /* --root=: in front of /sys, /proc, /boot and /dev, for probe; NULL: none */
	bool no_pager;
	bool colour;      /* stdout is a terminal and NO_COLOR is not set */
};

extern struct ctl_options ctl_options;

/* argv[0] is the verb; getopt's state is fresh. Returns one of enum ctl_exit. */
struct ctl_verb {
	const char *name;
	const char *args;    /* for help: "DEVICE [SECONDS]" */
	const char *summary; /* for help: one line */
	int (*run)(int argc, char **argv);
	bool pages;          /* its output may be long and goes through the pager */
};

int verb_status(int argc, char **argv);
int verb_version(int argc, char **argv);
int verb_log_level(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_stats(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_metrics(int argc, char **argv);
int verb_attach(int argc, char **argv);
int verb_detach(int argc, char **argv);
int verb_drain(int argc, char **argv);
int verb_pause(int argc, char **argv);
int verb_resume(int argc, char **argv);
int verb_attach_pasid(int argc, char **argv);
int verb_detach_pasid(int argc, char **argv);
int verb_prefault(int argc, char **argv);
int verb_trim(int argc, char **argv);
int verb_flush(int argc, char **argv);
int verb_reload(int argc, char **argv);
int verb_plan(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_probe(int argc, char **argv);
int verb_bind(int argc, char **argv);
int verb_unbind(int argc, char **argv);
