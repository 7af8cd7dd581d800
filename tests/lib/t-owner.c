/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-owner.h"

#include <sys/mman.h>

#include "config/diagnostic.h"
#include "t.h"

struct t_owner t_owner;

static void on_name_taken(void *userdata)
{
	(void)userdata;
	atomic_fetch_add(&t_owner.n_name_taken, 1);
}

static void add_command(const struct t_command *c)
{
	unsigned n = atomic_load(&t_owner.n_commands);

	T_ASSERT(n < T_MAX_COMMANDS);
	t_owner.commands[n] = *c;
	/* Before the answer: then the client looks. */
	atomic_store(&t_owner.n_commands, n + 1);
	if (t_owner.answers_at_once && c->hook == T_HOOK_ATTACH)
		service_call_reply_device(c->call, t_owner.attached);
	else if (t_owner.answers_at_once)
		service_call_reply(c->call, 0, c->length);
}

static void on_space_command(void *userdata, struct space_entry *e, size_t region, enum space_command command,
			     uint64_t offset, uint64_t length, struct service_call *call)
{
	(void)userdata;
	add_command(&(struct t_command){ .hook = T_HOOK_SPACE, .call = call, .space = e, .region = region,
					 .command = command, .offset = offset, .length = length });
}

static void on_device_command(void *userdata, struct device_entry *e, enum device_command command, uint64_t usec,
			      struct service_call *call)
{
	(void)userdata;
	add_command(&(struct t_command){ .hook = T_HOOK_DEVICE, .call = call, .device = e, .command = command,
					.usec = usec });
}

static void on_pasid(void *userdata, struct device_entry *e, uint32_t pasid, struct space_entry *space,
		     struct service_call *call)
{
	(void)userdata;
	add_command(&(struct t_command){ .hook = T_HOOK_PASID, .call = call, .device = e, .pasid = pasid,
					.space = space });
}

static void on_attach(void *userdata, const struct attach_request *request, struct service_call *call)
{
	struct t_command c = { .hook = T_HOOK_ATTACH, .call = call };
	const char *line = request->text ? strstr(request->text, "\nfd = ") : NULL;

	(void)userdata;
	snprintf(c.name, sizeof(c.name), "%s", request->name);
	snprintf(c.text, sizeof(c.text), "%s", request->text ? request->text : "(none)");
	/* Both are open now, whatever becomes of them later. */
	if (request->device_fd >= 0)
		T_EQ(fstat(request->device_fd, &c.device_fd), 0);
	if (line)
		T_EQ(fstat(atoi(line + strlen("\nfd = ")), &c.memory_fd), 0);
	add_command(&c);
}

static void on_reload(void *userdata, struct service_call *call)
{
	(void)userdata;
	add_command(&(struct t_command){ .hook = T_HOOK_RELOAD, .call = call });
}

static int on_plan(void *userdata, char **ret_plan, char **ret_why)
{
	(void)userdata;
	atomic_fetch_add(&t_owner.n_asked, 1);
	if (t_owner.why) {
		*ret_why = strdup(t_owner.why);
		return -EINVAL;
	}
	*ret_plan = strdup(t_owner.plan ? t_owner.plan : "");
	return 0;
}

static int on_check(void *userdata, struct config_diagnostics *ret)
{
	const struct diagnostic_place places[] = {
		{ "/etc/iopfd/iopfd.conf", 3, "device nvme0", "space" },
		{ "/etc/iopfd/iopfd.conf", 0, "", "" },
		{ "/etc/iopfd/iopfd.conf", 9, "space x", "" },
	};

	(void)userdata;
	atomic_fetch_add(&t_owner.n_asked, 1);
	T_OK(diagnostics_add(ret, CONFIG_ERROR, &places[0], "there is no space '%s'", "x%s"));
	T_OK(diagnostics_add(ret, CONFIG_WARNING, &places[1], "empty"));
	T_OK(diagnostics_add(ret, CONFIG_ERROR, &places[2], "no regions"));
	return 0;
}

static int on_trace(void *userdata, const struct device_entry *device, const struct space_entry *space,
		    bool invalid_only, int *ret_fd)
{
	struct t_owner *o = &t_owner;

	(void)userdata;
	o->trace_device = device;
	o->trace_space = space;
	o->trace_invalid_only = invalid_only;
	atomic_fetch_add(&o->n_asked, 1);
	if (o->trace_error)
		return o->trace_error;
	*ret_fd = memfd_create("trace", MFD_CLOEXEC);
	return 0;
}

static void on_dump(void *userdata, FILE *out)
{
	(void)userdata;
	atomic_fetch_add(&t_owner.n_asked, 1);
	for (int i = 0; i < 10000; i++)
		fprintf(out, "line %d\n", i);
}

const struct service_hooks t_owner_hooks = {
	.on_name_taken = on_name_taken,
	.on_space_command = on_space_command,
	.on_device_command = on_device_command,
	.on_pasid = on_pasid,
	.on_attach = on_attach,
	.on_reload = on_reload,
	.on_plan = on_plan,
	.on_check = on_check,
	.on_trace = on_trace,
	.on_dump = on_dump,
};
