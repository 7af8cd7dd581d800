/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parsers that the table of keys names. Strings are not copied: the value must outlive
 * the field. -EINVAL with why filled, else 0; `key` is for the message.
 */
#pragma once

#include "config/key.h"

#define PARSER(name)                                                                                           \
	int name(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,      \
		 struct key_problem *why)

PARSER(parse_event_loop);        /* const char * */
PARSER(parse_workers);           /* uint32_t, 0 = auto */
PARSER(parse_budget);            /* struct config_budget */
PARSER(parse_cpus);              /* const char *, NULL = any */
PARSER(parse_spin);              /* int64_t, ns or CONFIG_SPIN_AUTO */
PARSER(parse_device_spin);       /* likewise, or SPIN_DEFAULT */
PARSER(parse_time);              /* uint64_t, ns */
PARSER(parse_folder);            /* const char * */
PARSER(parse_numa_node);         /* int32_t, -1 = none */
PARSER(parse_size);              /* uint64_t */
PARSER(parse_length);            /* uint64_t */
PARSER(parse_policy);            /* const char * */
PARSER(parse_granule);           /* uint64_t */
PARSER(parse_extent);            /* uint64_t, 0 or a power of two */
PARSER(parse_on_fault);          /* uint32_t, enum config_on_fault */
PARSER(parse_access);            /* uint32_t, CONFIG_ACCESS_* */
PARSER(parse_address);           /* const char * */
PARSER(parse_space);             /* const char * */
PARSER(parse_pasid);             /* none: the value stays an entry */
PARSER(parse_bool);              /* bool */
