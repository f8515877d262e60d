#include "common/ca/check/checks.h"

#include "common/base/clock.h"
#include "common/ca/issue/ca_ends.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/revocation/root_crl.h"
#include "common/crypto/key_file.h"

#include <stdio.h>

/* The CA's certificates: the intermediate, which may be absent, then the root. */
static const char *const certificate_files[] = {"ca.crt", "root.crt"};

static int read_issuer(struct check_context *context, const char *file, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_string) char *where = NULL;
	struct fault problem = {0};

	if (read_file(layout->cert, file, CERTIFICATE_PEM_MAX, &pem, &problem) == 0 &&
	    parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &problem) == 0) {
		context->issuers[context->issuer_count++] = TAKE(certificate);
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

static int check_validity(struct check_context *context, const struct certificate *certificate,
			  struct fault *fault)
{
	const struct check_options *options = context->options;
	int64_t left_s = certificate_not_after(certificate) - options->now_s;
	char end[TIME_TEXT_SIZE];

	format_time(certificate_not_after(certificate), end);
	if (left_s < 0 || options->now_s < certificate_not_before(certificate))
		return report_finding(
			context, certificate_subject(certificate),
			"look at this machine's clock; else make a new CA, and enroll the "
			"clients there",
			fault, "expected it to be valid now, found that it is not: it ends at %s",
			end);
	return 0;
}

/* From the last third of their life on, and so before members' certificates are cut short. */
static int warn_of_both_ends(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	struct ca_ends ends = {.replacing = is_root_being_replaced(options->layout),
			       .validity_s = options->ca->certificate_validity_s};
	struct ca_warnings warnings;

	if (context->issuer_count == 0)
		return 0;
	ends.issuing = context->issuers[0];
	ends.root = context->issuers[context->issuer_count - 1];
	warn_of_ends(&ends, options->now_s, &warnings);
	for (size_t i = 0; i < warnings.count; i++)
		if (report_warning(context, options->layout->path, warnings.texts[i], fault) < 0)
			return -1;
	return 0;
}

/* Whether the issuing key is a file under a passphrase that was not given. */
static bool is_locked(const struct check_options *options)
{
	CLEANUP(clear_secret) struct secret pem = {0};
	struct fault problem = {0};

	if (options->access->url != NULL || options->access->passphrase.len > 0 ||
	    read_secret_file(options->layout->private, issuing_key_name(options->ca),
			     PRIVATE_KEY_FILE_MAX, &pem, &problem) < 0)
		return false;
	return is_encrypted_private_key(bytes_of_secret(&pem));
}

static int check_key(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	struct fault problem = {0};

	context->summary.key_unseen = is_locked(options);
	if (context->summary.key_unseen ||
	    load_issuer(options->layout, options->ca, options->access, &issuer, &problem) == 0)
		return 0;
	/* The text says what to do. */
	if (problem.class == FAULT_NOT_FOUND)
		return report_finding(context, "the CA's key", problem.text, fault,
				      "it cannot be read");
	return report_finding(context, "the CA's key", "mend that, or restore both from a backup",
			      fault, "expected it to belong to the CA's certificate, found: %s",
			      problem.text);
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
		"make a new CA in a layout of its own, and enroll the clients there", fault,
		"expected it not revoked, found that its root has revoked it at %s (%s)",
		revoked_at, format_crl_reason(revocation.reason));
}

/* Without one of its certificates the context has none: nothing can be held against them. */
static int read_issuers(struct check_context *context, struct fault *fault)
{
	const struct check_options *options = context->options;
	size_t expected = 0;

	for (size_t i = 0; i < COUNT_OF(certificate_files); i++) {
		bool is_root = i + 1 == COUNT_OF(certificate_files);
		bool wanted;

		if (find_file(options->layout->cert, certificate_files[i], &wanted, fault) < 0)
			return prefix_fault(fault, "%s/cert", options->layout->path);
		wanted |= is_root || options->ca->root_layout != NULL;
		expected += wanted;
		if (wanted && read_issuer(context, certificate_files[i], fault) < 0)
			return -1;
	}
	while (context->issuer_count > 0 && context->issuer_count < expected)
		free_certificate(&context->issuers[--context->issuer_count]);
	return 0;
}

/* The files of a rotation of the root: whether they can be read, and all of it was done. */
static int check_rotation(struct check_context *context, struct fault *fault)
{
	const struct layout *layout = context->options->layout;
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	struct fault problem = {0};

	if (context->issuer_count == 0)
		return 0;
	if (read_ca_roots(layout, &roots, &problem) < 0)
		return report_finding(context, layout->path, "restore it from a backup", fault,
				      "expected the roots of a rotation, found: %s", problem.text);
	if (roots.next != NULL || !is_root_being_replaced(layout))
		return 0;
	return report_finding(context, layout->path, "run certpool rotate root --finish again",
			      fault,
			      "expected that the rotation of the root was finished, found that it "
			      "was cut short");
}

int check_ca_identity(struct check_context *context, struct fault *fault)
{
	if (read_issuers(context, fault) < 0)
		return -1;
	if (context->issuer_count == 0)
		return 0;
	for (size_t i = 0; i < context->issuer_count; i++)
		if (check_validity(context, context->issuers[i], fault) < 0)
			return -1;
	if (warn_of_both_ends(context, fault) < 0 || check_rotation(context, fault) < 0)
		return -1;
	/* Both could be read: the intermediate, then its root. */
	if (context->options->ca->root_layout != NULL && context->issuer_count == 2 &&
	    check_root_crl(context, context->issuers[0], context->issuers[1], fault) < 0)
		return -1;
	return check_key(context, fault);
}
