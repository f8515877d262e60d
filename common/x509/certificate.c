#include "common/x509/certificate.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/pem.h"

#include <stdio.h>
#include <stdlib.h>

static const char label[] = "CERTIFICATE";

struct certificate {
	struct buffer der;
	struct certificate_fields fields; /* slices of der */
	struct public_key *key;
	char *subject;
	char *issuer;
	int64_t not_before_s;
	int64_t not_after_s;
};

void free_certificate(struct certificate **certificate)
{
	struct certificate *old = TAKE(*certificate);

	if (old == NULL)
		return;
	free_public_key(&old->key);
	free(old->subject);
	free(old->issuer);
	clear_buffer(&old->der);
	free(old);
}

/* Fills in the other members from the DER. */
static int read_certificate_fields(struct certificate *certificate, struct fault *fault)
{
	struct certificate_fields *fields = &certificate->fields;

	if (split_certificate(bytes_of_buffer(&certificate->der), fields, fault) < 0)
		return -1;
	if (fields->serial.len > SERIAL_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "certificate: RFC 5280 section 4.1.2.2: serialNumber: expected at "
				 "most %d octets, found %zu",
				 SERIAL_MAX, fields->serial.len);
	if (!read_der_time(&fields->not_before, &certificate->not_before_s) ||
	    !read_der_time(&fields->not_after, &certificate->not_after_s))
		return set_fault(fault, FAULT_MALFORMED,
				 "certificate: RFC 5280 section 4.1.2.5: validity: expected "
				 "YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ");
	if (parse_public_key(fields->spki, &certificate->key, fault) < 0)
		return prefix_fault(fault, "certificate");
	if (format_name(fields->subject, &certificate->subject, fault) < 0 ||
	    format_name(fields->issuer, &certificate->issuer, fault) < 0)
		return prefix_fault(fault, "certificate");
	return 0;
}

int parse_certificate_der(struct bytes der, struct certificate **ret_certificate,
			  struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;

	if (der.len > CERTIFICATE_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "certificate: expected at most %d octets, found %zu",
				 CERTIFICATE_DER_MAX, der.len);
	certificate = calloc(1, sizeof(*certificate));
	if (certificate == NULL)
		return set_memory_fault(fault);
	append_bytes(&certificate->der, der);
	if (check_buffer(&certificate->der, fault) < 0 ||
	    read_certificate_fields(certificate, fault) < 0)
		return -1;
	*ret_certificate = TAKE(certificate);
	return 0;
}

int parse_certificate_pem(struct bytes pem, struct certificate **ret_certificate,
			  struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (unwrap_certificate_pem(pem, &der, fault) < 0)
		return -1;
	return parse_certificate_der(bytes_of_buffer(&der), ret_certificate, fault);
}

int format_certificate_pem(struct bytes der, struct buffer *ret_pem, struct fault *fault)
{
	return format_pem(der, label, ret_pem, fault);
}

int unwrap_certificate_pem(struct bytes pem, struct buffer *ret_der, struct fault *fault)
{
	return unwrap_pem(pem, label, NULL, CERTIFICATE_PEM_MAX, ret_der, fault);
}

struct bytes certificate_der(const struct certificate *certificate)
{
	return bytes_of_buffer(&certificate->der);
}

struct bytes certificate_serial(const struct certificate *certificate)
{
	return certificate->fields.serial;
}

const char *certificate_subject(const struct certificate *certificate)
{
	return certificate->subject;
}

const char *certificate_issuer(const struct certificate *certificate)
{
	return certificate->issuer;
}

struct bytes certificate_raw_issuer(const struct certificate *certificate)
{
	return certificate->fields.issuer;
}

int64_t certificate_not_before(const struct certificate *certificate)
{
	return certificate->not_before_s;
}

int64_t certificate_not_after(const struct certificate *certificate)
{
	return certificate->not_after_s;
}

const struct public_key *certificate_public_key(const struct certificate *certificate)
{
	return certificate->key;
}

const struct certificate_fields *certificate_fields(const struct certificate *certificate)
{
	return &certificate->fields;
}

int get_certificate_alt_names(const struct certificate *certificate, struct alt_names *ret_names,
			      struct fault *fault)
{
	struct extension extension = {0};
	bool found;

	if (find_extension(certificate->fields.extensions, EXTENSION_SUBJECT_ALT_NAME, &extension,
			   &found, fault) < 0)
		return prefix_fault(fault, "certificate");
	return found ? parse_alt_names(extension.value, ret_names, fault) : 0;
}
