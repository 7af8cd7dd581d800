/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Method calls that take time: the sender waits, the owner of the service answers
 * (hooks.h). One sender may have few of them, so that he does not shut out the others.
 */
#pragma once

#include "control/service-internal.h"

/* What the reply of a call is, if it ends well. */
enum service_reply {
	SERVICE_REPLY_NOTHING,
	SERVICE_REPLY_BYTES,  /* t */
	SERVICE_REPLY_DEVICE, /* o */
};

/* For a hook, which answers it; the method's handler then returns 1. A negative errno and the
 * error: too many calls wait. */
int service_call_new(struct service *s, sd_bus_message *m, enum service_reply reply, struct service_call **ret,
		     sd_bus_error *ret_error);
