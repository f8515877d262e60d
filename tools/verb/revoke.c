/*
 * revoke: marks certificates, or a whole client, as revoked in the CA's record, all or none, and
 * then makes the CRL. A whole client, what a query matches beyond one certificate, and a CA's own
 * certificate are revoked with --yes alone. When the CRL cannot be made the revocation stays, and
 * the exit status says so. With --as the command runs on a client's host (revoke_as.c).
 */
#include "common/ca/issue/issuing_key.h"
#include "common/ca/issue/recover_certificate.h"
#include "common/ca/store/barred.h"
#include "common/ca/store/clients.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/certificate_output.h"
#include "tools/certificate_selector.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/pool/revoke_as.h"
#include "tools/verb/revoke_issuer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many certificates are shown to somebody who is asked for --yes. */
enum { PLAN_SHOWN = 10 };

struct revoke_settings {
	const char *reason_name;
	bool dry_run;
	bool yes;
	bool all;
	bool unrecorded;
	const char *crl;
	const char *client;
	const char *subject;
	struct instant issued_before;
	struct revoke_as_settings as;
	struct ca_key_settings key;
};

static const struct option revoke_options[] = {
	{"reason", 'r', false, "REASON", take_text, offsetof(struct revoke_settings, reason_name),
	 "the reason, by its name in RFC 5280: keyCompromise, superseded, ...", "unspecified"},
	{"dry-run", 'n', false, NULL, take_switch, offsetof(struct revoke_settings, dry_run),
	 "print what would be revoked, and revoke nothing", NULL},
	{"yes", 0, true, NULL, take_switch, offsetof(struct revoke_settings, yes),
	 "do it: for a client, and for more than one certificate by a query", NULL},
	{"all", 0, false, NULL, take_switch, offsetof(struct revoke_settings, all),
	 "all live certificates of a member that has several", NULL},
	{"unrecorded", 0, true, NULL, take_switch, offsetof(struct revoke_settings, unrecorded),
	 "also serials that the record lacks, after it was restored from an older backup", NULL},
	{"crl", 0, true, "FILE", take_text, offsetof(struct revoke_settings, crl),
	 "all that this file lists, a CRL of the CA or those of crl --chain, also what the record "
	 "lacks",
	 NULL},
	{"client", 0, false, "CLIENT", take_text, offsetof(struct revoke_settings, client),
	 "the live certificates of this client, which may still enroll", NULL},
	{"subject", 0, false, "PATTERN", take_text, offsetof(struct revoke_settings, subject),
	 "the live certificates whose subject matches: *, ? and []", NULL},
	{"issued-before", 0, false, "TIME", take_instant,
	 offsetof(struct revoke_settings, issued_before),
	 "the live certificates issued before: RFC 3339, or seconds since 1970", NULL},
	{"as", 0, false, "CLIENT", take_text, offsetof(struct revoke_settings, as.client),
	 "ask the CA, as this client, to revoke certificates of its own", NULL},
	{"all-members", 0, false, NULL, take_switch,
	 offsetof(struct revoke_settings, as.all_members),
	 "with --as: the certificates of all members", NULL},
	{"ca", 0, false, "ENDPOINT", take_endpoint, offsetof(struct revoke_settings, as.ca),
	 "with --as: the CA's endpoint, instead of the manifest's", NULL},
	CA_KEY_OPTIONS(struct revoke_settings, key),
	{0},
};

/* What is to be revoked, and what was revoked then. */
struct revocation_plan {
	struct issuer_set issuers;            /* empty: not read */
	struct buffer serials;                /* named by the operands */
	struct issued_certificate *recovered; /* likewise, and the record lacks them */
	size_t recovered_count;
	char client[NAME_SIZE];         /* to be revoked as a whole; "": none */
	bool queried;                   /* without operands */
	struct certificate_query query; /* used then */
	struct buffer revoked;          /* of struct revoked_certificate */
	struct revocation_summary summary;
};

static void clear_plan(struct revocation_plan *plan)
{
	clear_issuer_set(&plan->issuers);
	clear_buffer(&plan->serials);
	for (size_t i = 0; i < plan->recovered_count; i++)
		clear_issued_certificate(&plan->recovered[i]);
	free(plan->recovered);
	clear_buffer(&plan->revoked);
}

static int read_plan_issuers(const struct ca_operator *ca, struct revocation_plan *plan,
			     struct fault *fault)
{
	return newest_issuer(&plan->issuers) != NULL ? 0 : read_issuers(ca, &plan->issuers, fault);
}

/* The latest end of a certificate that the record lacks. */
static int64_t last_issuer_end(const struct issuer_set *issuers)
{
	int64_t end_s = 0;

	for (unsigned int number = 1; number <= count_issuers(issuers); number++) {
		int64_t each_s =
			certificate_not_after(issuer_certificate(get_issuer(issuers, number)));

		if (each_s > end_s)
			end_s = each_s;
	}
	return end_s;
}

/* A certificate that the CA issued, and that its record lacks. */
static int add_recovered(const struct ca_operator *ca, const struct certificate *certificate,
			 struct revocation_plan *plan, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct issued_certificate *grown;

	if (read_plan_issuers(ca, plan, fault) < 0 ||
	    recover_certificate(&plan->issuers, certificate, &record, fault) < 0)
		return -1;
	for (size_t i = 0; i < plan->recovered_count; i++)
		if (memcmp(plan->recovered[i].serial, record.serial, SERIAL_MAX) == 0)
			return 0;
	grown = reallocarray(plan->recovered, plan->recovered_count + 1, sizeof(*grown));
	if (grown == NULL)
		return set_memory_fault(fault);
	plan->recovered = grown;
	MOVE(&grown[plan->recovered_count++], record);
	return 0;
}

/* A certificate named twice is revoked once. */
static void append_new_serial(struct buffer *serials, const uint8_t serial[static SERIAL_MAX])
{
	for (size_t at = 0; at < serials->len; at += SERIAL_MAX)
		if (memcmp(serials->data + at, serial, SERIAL_MAX) == 0)
			return;
	append_bytes(serials, (struct bytes){serial, SERIAL_MAX});
}

static int add_certificates(const struct ca_operator *ca,
			    const struct certificate_selector *selector, bool all,
			    struct revocation_plan *plan, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer serials = {0};
	CLEANUP(free_certificate) struct certificate *unrecorded = NULL;
	int result = selector->kind == SELECTOR_FILE
			     ? find_by_file(ca->store, selector->text, &serials, &unrecorded, fault)
			     : resolve_selector(ca->store, selector, all ? CHOOSE_ALL : CHOOSE_LIVE,
						ca->now_s, &serials, fault);

	if (result < 0)
		return -1;
	if (unrecorded != NULL && add_recovered(ca, unrecorded, plan, fault) < 0)
		return prefix_fault(fault, "%s", selector->text);
	for (size_t at = 0; at < serials.len; at += SERIAL_MAX)
		append_new_serial(&plan->serials, serials.data + at);
	return check_buffer(&plan->serials, fault);
}

/* A client is revoked as a whole, in the same transaction; so there can be one at most. */
static int add_selected(const struct ca_operator *ca, const struct certificate_selector *selector,
			bool all, struct revocation_plan *plan, struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {0};
	bool found;

	if (selector->kind != SELECTOR_CLIENT)
		return add_certificates(ca, selector, all, plan, fault);
	if (read_client(ca->store, selector->client, &client, &found, fault) < 0)
		return -1;
	if (!found)
		return refuse_absent_client(ca->store, selector->client, fault);
	if (plan->client[0] != '\0' && strcmp(plan->client, selector->client) != 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected one whole client at a time, found %s and %s",
				 plan->client, selector->client);
	memcpy(plan->client, selector->client, NAME_SIZE);
	return 0;
}

static int make_plan(const struct command *command, const struct revoke_settings *given,
		     const struct ca_operator *ca, struct revocation_plan *plan,
		     struct fault *fault)
{
	const struct selector_rules rules = operator_rules(ca->store);

	plan->queried = command->operand_count == 0;
	plan->query = (struct certificate_query){
		.client = given->client,
		.subject = given->subject,
		.issued_before_s = given->issued_before.given ? given->issued_before.time_s : 0,
	};
	for (size_t i = 0; i < command->operand_count; i++) {
		struct certificate_selector selector;

		if (parse_selector(command->operands[i], &rules, &selector, fault) < 0 ||
		    add_selected(ca, &selector, given->all, plan, fault) < 0)
			return -1;
	}
	return given->unrecorded ? read_plan_issuers(ca, plan, fault) : 0;
}

/* A revoked_function. Nothing is printed before the transaction has ended. */
static int collect_revoked(void *context, const struct revoked_certificate *revoked,
			   struct fault *fault)
{
	struct revocation_plan *plan = context;

	append_bytes(&plan->revoked,
		     (struct bytes){(const uint8_t *)(const void *)revoked, sizeof(*revoked)});
	return check_buffer(&plan->revoked, fault);
}

/* A query that matches no live certificate succeeds if it matches others: nothing is left to do. */
static int check_query_result(const struct command *command, const struct ca_operator *ca,
			      const struct revocation_plan *plan, struct fault *fault)
{
	size_t count;

	if (plan->summary.revoked > 0)
		return 0;
	if (count_certificates(ca->store, &plan->query, &count, fault) < 0)
		return -1;
	if (count == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "no certificate matches");
	print_note(
		command, "nothing to revoke: %s revoked or expired",
		counted(count, "certificate matches, and is", "certificates match, and are").text);
	return 0;
}

static int revoke_planned(const struct command *command, const struct revoke_settings *given,
			  int reason, bool dry_run, const struct ca_operator *ca,
			  struct revocation_plan *plan, struct fault *fault)
{
	const struct revocation revocation = {
		.serials = (const uint8_t(*)[SERIAL_MAX])(void *)plan->serials.data,
		.serial_count = plan->serials.len / SERIAL_MAX,
		.recovered = plan->recovered,
		.recovered_count = plan->recovered_count,
		.unrecorded_until_s = given->unrecorded ? last_issuer_end(&plan->issuers) : 0,
		.query = plan->queried ? &plan->query : NULL,
		.client = plan->client[0] != '\0' ? plan->client : NULL,
		.by = CA_NAME,
		.reason = reason,
		.now_s = ca->now_s,
		.rounding = ca->manifest->ca.rounding,
		.dry_run = dry_run,
	};

	if (revoke_certificates(ca->store, &revocation, collect_revoked, plan, &plan->summary,
				fault) < 0)
		return -1;
	return plan->queried ? check_query_result(command, ca, plan, fault) : 0;
}

/* Of a dry run that asks for --yes, the first certificates are enough for a person. */
static int print_plan(const struct command *command, const struct revocation_plan *plan,
		      bool dry_run, size_t most, struct fault *fault)
{
	const struct revoked_certificate *revoked = (const void *)plan->revoked.data;
	size_t count = plan->revoked.len / sizeof(*revoked);

	for (size_t i = 0; i < count && (i < most || command->json); i++)
		if (print_revoked(command, &revoked[i], dry_run, fault) < 0)
			return -1;
	if (count > most && !command->json)
		print_line("and %zu more", count - most);
	if (plan->client[0] == '\0' || command->json)
		return 0;
	if (!plan->summary.client_barred)
		print_line("%s: was revoked before", plan->client);
	else
		print_line("%s: %s", plan->client,
			   dry_run ? "could not enroll any more" : "cannot enroll any more");
	return 0;
}

/* The revocation is durable already, so it is printed even if the CRL cannot be made. */
static int publish(const struct command *command, const struct revoke_settings *given,
		   struct ca_operator *ca, const struct revocation_plan *plan, struct fault *fault)
{
	struct ca_crls crls = {0};
	struct fault failure = {0};
	int published = publish_ca_crls(ca, &given->key, CRL_WHEN_DUE, &crls, &failure);

	if (print_revocation_summary(command, &plan->summary, plan->client,
				     lowest_crl_number(&crls), fault) < 0)
		return -1;
	if (published == 0)
		return plan->summary.client_barred ? write_barred(ca->store, ca->layout, fault) : 0;
	return set_fault(
		fault, FAULT_FAILED,
		"the revocation stays, but the CRL could not be made: %s: remove the cause and "
		"run certpool crl",
		failure.text);
}

static int print_plan_json(const struct command *command, const struct revocation_plan *plan,
			   struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json)
		return 0;
	add_json_number(&line, "would_revoke", (long long)plan->summary.revoked);
	if (plan->summary.client_barred)
		add_json_text(&line, "would_bar", plan->client);
	return print_json(&line, fault);
}

static int refuse_plan(const struct command *command, const struct revocation_plan *plan,
		       struct fault *fault)
{
	size_t count = plan->summary.revoked;
	bool bars = plan->summary.client_barred;
	char what[256];

	if (print_plan(command, plan, true, PLAN_SHOWN, fault) < 0 ||
	    print_plan_json(command, plan, fault) < 0)
		return -1;
	(void)snprintf(what, sizeof(what), "nothing is revoked yet: %s would be%s%s%s",
		       counted(count, "certificate", "certificates").text, bars ? ", and " : "",
		       bars ? plan->client : "", bars ? " could not enroll any more" : "");
	return refuse_without_yes(command, what, fault);
}

/*
 * Looks first what a query or a client comes to. What goes on without --yes is no more than what
 * was seen: at most one certificate of the query, by its serial, or a client that was revoked
 * before and has lost everything already.
 */
static int check_plan(const struct command *command, const struct revoke_settings *given,
		      int reason, const struct ca_operator *ca, struct revocation_plan *plan,
		      struct fault *fault)
{
	bool client = plan->client[0] != '\0';
	const struct revoked_certificate *seen;

	if (given->yes || given->dry_run || (!plan->queried && !client))
		return 0;
	if (revoke_planned(command, given, reason, true, ca, plan, fault) < 0)
		return -1;
	if (client ? plan->summary.client_barred || plan->summary.revoked > 0
		   : plan->summary.revoked > 1)
		return refuse_plan(command, plan, fault);
	seen = (const void *)plan->revoked.data;
	if (plan->queried && plan->summary.revoked == 1)
		append_bytes(&plan->serials, (struct bytes){seen->serial, SERIAL_MAX});
	plan->queried = false;
	clear_buffer(&plan->revoked);
	plan->summary = (struct revocation_summary){0};
	return check_buffer(&plan->serials, fault);
}

static int revoke_here(const struct command *command, const struct revoke_settings *given,
		       int reason, struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_plan) struct revocation_plan plan = {0};
	CLEANUP(free_certificate) struct certificate *issuer = NULL;

	if (open_operator(command, &ca, fault) < 0 ||
	    find_issuer_operand(command, &ca, &issuer, fault) < 0)
		return -1;
	if (issuer != NULL) {
		const struct issuer_revocation how = {&given->key, reason, given->dry_run,
						      given->yes};

		return revoke_issuer(command, &ca, issuer, &how, fault);
	}
	if (make_plan(command, given, &ca, &plan, fault) < 0 ||
	    check_plan(command, given, reason, &ca, &plan, fault) < 0 ||
	    revoke_planned(command, given, reason, given->dry_run, &ca, &plan, fault) < 0 ||
	    print_plan(command, &plan, given->dry_run, SIZE_MAX, fault) < 0)
		return -1;
	if (given->dry_run)
		return print_revocation_summary(command, &plan.summary, plan.client, 0, fault);
	return publish(command, given, &ca, &plan, fault);
}

/* --crl: the revocations of CRLs of the CA, also of certificates that the record lacks. */
static int revoke_by_crl(const struct command *command, const struct revoke_settings *given,
			 struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_plan) struct revocation_plan plan = {0};
	CLEANUP(clear_buffer) struct buffer content = {0};
	CLEANUP(clear_absorbed_crls) struct absorbed_crls absorbed = {0};
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	struct crl_issuers issuers;

	if (open_operator(command, &ca, fault) < 0 || read_plan_issuers(&ca, &plan, fault) < 0 ||
	    find_crl_issuers(&ca, &plan.issuers, &roots, &issuers, fault) < 0 ||
	    read_input(given->crl, CRL_PEM_MAX, &content, fault) < 0)
		return -1;
	if (absorb_crls(ca.store, &content, &issuers, ca.now_s, &absorbed, fault) < 0)
		return prefix_fault(fault, "%s", given->crl);
	for (size_t i = 0; i < absorbed.count; i++) {
		const struct absorbed_crl *crl = &absorbed.crls[i];
		size_t revoked = crl->revoked + crl->unrecorded;

		print_absorbed_crl(command, given->crl, crl);
		plan.summary.revoked += revoked;
		plan.summary.already += crl->entries - revoked;
		plan.summary.client_barred |= crl->barred.len > 0;
	}
	print_left_out(command, ca.manifest, given->crl, &absorbed.left_out);
	return publish(command, given, &ca, &plan, fault);
}

/* Certificates are named or queried, never both: no query may widen what was named. */
static int check_settings(const struct command *command, const struct revoke_settings *given,
			  struct fault *fault)
{
	bool queried =
		given->client != NULL || given->subject != NULL || given->issued_before.given;

	if (given->as.client == NULL && given->as.all_members)
		return set_fault(fault, FAULT_USAGE, "--all-members: expected --as CLIENT with it");
	if (given->as.client != NULL && queried)
		return set_fault(fault, FAULT_USAGE,
				 "--as: expected members, serials or files, found a query of the "
				 "CA's record");
	if (given->crl != NULL && (queried || command->operand_count > 0 || given->dry_run ||
				   given->unrecorded || given->as.client != NULL))
		return set_fault(fault, FAULT_USAGE,
				 "--crl: expected no other certificates, and neither --as, "
				 "--dry-run nor --unrecorded with it");
	if (given->unrecorded && (queried || given->as.client != NULL))
		return set_fault(fault, FAULT_USAGE,
				 "--unrecorded: expected serials with it, and no query or --as");
	queried |= given->as.all_members || given->crl != NULL;
	if (queried == (command->operand_count > 0))
		return set_fault(
			fault, FAULT_USAGE,
			queried ? "expected certificates to revoke, or a query for them, found both"
				: "expected certificates to revoke: a serial, a certificate "
				  "file, CLIENT/N, a client, or a query (--client, "
				  "--subject, --issued-before)");
	return 0;
}

static int run_revoke(const struct command *command, const void *settings, struct fault *fault)
{
	const struct revoke_settings *given = settings;
	int reason;

	if (parse_crl_reason(given->reason_name, &reason, fault) < 0 ||
	    check_settings(command, given, fault) < 0)
		return -1;
	if (given->as.client != NULL)
		return revoke_as_client(command, &given->as, reason, given->dry_run, fault);
	if (given->crl != NULL)
		return revoke_by_crl(command, given, fault);
	return revoke_here(command, given, reason, fault);
}

const struct verb revoke_verb = {
	.name = "revoke",
	.group = VERB_CA,
	.operands = "[WHAT...]",
	.summary = "revoke certificates, or a client",
	.details =
		"On the CA. WHAT is a serial (40 hexadecimal digits, with or without colons;\n"
		"never decimal), a certificate file (./FILE), a member (client1/7), or a client,\n"
		"which loses all its certificates and may not enroll any more. Without WHAT, the\n"
		"options select the certificates. All of them are revoked or none; then a new CRL\n"
		"is made. A revocation is final: a client, more than one certificate by a query,\n"
		"and a CA's own certificate are revoked only with --yes; without it, what would "
		"be\n"
		"revoked is printed, and the command that does it. A file is taken also if the\n"
		"record lacks the certificate, and the CA's signature shows that it is one of its\n"
		"own. The CA's own certificate (./ca/cert/ca.crt) is revoked by its root, whose\n"
		"layout has to be at hand: nothing that the CA issued is valid any more.\n",
	.example = "certpool revoke client1/7 --reason keyCompromise\n"
		   "certpool revoke client1 --dry-run\n",
	.options = revoke_options,
	.settings_size = sizeof(struct revoke_settings),
	.irrevocable = true,
	.most = (size_t)-1,
	.run = run_revoke,
};
