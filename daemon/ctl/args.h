/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments of verbs, read and complained about in one way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"

/* An option of one verb alone: sets a flag, or a text if it takes one. */
struct args_option {
	const char *name; /* "--names" */
	char letter;      /* or 0 */
	bool *flag;
	const char **value;
	enum ctl_exit (*each)(void *userdata, const char *value); /* instead, if it may come more than once */
	void *userdata;
};

/* Takes the options out of argv, then checks the number of arguments, of which argv[1] is the
 * first. options ends with name NULL; NULL = none. max -1: no limit. */
enum ctl_exit args_read(int *argc, char **argv, const struct args_option *options, int min, int max);

/* Numbers: what is wrong was told. */
enum ctl_exit args_size(const char *verb, const char *text, uint64_t *ret);
enum ctl_exit args_usec(const char *verb, const char *text, uint64_t *ret);
enum ctl_exit args_number(const char *verb, const char *text, uint64_t max, uint64_t *ret);
