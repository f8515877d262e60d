/* Makes, enrolls and renews a client's pool under its layout's lock, and prints refusals. */
#include "tools/client_pool.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tools/bar.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_SIZE = 96 };

void learn_client(const struct node *node, const struct endpoint *ca, struct learned *ret_learned,
		  struct fault *ret_failure)
{
	const struct learning learning = {.layout = node->layout,
					  .client = node->client,
					  .ca = *ca,
					  .crl_url = node->manifest->ca.crl_url};

	*ret_learned = (struct learned){0};
	*ret_failure = (struct fault){0};
	if (learn_revocations(&learning, read_clock(), ret_learned, ret_failure) == 0)
		*ret_failure = (struct fault){0};
}

void print_learned(const struct command *command, const char *client, const struct learned *learned,
		   const struct fault *failure)
{
	if (failure->class == FAULT_NOT_FOUND)
		print_note(command,
			   "%s: it is not known which certificates are revoked: the CA is too old "
			   "to be asked, and no CRL says it: give the manifest its ca.crl.url: %s",
			   client, failure->text);
	else if (failure->class != FAULT_NONE)
		print_note(command, "%s: it is not known which certificates are revoked: %s",
			   client, failure->text);
	if (learned->revoked > 0)
		print_note(command,
			   "%s: %zu certificates are revoked, and are not used any more: certpool "
			   "keep %s replaces them",
			   client, learned->revoked, client);
	if (learned->unknown > 0)
		print_note(command,
			   "%s: the CA's record has no %zu of the certificates, of serial %s for "
			   "example",
			   client, learned->unknown, learned->unknown_serial);
}

int make_client_pool(const struct command *command, const struct layout *layout,
		     const struct client_node *client, struct make_summary *ret_made,
		     struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(end_bar) struct bar bar = {0};
	struct progress progress;
	char label[LABEL_SIZE];

	(void)snprintf(label, sizeof(label), "%s: requests", client->name);
	progress = start_bar(&bar, command, label, "made: run it again to go on");
	if (lock_or_wait(command, layout, &lock, fault) < 0)
		return -1;
	return make_pool(layout, client, &progress, ret_made, fault);
}

void print_cut_short(const struct command *command, const char *client,
		     const struct cut_short *cut_short)
{
	char end[TIME_TEXT_SIZE];

	format_time(cut_short->end_s, end);
	if (cut_short->count > 0)
		print_note(command,
			   "%s: %zu of the certificates end at %s together with the certificate of "
			   "the CA, which cuts them short: its operator sees to that with certpool "
			   "status",
			   client, cut_short->count, end);
}

int check_enrolled(const char *client, const struct enroll_summary *enrolled, struct fault *fault)
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
		  struct enroll_summary *ret_enrolled, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(end_refusals)
	struct refusal_printer printer = {.command = command, .client = client->name};
	struct enrollment enrollment = {
		.layout = layout,
		.client = client,
		.ca = *ca,
		.refused = print_refusal,
		.refused_context = &printer,
	};
	CLEANUP(end_bar) struct bar bar = {0};
	char label[LABEL_SIZE];

	(void)snprintf(label, sizeof(label), "%s: certificates", client->name);
	enrollment.progress = start_bar(&bar, command, label, "saved: run it again to go on");
	if (lock_or_wait(command, layout, &lock, fault) < 0 ||
	    enroll_pool(&enrollment, ret_enrolled, fault) < 0)
		return -1;
	print_cut_short(command, client->name, &ret_enrolled->cut_short);
	return check_enrolled(client->name, ret_enrolled, fault);
}

/* Prints the refusals of a renewal, and advice after them if the client's quota was the reason. */
struct renewal_refusals {
	struct refusal_printer printer;
	bool over_quota;
};

/* The refusal_function of a renewal. */
static void note_renewal_refusal(void *context, size_t member, const struct refusal *refusal)
{
	struct renewal_refusals *refusals = context;

	print_refusal(&refusals->printer, member, refusal);
	refusals->over_quota |= strcmp(refusal->type, "quota") == 0;
}

static void end_renewal_refusals(struct renewal_refusals *refusals)
{
	end_refusals(&refusals->printer);
	if (refusals->over_quota)
		print_note(refusals->printer.command,
			   "%s: a renewal needs room in the client's policy: the certificate that "
			   "it replaces counts until it ends; raise the policy's number of "
			   "certificates at the CA",
			   refusals->printer.client);
}

int check_renewed(const char *client, const struct renewal_summary *renewed, struct fault *fault)
{
	if (renewed->refused == 0)
		return 0;
	return set_fault(fault, renewed->renewed > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: %zu of %zu renewals were refused, for the reasons above; these "
			 "members keep the certificates that they have",
			 client, renewed->refused, renewed->renewed + renewed->refused);
}

int renew_client(const struct command *command, const struct renewal *renewal,
		 struct renewal_summary *ret_renewed, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	const char *name = renewal->enrollment.client->name;
	CLEANUP(end_renewal_refusals)
	struct renewal_refusals refusals = {.printer = {.command = command, .client = name}};
	struct renewal visible = *renewal;
	CLEANUP(end_bar) struct bar bar = {0};
	char label[LABEL_SIZE];

	visible.enrollment.refused = note_renewal_refusal;
	visible.enrollment.refused_context = &refusals;
	(void)snprintf(label, sizeof(label), "%s: new requests", name);
	visible.making = start_bar(&bar, command, label, "made: run it again to go on");
	(void)snprintf(label, sizeof(label), "%s: new certificates", name);
	visible.enrollment.progress =
		start_bar(&bar, command, label, "saved: run it again to go on");
	if (lock_or_wait(command, visible.enrollment.layout, &lock, fault) < 0)
		return -1;
	if (renew_pool(&visible, read_clock(), ret_renewed, fault) < 0)
		return -1;
	print_cut_short(command, name, &ret_renewed->cut_short);
	return 0;
}
