#include "common/x509/csr.h"

#include "common/x509/certificate_builder.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/pem.h"

#include <stdlib.h>
#include <string.h>

/* RFC 7468 section 7; certtool and older tools write the second label. */
static const char label[] = "CERTIFICATE REQUEST";
static const char other_label[] = "NEW CERTIFICATE REQUEST";

static const char subject_section[] = "RFC 5280 section 4.1.2.6: subject";

struct csr {
	struct buffer der;
	struct csr_fields fields; /* slices of der */
	struct bytes alt_names_der;
	struct public_key *key;
	char *subject;
	struct alt_names alt_names;
	struct asked_usages usages;
};

void free_csr(struct csr **csr)
{
	struct csr *old = TAKE(*csr);

	if (old == NULL)
		return;
	free_public_key(&old->key);
	free(old->subject);
	clear_alt_names(&old->alt_names);
	clear_buffer(&old->der);
	free(old);
}

/* Whether a request may have an empty subject. */
enum subject_rule { SUBJECT_REQUIRED, SUBJECT_OPTIONAL };

/* Checks the subject as csr.h promises, and returns its text. Owns: the caller frees. */
static int read_subject(struct bytes subject, enum subject_rule rule, char **ret_text,
			struct fault *fault)
{
	CLEANUP(free_string) char *text = NULL;
	struct verdict verdict = {0};

	if (rule == SUBJECT_REQUIRED && empty_name(subject))
		reject_because(&verdict, "%s: expected at least one attribute, found none",
			       subject_section);
	check_name(subject, subject_section, &verdict);
	if (verdict.invalid)
		return set_fault(fault, FAULT_MALFORMED, "request: %s", verdict.reason);
	if (format_name(subject, &text, fault) < 0)
		return prefix_fault(fault, "request: %s", subject_section);
	if (strlen(text) >= SUBJECT_SIZE)
		return set_fault(fault, FAULT_MALFORMED,
				 "request: %s: expected fewer than %d octets, found %zu",
				 subject_section, SUBJECT_SIZE, strlen(text));
	*ret_text = TAKE(text);
	return 0;
}

/* extensionRequest (RFC 2985 section 5.4.2): 1.2.840.113549.1.9.14 */
static const struct bytes extension_request = {
	(const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e", 9};

/* Appends the attributes: an extensionRequest with the alternative names and the usages, if there
   are any to ask for. */
static void append_attributes(struct buffer *body, const struct alt_names *alt_names,
			      unsigned int usages)
{
	CLEANUP(clear_buffer) struct buffer value = {0};
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	const size_t begin = body->len;
	size_t values;

	if (alt_names != NULL && alt_names->count > 0) {
		append_alt_names(&value, alt_names);
		append_ce_extension(&extensions, EXTENSION_SUBJECT_ALT_NAME, false,
				    bytes_of_buffer(&value));
	}
	if ((usages & ~(unsigned int)USE_SIGN) != 0)
		append_usages(&extensions, usages);
	if (extensions.len > 0) {
		append_der(body, DER_OID, extension_request);
		values = body->len;
		append_der(body, DER_SEQUENCE, bytes_of_buffer(&extensions));
		enclose_der(body, values, DER_SET);
		enclose_der(body, begin, DER_SEQUENCE);
	}
	enclose_der(body, begin, DER_CONTEXT_CONSTRUCTED);
	body->failed |= value.failed || extensions.failed;
}

/* CertificationRequestInfo (RFC 2986 section 4.1). */
static int append_body(struct buffer *body, const struct private_key *key, const char *subject,
		       const struct alt_names *alt_names, unsigned int usages, struct fault *fault)
{
	append_der_number(body, 0);
	if (append_name(body, subject, fault) < 0 || append_spki(key, body, fault) < 0)
		return -1;
	append_attributes(body, alt_names, usages);
	enclose_der(body, 0, DER_SEQUENCE);
	return check_buffer(body, fault);
}

/* Checks that parse_csr_der would accept the new request. */
static int check_csr_der(struct bytes der, struct fault *fault)
{
	CLEANUP(free_string) char *subject = NULL;
	struct csr_fields fields;

	if (der.len > CSR_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "request: expected at most %d octets, found %zu", CSR_DER_MAX,
				 der.len);
	if (split_csr(der, &fields, fault) < 0)
		return -1;
	return read_subject(fields.subject, SUBJECT_REQUIRED, &subject, fault);
}

int create_csr(const struct private_key *key, const char *subject,
	       const struct alt_names *alt_names, unsigned int usages, struct buffer *ret_pem,
	       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (append_body(&body, key, subject, alt_names, usages, fault) < 0 ||
	    sign_object(key, bytes_of_buffer(&body), &der, fault) < 0 ||
	    check_csr_der(bytes_of_buffer(&der), fault) < 0)
		return -1;
	return format_pem(bytes_of_buffer(&der), label, ret_pem, fault);
}

/* Finds the contents of the extensionRequest; *ret_extensions is untouched if there is none. */
static int find_requested_extensions(struct bytes attributes, struct bytes *ret_extensions,
				     struct fault *fault)
{
	struct der_item attribute;
	struct der_item oid;
	struct der_item values;
	struct der_item extensions;
	bool found = false;

	while (read_der(&attributes, &attribute)) {
		if (attribute.tag != DER_SEQUENCE ||
		    !read_der_tagged(&attribute.content, DER_OID, &oid) ||
		    !read_der_tagged(&attribute.content, DER_SET, &values) ||
		    attribute.content.len > 0)
			return set_fault(fault, FAULT_MALFORMED,
					 "request: expected attributes of a type and a set of "
					 "values (RFC 2986 section 4.1)");
		if (!equal_bytes(oid.content, extension_request))
			continue;
		if (found || !read_der_tagged(&values.content, DER_SEQUENCE, &extensions) ||
		    values.content.len > 0)
			return set_fault(fault, FAULT_MALFORMED,
					 "request: expected one extensionRequest with one value "
					 "(RFC 2985 section 5.4.2)");
		found = true;
		*ret_extensions = extensions.content;
	}
	return 0;
}

/* Reads the alternative names and the usages that are asked for. */
static int read_extensions(struct csr *csr, struct fault *fault)
{
	struct bytes extensions = {0};
	struct extension extension = {0};
	bool found;

	if (find_requested_extensions(csr->fields.attributes, &extensions, fault) < 0)
		return -1;
	if (read_asked_usages(extensions, &csr->usages, fault) < 0 ||
	    find_extension(extensions, EXTENSION_SUBJECT_ALT_NAME, &extension, &found, fault) < 0)
		return prefix_fault(fault, "request");
	if (!found)
		return 0;
	csr->alt_names_der = extension.value;
	if (parse_alt_names(extension.value, &csr->alt_names, fault) < 0)
		return prefix_fault(fault, "request");
	return 0;
}

static int read_csr(struct csr *csr, enum subject_rule rule, struct fault *fault)
{
	if (split_csr(bytes_of_buffer(&csr->der), &csr->fields, fault) < 0)
		return -1;
	if (parse_public_key(csr->fields.spki, &csr->key, fault) < 0)
		return prefix_fault(fault, "request");
	if (read_extensions(csr, fault) < 0)
		return -1;
	return read_subject(csr->fields.subject, rule, &csr->subject, fault);
}

static int parse_csr(struct bytes der, enum subject_rule rule, struct csr **ret_csr,
		     struct fault *fault)
{
	CLEANUP(free_csr) struct csr *csr = NULL;

	if (der.len > CSR_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "request: expected at most %d octets, found %zu", CSR_DER_MAX,
				 der.len);
	csr = calloc(1, sizeof(*csr));
	if (csr == NULL)
		return set_memory_fault(fault);
	append_bytes(&csr->der, der);
	if (check_buffer(&csr->der, fault) < 0 || read_csr(csr, rule, fault) < 0)
		return -1;
	*ret_csr = TAKE(csr);
	return 0;
}

int parse_csr_der(struct bytes der, struct csr **ret_csr, struct fault *fault)
{
	return parse_csr(der, SUBJECT_REQUIRED, ret_csr, fault);
}

int parse_acme_csr(struct bytes der, struct csr **ret_csr, struct fault *fault)
{
	return parse_csr(der, SUBJECT_OPTIONAL, ret_csr, fault);
}

int parse_csr_pem(struct bytes pem, struct csr **ret_csr, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (unwrap_pem(pem, label, other_label, CSR_PEM_MAX, &der, fault) < 0)
		return -1;
	return parse_csr_der(bytes_of_buffer(&der), ret_csr, fault);
}

int read_csr_key_sha256(struct bytes pem, uint8_t ret_sha256[static SHA256_LEN],
			struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct csr_fields fields;

	if (unwrap_pem(pem, label, other_label, CSR_PEM_MAX, &der, fault) < 0 ||
	    split_csr(bytes_of_buffer(&der), &fields, fault) < 0)
		return -1;
	digest_sha256(fields.spki, ret_sha256);
	return 0;
}

const char *csr_subject(const struct csr *csr)
{
	return csr->subject;
}

struct bytes csr_subject_der(const struct csr *csr)
{
	return csr->fields.subject;
}

const struct alt_names *csr_alt_names(const struct csr *csr)
{
	return &csr->alt_names;
}

struct bytes csr_alt_names_der(const struct csr *csr)
{
	return csr->alt_names_der;
}

const struct asked_usages *csr_usages(const struct csr *csr)
{
	return &csr->usages;
}

const struct public_key *csr_public_key(const struct csr *csr)
{
	return csr->key;
}

static const char proof_section[] = "proof of possession (RFC 2986 section 4.2)";

int verify_csr(const struct csr *csr, struct verdict *verdict, struct fault *fault)
{
	return verify_signed_object(&csr->fields.signed_object, csr->key, proof_section, verdict,
				    fault);
}

int check_csr_proof(const struct csr *csr, struct fault *fault)
{
	struct verdict verdict = {0};

	if (verify_csr(csr, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "request: %s", verdict.reason);
	return 0;
}
