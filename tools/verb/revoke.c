#include "common/base/clock.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/certificate_output.h"
#include "tools/certificate_selector.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/verb/revoke_as.h"

#include <stdio.h>
#include <string.h>

static const struct option revoke_options[] = {
	{"reason", 'r', false, "REASON", take_text, offsetof(struct revoke_settings, reason_name),
	 "why, by its name in RFC 5280: keyCompromise, superseded, ...", "unspecified"},
	{"dry-run", 'n', false, NULL, take_switch, offsetof(struct revoke_settings, dry_run),
	 "say what would be revoked, and revoke nothing", NULL},
	{"all", 0, false, NULL, take_switch, offsetof(struct revoke_settings, all),
	 "of a member that has several live certificates, all of them", NULL},
	{"client", 0, false, "CLIENT", take_text, offsetof(struct revoke_settings, client),
	 "what is live of this client's; it may still enroll", NULL},
	{"subject", 0, false, "PATTERN", take_text, offsetof(struct revoke_settings, subject),
	 "what is live and has such a subject: *, ? and []", NULL},
	{"issued-before", 0, false, "TIME", take_instant,
	 offsetof(struct revoke_settings, issued_before),
	 "what is live and was issued before: RFC 3339, or seconds since 1970", NULL},
	{"as", 0, false, "CLIENT", take_text, offsetof(struct revoke_settings, as),
	 "ask the CA, as this client, for certificates of its own", NULL},
	{"all-members", 0, false, NULL, take_switch, offsetof(struct revoke_settings, all_members),
	 "with --as: the certificates of all members", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct revoke_settings, ca),
	 "with --as: where the CA serves, when not as in the manifest", NULL},
	CA_KEY_OPTIONS(struct revoke_settings, key),
	{0},
};

/* What is to be revoked, and what was. */
struct plan {
	struct buffer serials;
	char client[NAME_SIZE]; /* a whole one; "": none */
	struct certificate_query query;
	struct buffer told; /* of struct revoked_certificate */
	struct revocation_summary summary;
};

static void clear_plan(struct plan *plan)
{
	clear_buffer(&plan->serials);
	clear_buffer(&plan->told);
}

static void append_new_serial(struct buffer *serials, const uint8_t serial[static SERIAL_MAX])
{
	for (size_t at = 0; at < serials->len; at += SERIAL_MAX)
		if (memcmp(serials->data + at, serial, SERIAL_MAX) == 0)
			return;
	append_bytes(serials, (struct bytes){serial, SERIAL_MAX});
}

static int add_target(const struct ca_operator *ca, const struct certificate_selector *target,
		      bool all, struct plan *plan, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer found = {0};

	if (target->kind != SELECTOR_CLIENT) {
		if (resolve_selector(ca->store, target, all ? CHOOSE_ALL : CHOOSE_LIVE, ca->now_s,
				     &found, fault) < 0)
			return -1;
		for (size_t at = 0; at < found.len; at += SERIAL_MAX)
			append_new_serial(&plan->serials, found.data + at);
		return check_buffer(&plan->serials, fault);
	}
	if (plan->client[0] != '\0' && strcmp(plan->client, target->client) != 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected one whole client at a time, found %s and %s",
				 plan->client, target->client);
	memcpy(plan->client, target->client, NAME_SIZE);
	return 0;
}

static int make_plan(const struct command *command, const struct revoke_settings *given,
		     const struct ca_operator *ca, struct plan *plan, struct fault *fault)
{
	const struct selector_rules rules = operator_rules(ca->store);

	plan->query = (struct certificate_query){
		.client = given->client,
		.subject = given->subject,
		.issued_before_s = given->issued_before.given ? given->issued_before.time_s : 0,
	};
	for (size_t i = 0; i < command->operand_count; i++) {
		struct certificate_selector target;

		if (parse_selector(command->operands[i], &rules, &target, fault) < 0 ||
		    add_target(ca, &target, given->all, plan, fault) < 0)
			return -1;
	}
	return 0;
}

static int keep_told(void *context, const struct revoked_certificate *revoked, struct fault *fault)
{
	struct plan *plan = context;

	append_bytes(&plan->told,
		     (struct bytes){(const uint8_t *)(const void *)revoked, sizeof(*revoked)});
	return check_buffer(&plan->told, fault);
}

/* A query that finds nothing live: there may be nothing left to do, or nothing at all. */
static int check_found(const struct command *command, const struct ca_operator *ca,
		       const struct plan *plan, struct fault *fault)
{
	size_t count;

	if (plan->summary.revoked > 0)
		return 0;
	if (count_certificates(ca->store, &plan->query, &count, fault) < 0)
		return -1;
	if (count == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "no certificate is like that");
	print_note(command,
		   "nothing to revoke: the %zu certificates that are like that are "
		   "revoked or expired",
		   count);
	return 0;
}

static int carry_out(const struct command *command, const struct revoke_settings *given, int reason,
		     const struct ca_operator *ca, struct plan *plan, struct fault *fault)
{
	const bool queried = command->operand_count == 0;
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])(void *)plan->serials.data,
		.serial_count = plan->serials.len / SERIAL_MAX,
		.query = queried ? &plan->query : NULL,
		.client = plan->client[0] != '\0' ? plan->client : NULL,
		.by = CA_NAME,
		.reason = reason,
		.now_s = ca->now_s,
		.dry_run = given->dry_run,
	};

	if (revoke_certificates(ca->store, &revocation, keep_told, plan, &plan->summary, fault) < 0)
		return -1;
	return queried ? check_found(command, ca, plan, fault) : 0;
}

static int print_plan(const struct command *command, const struct plan *plan, bool dry_run,
		      struct fault *fault)
{
	const struct revoked_certificate *told = (const void *)plan->told.data;

	for (size_t i = 0; i < plan->told.len / sizeof(*told); i++)
		if (print_revoked(command, &told[i], dry_run, fault) < 0)
			return -1;
	if (plan->client[0] == '\0' || command->json)
		return 0;
	if (!plan->summary.client_barred)
		print_line("%s: was revoked before", plan->client);
	else
		print_line("%s: %s", plan->client,
			   dry_run ? "could not enroll any more" : "cannot enroll any more");
	return 0;
}

/* What was revoked stands, whether or not there is a CRL that says so. */
static int publish(const struct command *command, const struct revoke_settings *given,
		   struct ca_operator *ca, const struct plan *plan, struct fault *fault)
{
	struct crl_info crl = {0};
	struct fault found = {0};
	int published = publish_ca_crl(ca, &given->key, CRL_WHEN_DUE, &crl, &found);

	if (print_revocation_summary(command, &plan->summary, plan->client, crl.number, fault) < 0)
		return -1;
	if (published == 0)
		return 0;
	return set_fault(fault, FAULT_FAILED,
			 "what was revoked stays so, but the CRL could not be made: %s: mend that "
			 "and run certpool crl",
			 found.text);
}

static int revoke_here(const struct command *command, const struct revoke_settings *given,
		       int reason, struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_plan) struct plan plan = {0};

	if (open_operator(command, &ca, fault) < 0 ||
	    make_plan(command, given, &ca, &plan, fault) < 0 ||
	    carry_out(command, given, reason, &ca, &plan, fault) < 0 ||
	    print_plan(command, &plan, given->dry_run, fault) < 0)
		return -1;
	if (given->dry_run)
		return print_revocation_summary(command, &plan.summary, plan.client, 0, fault);
	return publish(command, given, &ca, &plan, fault);
}

static int check_settings(const struct command *command, const struct revoke_settings *given,
			  struct fault *fault)
{
	bool queried =
		given->client != NULL || given->subject != NULL || given->issued_before.given;

	if (given->as == NULL && given->all_members)
		return set_fault(fault, FAULT_USAGE, "--all-members: expected --as CLIENT with it");
	if (given->as != NULL && queried)
		return set_fault(fault, FAULT_USAGE,
				 "--as: expected members, serials or files, found a query of the "
				 "CA's record");
	queried |= given->all_members;
	if (queried == (command->operand_count > 0))
		return set_fault(fault, FAULT_USAGE,
				 queried ? "expected what to revoke or a query for it, found both"
					 : "expected what to revoke: a serial, a certificate file, "
					   "CLIENT/N, a client, or a query (--client, --subject, "
					   "--issued-before)");
	return 0;
}

static int run_revoke(const struct command *command, const void *settings, struct fault *fault)
{
	const struct revoke_settings *given = settings;
	int reason;

	if (parse_crl_reason(given->reason_name, &reason, fault) < 0 ||
	    check_settings(command, given, fault) < 0)
		return -1;
	if (given->as != NULL)
		return revoke_as_client(command, given, reason, fault);
	return revoke_here(command, given, reason, fault);
}

const struct verb revoke_verb = {
	.name = "revoke",
	.operands = "[WHAT...]",
	.summary = "revoke certificates, or a client",
	.details =
		"On the CA. WHAT is a serial (40 hexadecimal digits, with colons or without; "
		"never\n"
		"decimal), a certificate file (./FILE), a member (client1/7), or a client, which\n"
		"loses all its certificates and may not enroll any more. Without WHAT: what the\n"
		"query finds. All is revoked or nothing; then the CRL is made anew. What is\n"
		"revoked stays so.\n",
	.options = revoke_options,
	.settings_size = sizeof(struct revoke_settings),
	.most = (size_t)-1,
	.run = run_revoke,
};
