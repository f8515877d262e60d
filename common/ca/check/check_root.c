#include "common/ca/check/checks.h"

#include "common/base/clock.h"
#include "common/ca/issue/ca_ends.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/root_crl.h"
#include "common/crypto/key_file.h"
#include "common/x509/certificate_fields.h"

#include <stdio.h>
#include <string.h>

/* *ret_certificate is NULL when it cannot be read, which is a finding. */
static int read_checked(struct check_context *context, const char *file,
			struct certificate **ret_certificate, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_string) char *where = NULL;
	struct fault problem = {0};

	if (read_file(layout->cert, file, CERTIFICATE_PEM_MAX, &pem, &problem) == 0 &&
	    parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &problem) == 0) {
		*ret_certificate = TAKE(certificate);
		return 0;
	}
	if (asprintf(&where, "%s/cert/%s", layout->path, file) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	if (problem.class == FAULT_NOT_FOUND)
		return report_finding(context, where, advise_lost_certificate(file), fault,
				      "expected the CA's certificate, found none");
	return report_finding(context, where, advise_lost_certificate(file), fault,
			      "expected a certificate of the CA, found: %s", problem.text);
}

/* An issuer of the record against its file. */
static int check_recorded(void *callback_context, const struct issuer_record *record,
			  struct fault *fault)
{
	struct check_context *context = callback_context;
	const struct certificate *certificate = find_checked_issuer(context, record->number);
	struct certificate_fields recorded;
	struct fault unreadable = {0};
	char name[FILE_NAME_SIZE];

	name_issuing_certificate(context->options->layout, context->options->ca, record->number,
				 name);
	if (record->number > context->issuer_count) {
		context->issuer_count = record->number;
		return read_checked(context, name, &context->issuers[record->number - 1], fault);
	}
	/* A rotation of the root has the new one certify the same name and key. */
	if (certificate == NULL || record->der.len == 0 ||
	    (split_certificate(bytes_of_buffer(&record->der), &recorded, &unreadable) == 0 &&
	     equal_bytes(recorded.spki, certificate_fields(certificate)->spki) &&
	     equal_bytes(recorded.subject, certificate_fields(certificate)->subject)))
		return 0;
	return report_finding(context, name, "restore it from a backup", fault,
			      "expected the certificate of issuer %u, as the record has it, found "
			      "another",
			      record->number);
}

static int read_issuers(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	struct fault problem = {0};
	unsigned int count;

	char first[FILE_NAME_SIZE];

	/* A root that is not replaced is its own issuer 1. */
	name_issuing_certificate(options->layout, options->ca, FIRST_ISSUER, first);
	if (strcmp(first, ROOT_CERTIFICATE_FILE) != 0 &&
	    read_checked(context, ROOT_CERTIFICATE_FILE, &context->root, fault) < 0)
		return -1;
	if (count_issuing_certificates(options->layout, options->ca, &count, fault) < 0)
		return -1;
	if (count == 0)
		count = FIRST_ISSUER;
	for (unsigned int number = FIRST_ISSUER; number <= count; number++) {
		char name[FILE_NAME_SIZE];

		name_issuing_certificate(options->layout, options->ca, number, name);
		context->issuer_count = number;
		if (read_checked(context, name, &context->issuers[number - 1], fault) < 0)
			return -1;
	}
	if (list_issuers(options->store, check_recorded, context, &problem) < 0)
		return report_finding(context, store_name(options->store), ADVICE_RESTORE, fault,
				      "%s", problem.text);
	return 0;
}

/* What helps when a certificate of the CA has ended. */
static const char *advise_ended(const struct check_options *options, bool is_root)
{
	if (is_root && is_root_being_replaced(options->layout))
		return "look at this machine's clock; else run certpool rotate root --finish";
	if (!is_root && options->ca->root_layout != NULL)
		return "look at this machine's clock; else run certpool rotate ca";
	return "look at this machine's clock; else make a new CA, and enroll the clients there";
}

static int check_validity(struct check_context *context, const struct certificate *certificate,
			  bool is_root, struct fault *fault)
{
	const struct check_options *options = context->options;
	int64_t left_s = certificate_not_after(certificate) - options->now_s;
	char end[TIME_TEXT_SIZE];

	format_time(certificate_not_after(certificate), end);
	if (left_s < 0 || options->now_s < certificate_not_before(certificate))
		return report_finding(
			context, certificate_subject(certificate), advise_ended(options, is_root),
			fault, "expected it to be valid now, found that it is not: it ends at %s",
			end);
	return 0;
}

/* From the last third of their life on, and so before members' certificates are cut short. */
static int warn_of_both_ends(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	const struct certificate *newest = find_checked_issuer(context, context->issuer_count);
	struct ca_ends ends = {.own_root = options->ca->root_layout == NULL,
			       .replacing = is_root_being_replaced(options->layout),
			       .validity_s = options->ca->certificate_validity_s};
	struct ca_warnings warnings;

	if (newest == NULL)
		return 0;
	ends.issuing = newest;
	ends.root = context->root != NULL ? context->root : newest;
	warn_of_ends(&ends, options->now_s, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		if (report_warning(context, options->layout->path, warnings.texts[i], fault) < 0)
			return -1;
	return 0;
}

/* Whether the issuing key is a file under a passphrase that was not given. */
static bool is_locked(const struct check_options *options, unsigned int newest)
{
	CLEANUP(clear_secret) struct secret pem = {0};
	struct fault problem = {0};
	char name[FILE_NAME_SIZE];

	name_issuing_key(options->layout, options->ca, newest, name);
	if (options->access->url != NULL || options->access->passphrase.len > 0 ||
	    read_secret_file(options->layout->private, name, PRIVATE_KEY_FILE_MAX, &pem, &problem) <
		    0)
		return false;
	return is_encrypted_private_key(bytes_of_secret(&pem));
}

/* An issuer needs its key as long as it has a CRL to sign. */
static int check_present(struct check_context *context, const struct issuer *issuer,
			 struct fault *fault)
{
	const struct check_options *options = context->options;
	struct crl_state state;
	struct fault ignored = {0};
	char name[FILE_NAME_SIZE];

	if (issuer_key(issuer) != NULL ||
	    read_crl_state(options->store, issuer_number(issuer), &state, &ignored) < 0 ||
	    options->now_s > state.serves_until_s)
		return 0;
	name_issuing_key(options->layout, options->ca, issuer_number(issuer), name);
	return report_finding(context, name, "restore it from a backup", fault,
			      "expected the key of issuer %u, which signs CRLs and OCSP answers "
			      "still, found none",
			      issuer_number(issuer));
}

static int check_keys(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};
	struct fault problem = {0};

	context->summary.key_unseen = is_locked(options, context->issuer_count);
	if (context->summary.key_unseen)
		return 0;
	if (load_issuers(options->layout, options->ca, options->access, &issuers, &problem) < 0) {
		/* The text says what to do. */
		if (problem.class == FAULT_NOT_FOUND)
			return report_finding(context, "the CA's key", problem.text, fault,
					      "it cannot be read");
		return report_finding(
			context, "the CA's key", "mend that, or restore both from a backup", fault,
			"expected it to belong to the CA's certificate, found: %s", problem.text);
	}
	for (unsigned int number = FIRST_ISSUER; number <= count_issuers(&issuers); number++)
		if (check_present(context, get_issuer(&issuers, number), fault) < 0)
			return -1;
	return 0;
}

/* The copy of the root's CRL: whether it is the root's and current, and what it says of the CA. */
static int check_root_crl(struct check_context *context, const struct certificate *certificate,
			  const struct certificate *root, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(free_crl) struct crl *crl = NULL;
	CLEANUP(free_string) char *where = NULL;
	struct crl_revocation revocation;
	struct verdict verdict = {0};
	struct fault problem = {0};
	char revoked_at[TIME_TEXT_SIZE];

	if (asprintf(&where, "%s/cert/%s", layout->path, ROOT_CRL_FILE) < 0) {
		where = NULL;
		return set_memory_fault(fault);
	}
	if (read_root_crl(layout, root, &crl, &problem) < 0)
		reject_because(&verdict, "%s", problem.text);
	else if (crl == NULL)
		reject_because(&verdict, "found none");
	else
		check_crl_time(crl, context->options->now_s, &verdict);
	if (verdict.invalid &&
	    report_finding(context, where,
			   "run certpool crl --root, with the root's layout at hand", fault,
			   "expected the current CRL of the root, %s", verdict.reason) < 0)
		return -1;
	if (crl == NULL || !find_revoked(crl, certificate_serial(certificate), &revocation))
		return 0;
	format_time(revocation.revoked_at_s, revoked_at);
	return report_finding(
		context, certificate_subject(certificate),
		"give the CA another certificate: certpool rotate ca", fault,
		"expected it not revoked, found that its root has revoked it at %s (%s)",
		revoked_at, format_crl_reason(revocation.reason));
}

/* The files of a rotation of the root: whether they can be read, and all of it was done. */
static int check_rotation(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	struct fault problem = {0};

	if (read_ca_roots(layout, &roots, &problem) < 0)
		return report_finding(context, layout->path, "restore it from a backup", fault,
				      "expected the roots of a rotation, found: %s", problem.text);
	if (context->options->ca->root_layout == NULL && !is_root_being_replaced(layout) &&
	    !equal_bytes(certificate_der(roots.root),
			 certificate_der(find_checked_issuer(context, context->issuer_count))))
		return report_finding(context, layout->path, "run certpool rotate root again",
				      fault,
				      "expected that the rotation of the root was begun whole, "
				      "found that it was cut short");
	if (roots.next != NULL || !is_root_being_replaced(layout))
		return 0;
	return report_finding(context, layout->path, "run certpool rotate root --finish again",
			      fault,
			      "expected that the rotation of the root was finished, found that it "
			      "was cut short");
}

/* Without its certificates nothing else can be held against them. */
int check_ca_identity(struct check_context *context, struct fault *fault)
{
	const struct certificate *newest;

	if (read_issuers(context, fault) < 0)
		return -1;
	newest = find_checked_issuer(context, context->issuer_count);
	if (newest == NULL || (context->options->ca->root_layout != NULL && context->root == NULL))
		return 0;
	if (check_validity(context, newest, context->options->ca->root_layout == NULL, fault) < 0 ||
	    (context->root != NULL && check_validity(context, context->root, true, fault) < 0) ||
	    warn_of_both_ends(context, fault) < 0 || check_rotation(context, fault) < 0)
		return -1;
	if (context->options->ca->root_layout != NULL &&
	    check_root_crl(context, newest, context->root, fault) < 0)
		return -1;
	return check_keys(context, fault);
}
