/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are attached because somebody on the bus says so.
 */
#pragma once

#include "managed.h"

/* As the service_hooks on_attach. */
void managed_attach(void *manager, const struct attach_request *request, struct service_call *call);

/* Frees a transient device that is not attached, and its spaces if nobody else uses them; answers
 * d->reply, if there is one, when all of that is closed. */
void managed_attach_forget(struct managed_device *d);
