/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may call the methods that hand something out: root, our own user, and processes that
 * have the group iopfd. The bus knows the sender's credentials; it is asked without waiting,
 * so that a slow bus stops nothing, and an answer that does not come is a no. The groups
 * are those the process has (as for files), so that no user database is asked here either.
 * The question is asked on every bus: sd-bus itself checks nobody on a user's bus.
 */
#include "control/service-members.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define GROUP "iopfd"

/* A flood of calls of one sender must not shut out the others. */
#define MAX_QUESTIONS 64
#define MAX_QUESTIONS_PER_SENDER 8

struct service_question {
	TAILQ_ENTRY(service_question) link;
	struct service *service;
	sd_bus_message *message;
	sd_bus_slot *slot; /* of the question */
	service_method_fn fn;
};

static struct service_question *question_free(struct service_question *q)
{
	TAILQ_REMOVE(&q->service->admin.questions, q, link);
	sd_bus_slot_unref(q->slot);
	sd_bus_message_unref(q->message);
	free(q);
	return NULL;
}
DEFINE_CLEANUP(struct service_question, question_free)

void service_admin_init(struct service *s)
{
	const struct group *group = getgrnam(GROUP);

	TAILQ_INIT(&s->admin.questions);
	if (!group)
		return;
	s->admin.has_group = true;
	s->admin.group = group->gr_gid;
}

void service_admin_reset(struct service *s)
{
	struct service_admin *a = &s->admin;

	while (!TAILQ_EMPTY(&a->questions))
		question_free(TAILQ_FIRST(&a->questions));
	memset(a->verdicts, 0, sizeof(a->verdicts));
}

static const struct service_verdict *find_verdict(const struct service_admin *a, const char *sender)
{
	for (size_t i = 0; i < SERVICE_N_VERDICTS; i++)
		if (!strcmp(a->verdicts[i].sender, sender))
			return &a->verdicts[i];
	return NULL;
}

static void remember(struct service_admin *a, const char *sender, bool allowed)
{
	struct service_verdict *v = &a->verdicts[a->next_verdict];

	if (strlen(sender) >= sizeof(v->sender) || find_verdict(a, sender))
		return;
	strcpy(v->sender, sender);
	v->allowed = allowed;
	a->next_verdict = (a->next_verdict + 1) % SERVICE_N_VERDICTS;
}

static int run_if(bool allowed, struct service *s, sd_bus_message *m, service_method_fn fn, sd_bus_error *ret_error)
{
	if (allowed)
		return fn(s, m, ret_error);
	return sd_bus_error_setf(ret_error, SD_BUS_ERROR_ACCESS_DENIED,
				 "%s is for root, the daemon's user and the group " GROUP " only.",
				 sd_bus_message_get_member(m));
}

static bool uid_allowed(uint32_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* The value of one entry, of which m stands at the variant. 1 = it allows, 0 = it does not. */
static int check_credential(const struct service_admin *a, sd_bus_message *m, const char *key)
{
	const uint32_t *gids;
	uint32_t uid;
	size_t size;
	int r;

	if (!strcmp(key, "UnixUserID")) {
		r = sd_bus_message_read(m, "v", "u", &uid);
		return r < 0 ? r : uid_allowed(uid);
	}
	if (strcmp(key, "UnixGroupIDs") || !a->has_group)
		return sd_bus_message_skip(m, "v") < 0 ? -EBADMSG : 0;
	r = sd_bus_message_enter_container(m, 'v', "au");
	if (r >= 0)
		r = sd_bus_message_read_array(m, 'u', (const void **)&gids, &size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < size / sizeof(*gids); i++)
		if (gids[i] == a->group)
			return 1;
	return sd_bus_message_exit_container(m) < 0 ? -EBADMSG : 0;
}

/* The bus's answer, a{sv}. Anything that is not understood is a no. */
static bool credentials_allow(const struct service_admin *a, sd_bus_message *m)
{
	const char *key;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return false;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		int r = sd_bus_message_read(m, "s", &key);

		if (r >= 0)
			r = check_credential(a, m, key);
		if (r)
			return r > 0;
		if (sd_bus_message_exit_container(m) < 0)
			return false;
	}
	return false;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *ret_error SERVICE_UNUSED)
{
	_cleanup_(question_freep) struct service_question *q = userdata;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct service *s = q->service;
	bool allowed = credentials_allow(&s->admin, m);
	int r;

	/* A bus that gave no answer may give one to the next call. */
	if (!sd_bus_message_is_method_error(m, NULL))
		remember(&s->admin, sd_bus_message_get_sender(q->message), allowed);
	r = run_if(allowed, s, q->message, q->fn, &error);
	if (r < 0)
		sd_bus_reply_method_errno(q->message, r, &error);
	return 0;
}

static bool too_many_questions(const struct service_admin *a, const char *sender)
{
	const struct service_question *q;
	unsigned n = 0, n_of_sender = 0;

	TAILQ_FOREACH(q, &a->questions, link) {
		n++;
		n_of_sender += !strcmp(sd_bus_message_get_sender(q->message), sender);
	}
	return n >= MAX_QUESTIONS || n_of_sender >= MAX_QUESTIONS_PER_SENDER;
}

static int ask(struct service *s, sd_bus_message *m, const char *sender, service_method_fn fn)
{
	_cleanup_(question_freep) struct service_question *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->service = s;
	q->message = sd_bus_message_ref(m);
	q->fn = fn;
	TAILQ_INSERT_TAIL(&s->admin.questions, q, link);
	r = sd_bus_call_method_async(s->bus, &q->slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "GetConnectionCredentials", on_credentials, q, "s",
				     sender);
	if (r < 0)
		return r;
	(void)TAKE_PTR(q); /* on_credentials() frees it */
	return 1;
}

int service_admin_run(struct service *s, sd_bus_message *m, service_method_fn fn, sd_bus_error *ret_error)
{
	const char *sender = sd_bus_message_get_sender(m);
	const struct service_verdict *v;

	if (!sender || !*sender)
		return run_if(false, s, m, fn, ret_error);
	v = find_verdict(&s->admin, sender);
	if (v)
		return run_if(v->allowed, s, m, fn, ret_error);
	if (too_many_questions(&s->admin, sender))
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "Too many calls wait for the bus to say who sent them.");
	return ask(s, m, sender, fn);
}
