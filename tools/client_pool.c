#include "tools/client_pool.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tools/node.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

/* "member 3", "members 3 to 7", or how many there are between the lowest and the highest. */
static void describe_members(const struct refusal_listener *listener, char *ret_text, size_t size)
{
	size_t span = listener->last - listener->first + 1;

	if (listener->count == 1)
		(void)snprintf(ret_text, size, "member %zu", listener->first);
	else if (listener->count == span)
		(void)snprintf(ret_text, size, "members %zu to %zu", listener->first,
			       listener->last);
	else
		(void)snprintf(ret_text, size, "%zu members from %zu to %zu", listener->count,
			       listener->first, listener->last);
}

void end_refusals(struct refusal_listener *listener)
{
	char members[96];

	if (listener->count == 0)
		return;
	describe_members(listener, members, sizeof(members));
	print_complaint(listener->command, "%s: %s: refused (%s): %s", listener->client, members,
			listener->refusal.type, listener->refusal.detail);
	listener->count = 0;
}

static bool same_refusal(const struct refusal *a, const struct refusal *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->detail, b->detail) == 0;
}

void tell_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct refusal_listener *listener = context;

	if (listener->count > 0 && !same_refusal(&listener->refusal, refusal))
		end_refusals(listener);
	if (listener->count == 0) {
		listener->refusal = *refusal;
		listener->first = member;
		listener->last = member;
	}
	listener->count++;
	if (member < listener->first)
		listener->first = member;
	if (member > listener->last)
		listener->last = member;
}

int make_client_pool(const struct command *command, const struct layout *layout,
		     const struct client_node *client, struct pool_made *ret_made,
		     struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct bar bar;
	struct progress progress;
	char label[96];

	(void)snprintf(label, sizeof(label), "%s: requests", client->name);
	progress = start_bar(&bar, command, label);
	if (lock_or_wait(command, layout, &lock, fault) < 0)
		return -1;
	return make_pool(layout, client, &progress, ret_made, fault);
}

/* What became of the pool, as a fault if not all of it is certified. */
int check_enrolled(const char *client, const struct enrolled *enrolled, struct fault *fault)
{
	size_t certified = enrolled->present + enrolled->saved;

	if (enrolled->refused == 0)
		return 0;
	return set_fault(fault, certified > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: %zu of %zu requests were refused, for the reasons above; the other "
			 "%zu members have their certificates",
			 client, enrolled->refused, certified + enrolled->refused, certified);
}

int enroll_client(const struct command *command, const struct layout *layout,
		  const struct client_node *client, const struct endpoint *ca,
		  struct enrolled *ret_enrolled, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(end_refusals)
	struct refusal_listener listener = {.command = command, .client = client->name};
	struct bar bar;
	struct enrollment enrollment = {
		.layout = layout,
		.client = client,
		.ca = *ca,
		.refused = tell_refusal,
		.refused_context = &listener,
	};
	char label[96];

	(void)snprintf(label, sizeof(label), "%s: certificates", client->name);
	enrollment.progress = start_bar(&bar, command, label);
	if (lock_or_wait(command, layout, &lock, fault) < 0 ||
	    enroll_pool(&enrollment, ret_enrolled, fault) < 0)
		return -1;
	return check_enrolled(client->name, ret_enrolled, fault);
}

/* One renew_client. */
struct renewing {
	struct refusal_listener listener;
	bool over_quota;
};

static void note_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct renewing *renewing = context;

	tell_refusal(&renewing->listener, member, refusal);
	renewing->over_quota |= strcmp(refusal->type, "quota") == 0;
}

static void end_renewing(struct renewing *renewing)
{
	end_refusals(&renewing->listener);
	if (renewing->over_quota)
		print_note(renewing->listener.command,
			   "%s: a renewal needs room in the client's policy: the certificate that "
			   "it replaces counts until it ends; raise the policy's number of "
			   "certificates at the CA",
			   renewing->listener.client);
}

int check_renewed(const char *client, const struct renewed *renewed, struct fault *fault)
{
	if (renewed->refused == 0)
		return 0;
	return set_fault(fault, renewed->renewed > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: %zu of %zu renewals were refused, for the reasons above; these "
			 "members keep the certificates that they have",
			 client, renewed->refused, renewed->renewed + renewed->refused);
}

int renew_client(const struct command *command, const struct renewal *wanted,
		 struct renewed *ret_renewed, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	const char *name = wanted->enrollment.client->name;
	CLEANUP(end_renewing)
	struct renewing renewing = {.listener = {.command = command, .client = name}};
	struct renewal renewal = *wanted;
	struct bar keys;
	struct bar certificates;
	char label[96];

	renewal.enrollment.refused = note_refusal;
	renewal.enrollment.refused_context = &renewing;
	(void)snprintf(label, sizeof(label), "%s: new requests", name);
	renewal.making = start_bar(&keys, command, label);
	(void)snprintf(label, sizeof(label), "%s: new certificates", name);
	renewal.enrollment.progress = start_bar(&certificates, command, label);
	if (lock_or_wait(command, renewal.enrollment.layout, &lock, fault) < 0)
		return -1;
	return renew_pool(&renewal, read_clock(), ret_renewed, fault);
}
