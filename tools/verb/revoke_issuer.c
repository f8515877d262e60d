/*
 * revoke, for the CA's own certificate: its root revokes it, which needs the root's layout. A
 * server of the CA sees the root's new CRL, and issues nothing from then on.
 */
#include "tools/verb/revoke_issuer.h"

#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/audit.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "tools/certificate_selector.h"
#include "tools/input.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

static bool names(const struct certificate *root, const struct certificate *certificate)
{
	return root != NULL &&
	       equal_bytes(certificate_raw_issuer(certificate), certificate_fields(root)->subject);
}

/* The next one certifies the CA again before it takes the root's place. */
static bool is_by_root(const struct ca_roots *roots, const struct certificate *certificate)
{
	return names(roots->root, certificate) || names(roots->next, certificate);
}

int find_issuer_operand(const struct command *command, const struct ca_operator *ca,
			struct certificate **ret_certificate, struct fault *fault)
{
	const struct selector_rules rules = operator_rules(ca->store);
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};

	if (ca->manifest->ca.root_layout == NULL)
		return 0;
	if (read_ca_roots(ca->layout, &roots, fault) < 0)
		return -1;
	for (size_t i = 0; i < command->operand_count; i++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		struct certificate_selector selector;

		if (parse_selector(command->operands[i], &rules, &selector, fault) < 0)
			return -1;
		/* Standard input can be read once only, which is left to the others. */
		if (selector.kind != SELECTOR_FILE || strcmp(selector.text, "-") == 0)
			continue;
		if (read_certificate(selector.text, &certificate, fault) < 0)
			return -1;
		if (!is_by_root(&roots, certificate))
			continue;
		if (command->operand_count > 1)
			return set_fault(fault, FAULT_USAGE,
					 "%s: expected the certificate of a CA alone, found others "
					 "beside it: revoke them first, or after it",
					 selector.text);
		*ret_certificate = TAKE(certificate);
	}
	return 0;
}

static int check_issued(const struct ca_roots *roots, const struct certificate *certificate,
			struct fault *fault)
{
	const struct certificate *root = roots->root;
	struct verdict verdict = {0};

	if (equal_bytes(certificate_der(root), certificate_der(certificate)))
		return set_fault(fault, FAULT_REFUSED,
				 "%s is the root: nobody can revoke it: remove it from every place "
				 "that trusts it",
				 certificate_subject(root));
	if (names(roots->next, certificate))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: the next root has issued it, and is not the CA's root yet: "
				 "run certpool rotate root --finish first",
				 certificate_subject(certificate));
	if (verify_intermediate(root, certificate, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED,
				 "%s is no certificate that the root %s has issued: %s",
				 certificate_subject(certificate), certificate_subject(root),
				 verdict.reason);
	return 0;
}

static int record_revocation(const struct ca_operator *ca, const struct certificate *certificate,
			     const struct crl_entry *entry, struct fault *fault)
{
	char detail[256];
	const struct event event = {.kind = EVENT_REVOKED,
				    .time_s = ca->now_s,
				    .by = CA_NAME,
				    .type = format_crl_reason(entry->reason),
				    .detail = detail,
				    .serials = &entry->serial,
				    .serial_count = 1};

	(void)snprintf(detail, sizeof(detail), "a CA's certificate, by its root: %s",
		       certificate_subject(certificate));
	return record_event(ca->store, &event, fault);
}

static int print_issuer(const struct command *command, const struct certificate *certificate,
			const char *state, const struct crl_entry *entry,
			const struct crl_info *info, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char serial[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){entry->serial, SERIAL_MAX}, serial);
	if (!command->json) {
		print_line("%s %s: %s (%s)", serial, certificate_subject(certificate), state,
			   format_crl_reason(entry->reason));
		if (info->number > 0)
			print_line("the root's CRL number %llu", (unsigned long long)info->number);
		return flush_output(fault);
	}
	add_json_text(&line, "serial", serial);
	add_json_text(&line, "subject", certificate_subject(certificate));
	add_json_text(&line, "state", state);
	add_json_text(&line, "reason", format_crl_reason(entry->reason));
	if (info->number > 0)
		add_json_number(&line, "root_crl_number", (long long)info->number);
	return print_json(&line, fault);
}

/* Of a certificate that is not revoked yet. */
static int print_plan(const struct command *command, const struct certificate *certificate,
		      const struct issuer_revocation *how, const struct crl_entry *entry,
		      struct fault *fault)
{
	const struct crl_info none = {0};

	if (print_issuer(command, certificate, "would be revoked", entry, &none, fault) < 0)
		return -1;
	if (how->dry_run)
		return 0;
	return refuse_without_yes(command,
				  "nothing is revoked yet: nothing would be valid by way of this "
				  "certificate any more, for good",
				  fault);
}

int revoke_issuer(const struct command *command, const struct ca_operator *ca,
		  const struct certificate *certificate, const struct issuer_revocation *how,
		  struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(free_crl) struct crl *before = NULL;
	const struct bytes serial = certificate_serial(certificate);
	struct crl_entry entry = {.revoked_at_s = ca->now_s, .reason = how->reason};
	struct crl_revocation earlier;
	struct crl_info info = {0};
	bool already;

	if (read_ca_roots(ca->layout, &roots, fault) < 0 ||
	    check_issued(&roots, certificate, fault) < 0 ||
	    read_root_crl(ca->layout, roots.root, &before, fault) < 0)
		return -1;
	memcpy(entry.serial + SERIAL_MAX - serial.len, serial.data, serial.len);
	already = before != NULL && find_revoked(before, serial, &earlier);
	if (!already && (how->dry_run || !how->yes))
		return print_plan(command, certificate, how, &entry, fault);
	if (already)
		entry.reason = earlier.reason;
	if (!how->dry_run &&
	    (publish_ca_root_crl(ca, how->key, &entry, CRL_WHEN_DUE, &info, fault) < 0 ||
	     (!already && record_revocation(ca, certificate, &entry, fault) < 0)))
		return -1;
	return print_issuer(command, certificate, already ? "already revoked" : "revoked", &entry,
			    &info, fault);
}
