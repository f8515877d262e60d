#include "common/x509/csr.h"

#include "common/x509/distinguished_name.h"
#include "common/x509/parts.h"
#include "common/x509/pem.h"

#include <stdlib.h>
#include <string.h>

/* RFC 7468 section 7; the second is what older tools and certtool write. */
static const char label[] = "CERTIFICATE REQUEST";
static const char other_label[] = "NEW CERTIFICATE REQUEST";

static const char subject_section[] = "RFC 5280 section 4.1.2.6: subject";

struct csr {
	struct buffer der;
	struct csr_parts parts; /* slices of der */
	struct bytes alt_names_der;
	gnutls_x509_crq_t handle;
	struct public_key *key;
	char *subject;
	struct alt_names alt_names;
};

static void deinit_crq(gnutls_x509_crq_t *crq)
{
	if (*crq != NULL)
		gnutls_x509_crq_deinit(*crq);
	*crq = NULL;
}

static void deinit_pubkey(gnutls_pubkey_t *pubkey)
{
	if (*pubkey != NULL)
		gnutls_pubkey_deinit(*pubkey);
	*pubkey = NULL;
}

void free_csr(struct csr **csr)
{
	struct csr *old = TAKE(*csr);

	if (old == NULL)
		return;
	deinit_crq(&old->handle);
	free_public_key(&old->key);
	free(old->subject);
	clear_alt_names(&old->alt_names);
	clear_buffer(&old->der);
	free(old);
}

/* The subject's text, of a subject that holds what csr.h says. Owns: the caller frees. */
static int read_subject(gnutls_x509_crq_t crq, struct bytes subject, char **ret_text,
			struct fault *fault)
{
	CLEANUP(free_string) char *text = NULL;
	struct verdict verdict = {0};
	gnutls_datum_t name = {0};
	int result;

	if (empty_name(subject))
		reject(&verdict, "%s: expected at least one attribute, found none",
		       subject_section);
	check_name(subject, subject_section, &verdict);
	if (verdict.invalid)
		return set_fault(fault, FAULT_MALFORMED, "request: %s", verdict.reason);
	result = gnutls_x509_crq_get_dn3(crq, &name, 0);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED, "request: %s: no form in RFC 4514: %s",
				 subject_section, gnutls_strerror(result));
	if (take_name_text(&name, &text, fault) < 0)
		return -1;
	if (strlen(text) >= SUBJECT_SIZE)
		return set_fault(fault, FAULT_MALFORMED,
				 "request: %s: expected fewer than %d octets, found %zu",
				 subject_section, SUBJECT_SIZE, strlen(text));
	*ret_text = TAKE(text);
	return 0;
}

/* Sets key, subject and alternative names of what is to be signed. */
static int fill_crq(gnutls_x509_crq_t crq, gnutls_pubkey_t pubkey, const char *subject,
		    const struct alt_names *alt_names, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	int result = gnutls_x509_crq_set_dn(crq, subject, NULL);

	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "subject \"%s\": expected RFC 4514 like CN=client1,O=Example: %s",
				 subject, gnutls_strerror(result));
	result = gnutls_x509_crq_set_version(crq, 1);
	if (result >= 0)
		result = gnutls_x509_crq_set_pubkey(crq, pubkey);
	if (result >= 0 && alt_names != NULL && alt_names->count > 0) {
		append_alt_names(&der, alt_names);
		if (check_buffer(&der, fault) < 0)
			return -1;
		result = gnutls_x509_crq_set_extension_by_oid(crq, GNUTLS_X509EXT_OID_SAN, der.data,
							      der.len, 0);
	}
	if (result < 0)
		return set_fault(fault, FAULT_FAILED, "request: cannot be made: %s",
				 gnutls_strerror(result));
	return 0;
}

static int sign_crq(gnutls_x509_crq_t crq, const struct private_key *key, struct buffer *ret_der,
		    struct fault *fault)
{
	gnutls_datum_t der = {0};
	int result = gnutls_x509_crq_privkey_sign(crq, private_key_handle(key),
						  signing_digest(private_key_type(key)), 0);

	if (result >= 0)
		result = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);
	if (result < 0)
		return set_fault(fault, FAULT_FAILED, "request: cannot be signed: %s",
				 gnutls_strerror(result));
	append_bytes(ret_der, (struct bytes){der.data, der.size});
	gnutls_free(der.data);
	return check_buffer(ret_der, fault);
}

/* Whether what was made is what parse_csr_der takes. */
static int check_made(gnutls_x509_crq_t crq, struct bytes der, struct fault *fault)
{
	CLEANUP(free_string) char *subject = NULL;
	struct csr_parts parts;

	if (der.len > CSR_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "request: expected at most %d octets, found %zu", CSR_DER_MAX,
				 der.len);
	if (split_csr(der, &parts, fault) < 0)
		return -1;
	return read_subject(crq, parts.subject, &subject, fault);
}

int create_csr(const struct private_key *key, const char *subject,
	       const struct alt_names *alt_names, struct buffer *ret_pem, struct fault *fault)
{
	CLEANUP(deinit_crq) gnutls_x509_crq_t crq = NULL;
	CLEANUP(deinit_pubkey) gnutls_pubkey_t pubkey = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (gnutls_x509_crq_init(&crq) < 0 || gnutls_pubkey_init(&pubkey) < 0)
		return set_memory_fault(fault);
	if (gnutls_pubkey_import_privkey(pubkey, private_key_handle(key), 0, 0) < 0)
		return set_fault(fault, FAULT_FAILED, "request: the key has no public half");
	if (fill_crq(crq, pubkey, subject, alt_names, fault) < 0 ||
	    sign_crq(crq, key, &der, fault) < 0 ||
	    check_made(crq, bytes_of_buffer(&der), fault) < 0)
		return -1;
	return format_pem(bytes_of_buffer(&der), label, ret_pem, fault);
}

static int import_handle(struct csr *csr, struct fault *fault)
{
	gnutls_datum_t der = {csr->der.data, (unsigned int)csr->der.len};
	int result = gnutls_x509_crq_init(&csr->handle);

	if (result >= 0)
		result = gnutls_x509_crq_import(csr->handle, &der, GNUTLS_X509_FMT_DER);
	if (result == GNUTLS_E_MEMORY_ERROR)
		return set_memory_fault(fault);
	if (result < 0)
		return set_fault(fault, FAULT_MALFORMED, "request: GnuTLS cannot read it: %s",
				 gnutls_strerror(result));
	return 0;
}

/* extensionRequest (RFC 2985 section 5.4.2): 1.2.840.113549.1.9.14 */
static const struct bytes extension_request = {
	(const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e", 9};

/* Finds the extensions asked for; none when the request has no such attribute. */
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

/* Reads subjectAltName, the one extension that is taken from a request. */
static int read_alt_names(struct csr *csr, struct fault *fault)
{
	struct bytes extensions = {0};
	struct extension extension = {0};
	bool found;

	if (find_requested_extensions(csr->parts.attributes, &extensions, fault) < 0)
		return -1;
	if (find_extension(extensions, EXTENSION_SUBJECT_ALT_NAME, &extension, &found, fault) < 0)
		return prefix_fault(fault, "request");
	if (!found)
		return 0;
	csr->alt_names_der = extension.value;
	if (parse_alt_names(extension.value, &csr->alt_names, fault) < 0)
		return prefix_fault(fault, "request");
	return 0;
}

static int read_csr(struct csr *csr, struct fault *fault)
{
	if (split_csr(bytes_of_buffer(&csr->der), &csr->parts, fault) < 0)
		return -1;
	if (parse_public_key(csr->parts.spki, &csr->key, fault) < 0)
		return prefix_fault(fault, "request");
	if (read_alt_names(csr, fault) < 0 || import_handle(csr, fault) < 0)
		return -1;
	return read_subject(csr->handle, csr->parts.subject, &csr->subject, fault);
}

int parse_csr_der(struct bytes der, struct csr **ret_csr, struct fault *fault)
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
	if (check_buffer(&csr->der, fault) < 0 || read_csr(csr, fault) < 0)
		return -1;
	*ret_csr = TAKE(csr);
	return 0;
}

int parse_csr_pem(struct bytes pem, struct csr **ret_csr, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (unwrap_pem(pem, label, other_label, CSR_PEM_MAX, &der, fault) < 0)
		return -1;
	return parse_csr_der(bytes_of_buffer(&der), ret_csr, fault);
}

const char *csr_subject(const struct csr *csr)
{
	return csr->subject;
}

const struct alt_names *csr_alt_names(const struct csr *csr)
{
	return &csr->alt_names;
}

struct bytes csr_alt_names_der(const struct csr *csr)
{
	return csr->alt_names_der;
}

const struct public_key *csr_public_key(const struct csr *csr)
{
	return csr->key;
}

gnutls_x509_crq_t csr_handle(const struct csr *csr)
{
	return csr->handle;
}

static const char proof_section[] = "proof of possession (RFC 2986 section 4.2)";

void check_csr_signature_form(const struct csr *csr, struct verdict *verdict)
{
	const char *flaw = find_signature_flaw(&csr->parts.signed_object, csr->key);

	if (flaw != NULL)
		reject(verdict, "%s: %s", proof_section, flaw);
}

int verify_csr(const struct csr *csr, struct verdict *verdict, struct fault *fault)
{
	return verify_signed_object(&csr->parts.signed_object, csr->key, proof_section, verdict,
				    fault);
}
