#include "common/x509/issuer.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/purpose.h"
#include "common/x509/signing_order.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What others know the key by. It may be certified again, by another root, while threads use it. */
struct identity {
	struct certificate *certificate;
	struct certificate *root; /* above an intermediate; NULL: the certificate is the root */
	struct bytes key_id;      /* the certificate's subjectKeyIdentifier, a slice of its DER */
	struct identity *before;  /* kept: a thread may still read it */
};

struct issuer {
	_Atomic(struct identity *) identity;
	unsigned int number;
	struct private_key *key;    /* NULL: the delegate has it */
	signing_function *delegate; /* NULL: the key signs */
	void *delegate_context;
	struct buffer url_extensions; /* of what it issues; may be empty */
};

void free_issuer(struct issuer **issuer)
{
	struct issuer *old = TAKE(*issuer);
	struct identity *identity = old != NULL ? atomic_load(&old->identity) : NULL;

	while (identity != NULL) {
		struct identity *before = identity->before;

		free_certificate(&identity->certificate);
		free_certificate(&identity->root);
		free(identity);
		identity = before;
	}
	if (old == NULL)
		return;
	free_private_key(&old->key);
	clear_buffer(&old->url_extensions);
	free(old);
}

const struct certificate *issuer_certificate(const struct issuer *issuer)
{
	return atomic_load(&issuer->identity)->certificate;
}

const struct certificate *issuer_root(const struct issuer *issuer)
{
	const struct identity *identity = atomic_load(&issuer->identity);

	return identity->root != NULL ? identity->root : identity->certificate;
}

bool is_root_issuer(const struct issuer *issuer)
{
	return atomic_load(&issuer->identity)->root == NULL;
}

static struct bytes issuer_key_id(const struct issuer *issuer)
{
	return atomic_load(&issuer->identity)->key_id;
}

int adopt_certificates(struct issuer *issuer, struct issuer *other, struct fault *fault)
{
	struct identity *present = atomic_load(&issuer->identity);
	struct identity *newer = atomic_load(&other->identity);
	const struct certificate_fields *fields = certificate_fields(present->certificate);
	const struct certificate_fields *newer_fields = certificate_fields(newer->certificate);

	if (equal_bytes(certificate_der(present->certificate),
			certificate_der(newer->certificate)) &&
	    equal_bytes(certificate_der(issuer_root(issuer)), certificate_der(issuer_root(other))))
		return 0;
	if (!equal_bytes(fields->spki, newer_fields->spki) ||
	    !equal_bytes(fields->subject, newer_fields->subject))
		return set_fault(fault, FAULT_REFUSED,
				 "issuer %u: expected a certificate of the key and name of %s, "
				 "found that of %s",
				 issuer->number, certificate_subject(present->certificate),
				 certificate_subject(newer->certificate));
	newer->before = present;
	atomic_store(&other->identity, NULL);
	atomic_store(&issuer->identity, newer);
	return 0;
}

unsigned int issuer_number(const struct issuer *issuer)
{
	return issuer->number;
}

void number_issuer(struct issuer *issuer, unsigned int number)
{
	issuer->number = number;
}

const struct private_key *issuer_key(const struct issuer *issuer)
{
	return issuer->key;
}

struct checked_signer issuer_signer(const struct issuer *issuer, enum signature_check check)
{
	return (struct checked_signer){issuer->key,
				       certificate_public_key(issuer_certificate(issuer)), check};
}

signing_function *issuer_delegate(const struct issuer *issuer, void **ret_context)
{
	*ret_context = issuer->delegate_context;
	return issuer->delegate;
}

void delegate_signing(struct issuer *issuer, signing_function *function, void *context)
{
	issuer->delegate = function;
	issuer->delegate_context = context;
}

struct bytes issuer_algorithm(const struct issuer *issuer)
{
	return signing_algorithm(
		public_key_type(certificate_public_key(issuer_certificate(issuer))));
}

static int check_own_key(const struct certificate *certificate, const struct private_key *key,
			 struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *own = NULL;

	if (get_public_key(key, &own, fault) < 0)
		return -1;
	if (!equal_bytes(public_key_spki(own), certificate_fields(certificate)->spki))
		return set_fault(fault, FAULT_REFUSED,
				 "the private key is not that of the certificate of %s",
				 certificate_subject(certificate));
	return 0;
}

static int check_root(const struct certificate *certificate, struct fault *fault)
{
	struct verdict verdict = {0};

	if (check_profile(certificate, PROFILE_ROOT, &verdict, fault) < 0)
		return -1;
	if (!verdict.invalid &&
	    verify_signed_object(&certificate_fields(certificate)->signed_object,
				 certificate_public_key(certificate),
				 "RFC 5280 section 4.1.1.3: signatureValue", &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "%s is no root to certify with: %s",
				 certificate_subject(certificate), verdict.reason);
	return 0;
}

static int check_intermediate(const struct certificate *certificate, const struct certificate *root,
			      struct fault *fault)
{
	struct verdict verdict = {0};

	if (check_root(root, fault) < 0 ||
	    verify_intermediate(root, certificate, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED,
				 "%s is no intermediate of the root %s to certify with: %s",
				 certificate_subject(certificate), certificate_subject(root),
				 verdict.reason);
	return 0;
}

static int check_issuer(const struct issuer *issuer, struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(issuer);

	if (issuer->key != NULL && check_own_key(certificate, issuer->key, fault) < 0)
		return -1;
	if (is_root_issuer(issuer))
		return check_root(certificate, fault);
	return check_intermediate(certificate, issuer_root(issuer), fault);
}

int new_intermediate_issuer(struct certificate **certificate, struct certificate **root,
			    struct private_key **key, struct issuer **ret_issuer,
			    struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *issuer = calloc(1, sizeof(*issuer));
	struct identity *identity = calloc(1, sizeof(*identity));

	if (issuer == NULL || identity == NULL) {
		free(identity);
		free_certificate(certificate);
		free_certificate(root);
		free_private_key(key);
		return set_memory_fault(fault);
	}
	issuer->number = 1;
	identity->certificate = TAKE(*certificate);
	identity->root = TAKE(*root);
	identity->key_id = find_subject_key_id(certificate_fields(identity->certificate));
	atomic_init(&issuer->identity, identity);
	issuer->key = TAKE(*key);
	if (check_issuer(issuer, fault) < 0)
		return -1;
	*ret_issuer = TAKE(issuer);
	return 0;
}

int new_issuer(struct certificate **certificate, struct private_key **key,
	       struct issuer **ret_issuer, struct fault *fault)
{
	struct certificate *no_root = NULL;

	return new_intermediate_issuer(certificate, &no_root, key, ret_issuer, fault);
}

int set_published_urls(struct issuer *issuer, const struct published_urls *urls,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer extensions = {0};

	if (urls->crl != NULL)
		append_crl_distribution_points(&extensions, urls->crl);
	if (urls->ocsp != NULL || urls->issuer != NULL)
		append_information_access(&extensions, urls->ocsp, urls->issuer);
	if (check_buffer(&extensions, fault) < 0)
		return -1;
	clear_buffer(&issuer->url_extensions);
	issuer->url_extensions = take_buffer(&extensions);
	return 0;
}

/* Completes the fields with a serial and extensions, and signs. issuer is NULL for a root. */
static int build_ca_certificate(const struct tbs_certificate *fields,
				const struct checked_signer *signer, int path_length,
				const struct issuer *issuer, struct buffer *ret_der,
				struct fault *fault)
{
	struct tbs_certificate complete = *fields;
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	uint8_t serial[SERIAL_MAX];

	append_basic_constraints(&extensions, true, path_length);
	append_key_usage(&extensions, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	if (generate_serial(serial, fault) < 0 ||
	    append_subject_key_id(&extensions, fields->spki, fault) < 0)
		return -1;
	if (issuer != NULL) {
		append_authority_key_id(&extensions, issuer_key_id(issuer));
		append_bytes(&extensions, bytes_of_buffer(&issuer->url_extensions));
	}
	if (check_buffer(&extensions, fault) < 0)
		return -1;
	complete.serial = (struct bytes){serial, sizeof(serial)};
	complete.extensions = bytes_of_buffer(&extensions);
	return build_certificate(&complete, signer,
				 issuer == NULL ? PROFILE_ROOT : PROFILE_INTERMEDIATE, ret_der,
				 fault);
}

int create_root(const struct private_key *key, const char *subject, const struct validity *validity,
		struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer name = {0};
	struct tbs_certificate fields = {.validity = *validity};

	if (get_public_key(key, &public_key, fault) < 0 || append_name(&name, subject, fault) < 0)
		return -1;
	fields.issuer = bytes_of_buffer(&name);
	fields.subject = bytes_of_buffer(&name);
	fields.spki = public_key_spki(public_key);
	return build_ca_certificate(
		&fields, &(struct checked_signer){key, public_key, CHECK_WITH_PUBLIC_KEY}, -1, NULL,
		ret_der, fault);
}

struct validity limit_validity(const struct certificate *issuer, int64_t not_before_s,
			       int64_t not_after_s)
{
	const int64_t begin_s = certificate_not_before(issuer);
	const int64_t end_s = certificate_not_after(issuer);

	return (struct validity){
		.not_before_s = not_before_s < begin_s ? begin_s : not_before_s,
		.not_after_s = not_after_s > end_s ? end_s : not_after_s,
	};
}

static int check_within(const struct certificate *issuer, const struct validity *validity,
			struct fault *fault)
{
	if (validity->not_before_s < certificate_not_before(issuer) ||
	    validity->not_after_s > certificate_not_after(issuer))
		return set_fault(fault, FAULT_REFUSED,
				 "validity: expected within that of the issuer %s",
				 certificate_subject(issuer));
	return 0;
}

/* path_length: -1 for none. */
static int certify_below_root(const struct issuer *root, struct bytes spki, struct bytes subject,
			      int path_length, const struct validity *validity,
			      struct buffer *ret_der, struct fault *fault)
{
	const struct certificate_fields *root_fields = certificate_fields(issuer_certificate(root));
	const struct checked_signer signer = issuer_signer(root, CHECK_WITH_PUBLIC_KEY);
	struct tbs_certificate fields = {.issuer = root_fields->subject,
					 .validity = *validity,
					 .subject = subject,
					 .spki = spki};

	if (equal_bytes(fields.spki, root_fields->spki))
		return set_fault(fault, FAULT_REFUSED,
				 "expected another key than the root's, found the same");
	if (check_within(issuer_certificate(root), validity, fault) < 0)
		return -1;
	/* With the root's name the intermediate would look self-issued, and a verifier that looks
	   for the root by name would stop there. */
	if (equal_bytes(subject, root_fields->subject))
		return set_fault(fault, FAULT_REFUSED,
				 "expected another name than the root's, %s, found the same",
				 certificate_subject(issuer_certificate(root)));
	return build_ca_certificate(&fields, &signer, path_length, root, ret_der, fault);
}

int create_intermediate(const struct issuer *root, const struct public_key *key,
			const char *subject, const struct validity *validity,
			struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer name = {0};

	if (append_name(&name, subject, fault) < 0)
		return -1;
	return certify_below_root(root, public_key_spki(key), bytes_of_buffer(&name), 0, validity,
				  ret_der, fault);
}

int create_cross_certificate(const struct issuer *root, const struct certificate *certificate,
			     const struct validity *validity, struct buffer *ret_der,
			     struct fault *fault)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	unsigned int path_length;

	return certify_below_root(root, fields->spki, fields->subject,
				  find_path_length(fields, &path_length) ? (int)path_length : -1,
				  validity, ret_der, fault);
}

/* The cheap refusals, before any signature is verified. */
static int check_request(const struct issuer *issuer, const struct csr *csr,
			 const struct grant *grant, struct fault *fault)
{
	const struct certificate *certificate = issuer_certificate(issuer);
	struct validity validity = grant->validity;
	struct bytes spki = public_key_spki(csr_public_key(csr));

	if (equal_bytes(spki, certificate_fields(certificate)->spki) ||
	    equal_bytes(spki, certificate_fields(issuer_root(issuer))->spki))
		return set_fault(fault, FAULT_REFUSED, "request: its public key is the issuer's");
	if (grant->in_window && validity.not_before_s < certificate_not_before(certificate))
		validity.not_before_s = certificate_not_before(certificate);
	return check_within(certificate, &validity, fault);
}

int append_member_extensions(struct buffer *extensions, const struct issuer *issuer,
			     const struct member_names *names, unsigned int usages,
			     struct bytes spki, struct fault *fault)
{
	if (names->alt_names.len > 0)
		append_ce_extension(extensions, EXTENSION_SUBJECT_ALT_NAME,
				    empty_name(names->subject), names->alt_names);
	if (append_subject_key_id(extensions, spki, fault) < 0)
		return -1;
	append_basic_constraints(extensions, false, -1);
	append_usages(extensions, usages);
	append_authority_key_id(extensions, issuer_key_id(issuer));
	append_bytes(extensions, bytes_of_buffer(&issuer->url_extensions));
	return check_buffer(extensions, fault);
}

int prepare_certificate(const struct issuer *issuer, const struct csr *csr,
			const uint8_t serial[static SERIAL_MAX], const struct grant *grant,
			struct buffer *ret_body, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	const struct member_names requested = {csr_subject_der(csr), csr_alt_names_der(csr)};
	const struct member_names *names = grant->names != NULL ? grant->names : &requested;
	struct tbs_certificate fields = {
		.serial = {serial, SERIAL_MAX},
		.issuer = certificate_fields(issuer_certificate(issuer))->subject,
		.validity = grant->validity,
		.subject = names->subject,
		.spki = public_key_spki(csr_public_key(csr)),
	};

	if (check_request(issuer, csr, grant, fault) < 0 || check_csr_proof(csr, fault) < 0 ||
	    append_member_extensions(&extensions, issuer, names, grant->usages, fields.spki,
				     fault) < 0)
		return -1;
	fields.extensions = bytes_of_buffer(&extensions);
	return build_certificate_body(&fields, issuer_algorithm(issuer), ret_body, fault);
}

int certify_csr(const struct issuer *issuer, const struct csr *csr,
		const uint8_t serial[static SERIAL_MAX], const struct validity *validity,
		struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	const struct signing_order order = {.kind = SIGN_MEMBERS, .bodies = &body, .count = 1};
	const struct grant grant = {.validity = *validity, .usages = USE_SIGN};

	if (prepare_certificate(issuer, csr, serial, &grant, &body, fault) < 0)
		return -1;
	return sign_one(issuer, &order, ret_der, fault);
}

/* id-kp-OCSPSigning: 1.3.6.1.5.5.7.3.9; id-pkix-ocsp-nocheck: 1.3.6.1.5.5.7.48.1.5 */
static const uint8_t ocsp_signing[] = {DER_SEQUENCE, 10,   DER_OID, 8,    0x2b, 0x06,
				       0x01,         0x05, 0x05,    0x07, 0x03, 0x09};
static const uint8_t ocsp_nocheck[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05};
static const uint8_t der_null[] = {DER_NULL, 0x00};

int append_responder_extensions(struct buffer *extensions, const struct issuer *issuer,
				struct bytes spki, struct fault *fault)
{
	append_basic_constraints(extensions, false, -1);
	append_key_usage(extensions, USAGE_DIGITAL_SIGNATURE);
	append_ce_extension(extensions, EXTENSION_EXTENDED_KEY_USAGE, false,
			    (struct bytes){ocsp_signing, sizeof(ocsp_signing)});
	append_extension(extensions, (struct bytes){ocsp_nocheck, sizeof(ocsp_nocheck)}, false,
			 (struct bytes){der_null, sizeof(der_null)});
	if (append_subject_key_id(extensions, spki, fault) < 0)
		return -1;
	append_authority_key_id(extensions, issuer_key_id(issuer));
	return check_buffer(extensions, fault);
}

static int append_own_extensions(struct buffer *extensions, const struct issuer *issuer,
				 const struct own_certificate_options *options,
				 struct bytes subject, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct bytes spki = public_key_spki(options->key);

	if (options->alt_names == NULL)
		return append_responder_extensions(extensions, issuer, spki, fault);
	append_alt_names(&names, options->alt_names);
	if (check_buffer(&names, fault) < 0)
		return -1;
	return append_member_extensions(extensions, issuer,
					&(struct member_names){subject, bytes_of_buffer(&names)},
					USE_SERVER, spki, fault);
}

int create_own_certificate(const struct issuer *issuer,
			   const struct own_certificate_options *options,
			   const uint8_t serial[static SERIAL_MAX], struct buffer *ret_der,
			   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer name = {0};
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	const struct signing_order order = {.kind = options->alt_names != NULL ? SIGN_SERVER
									       : SIGN_RESPONDER,
					    .bodies = &body,
					    .count = 1,
					    .now_s = options->now_s};
	struct tbs_certificate fields = {
		.serial = {serial, SERIAL_MAX},
		.issuer = certificate_fields(issuer_certificate(issuer))->subject,
		.validity = options->validity,
		.spki = public_key_spki(options->key),
	};

	if (check_within(issuer_certificate(issuer), &options->validity, fault) < 0 ||
	    append_name(&name, options->subject, fault) < 0 ||
	    append_own_extensions(&extensions, issuer, options, bytes_of_buffer(&name), fault) < 0)
		return -1;
	fields.subject = bytes_of_buffer(&name);
	fields.extensions = bytes_of_buffer(&extensions);
	if (build_certificate_body(&fields, issuer_algorithm(issuer), &body, fault) < 0)
		return -1;
	return sign_one(issuer, &order, ret_der, fault);
}
