#include "common/x509/certificate_builder.h"

void append_extension(struct buffer *extensions, struct bytes oid, bool critical,
		      struct bytes value)
{
	const size_t begin = extensions->len;

	append_der(extensions, DER_OID, oid);
	/* DER omits the default, FALSE (X.690 section 11.5). */
	if (critical)
		append_der(extensions, DER_BOOLEAN, (struct bytes){(const uint8_t *)"\xff", 1});
	append_der(extensions, DER_OCTET_STRING, value);
	enclose_der(extensions, begin, DER_SEQUENCE);
}

void append_ce_extension(struct buffer *extensions, enum extension_id id, bool critical,
			 struct bytes value)
{
	const uint8_t oid[] = {0x55, 0x1d, (uint8_t)id};

	append_extension(extensions, (struct bytes){oid, sizeof(oid)}, critical, value);
}

void append_basic_constraints(struct buffer *extensions, bool ca, int path_length)
{
	const uint8_t plain[] = {DER_SEQUENCE, 0};
	const uint8_t authority[] = {DER_SEQUENCE, 3, DER_BOOLEAN, 1, 0xff};
	const uint8_t limited[] = {DER_SEQUENCE, 6,           DER_BOOLEAN, 1,
				   0xff,         DER_INTEGER, 1,           (uint8_t)path_length};
	struct bytes value = {plain, sizeof(plain)};

	if (ca)
		value = path_length < 0 ? (struct bytes){authority, sizeof(authority)}
					: (struct bytes){limited, sizeof(limited)};
	append_ce_extension(extensions, EXTENSION_BASIC_CONSTRAINTS, true, value);
}

void append_key_usage(struct buffer *extensions, unsigned int bits)
{
	uint8_t unused = 0;

	/* The last bit of a BIT STRING with named bits is 1 (X.690 section 11.2.2). */
	while (unused < 7 && (bits >> unused & 1) == 0)
		unused++;
	append_ce_extension(
		extensions, EXTENSION_KEY_USAGE, true,
		(struct bytes){(const uint8_t[]){DER_BIT_STRING, 2, unused, (uint8_t)bits}, 4});
}

int append_subject_key_id(struct buffer *extensions, struct bytes spki, struct fault *fault)
{
	uint8_t value[2 + SHA1_LEN] = {DER_OCTET_STRING, SHA1_LEN};

	if (digest_key_bits(spki, GNUTLS_DIG_SHA1, value + 2, fault) < 0)
		return -1;
	append_ce_extension(extensions, EXTENSION_SUBJECT_KEY_ID, false,
			    (struct bytes){value, sizeof(value)});
	return 0;
}

void append_authority_key_id(struct buffer *extensions, struct bytes key_id)
{
	CLEANUP(clear_buffer) struct buffer value = {0};

	append_der(&value, DER_CONTEXT, key_id);
	enclose_der(&value, 0, DER_SEQUENCE);
	append_ce_extension(extensions, EXTENSION_AUTHORITY_KEY_ID, false, bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}

/* GeneralName: uniformResourceIdentifier [6] IA5String (RFC 5280 section 4.2.1.6). */
enum { GENERAL_NAME_URI = DER_CONTEXT + 6 };

/* Calls enclose_der for each tag: the first is the innermost. */
static void enclose_in_tags(struct buffer *buffer, size_t begin, const uint8_t *tags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		enclose_der(buffer, begin, tags[i]);
}

void append_crl_distribution_points(struct buffer *extensions, const char *url)
{
	static const uint8_t tags[] = {
		DER_CONTEXT_CONSTRUCTED, /* fullName */
		DER_CONTEXT_CONSTRUCTED, /* distributionPoint, a CHOICE, so tagged explicitly */
		DER_SEQUENCE,            /* DistributionPoint */
		DER_SEQUENCE,            /* CRLDistributionPoints */
	};
	CLEANUP(clear_buffer) struct buffer value = {0};

	append_der(&value, GENERAL_NAME_URI, bytes_of_string(url));
	enclose_in_tags(&value, 0, tags, COUNT_OF(tags));
	append_ce_extension(extensions, EXTENSION_CRL_DISTRIBUTION_POINTS, false,
			    bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}

/* AccessDescription, whose method is the last arc below id-ad, 1.3.6.1.5.5.7.48. */
static void append_access(struct buffer *accesses, uint8_t method, const char *url)
{
	const uint8_t oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, method};
	const size_t begin = accesses->len;

	append_der(accesses, DER_OID, (struct bytes){oid, sizeof(oid)});
	append_der(accesses, GENERAL_NAME_URI, bytes_of_string(url));
	enclose_der(accesses, begin, DER_SEQUENCE);
}

void append_information_access(struct buffer *extensions, const char *ocsp_url,
			       const char *issuer_url)
{
	/* 1.3.6.1.5.5.7.1.1 */
	static const uint8_t id_pe_access[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};
	enum { ID_AD_OCSP = 1, ID_AD_CA_ISSUERS = 2 };
	CLEANUP(clear_buffer) struct buffer value = {0};

	if (ocsp_url != NULL)
		append_access(&value, ID_AD_OCSP, ocsp_url);
	if (issuer_url != NULL)
		append_access(&value, ID_AD_CA_ISSUERS, issuer_url);
	enclose_der(&value, 0, DER_SEQUENCE);
	append_extension(extensions, (struct bytes){id_pe_access, sizeof(id_pe_access)}, false,
			 bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}

static int check_times(const struct validity *validity, struct fault *fault)
{
	if (validity->not_before_s < 0 || validity->not_after_s > DER_TIME_MAX_S ||
	    validity->not_before_s >= validity->not_after_s)
		return set_fault(fault, FAULT_REFUSED,
				 "validity: expected notBefore before notAfter, from 1970 to 9999");
	return 0;
}

static void append_validity(struct buffer *body, const struct validity *validity)
{
	const size_t begin = body->len;

	append_der_time(body, validity->not_before_s);
	append_der_time(body, validity->not_after_s);
	enclose_der(body, begin, DER_SEQUENCE);
}

/* TBSCertificate, of version 3. */
static void append_body(struct buffer *body, const struct tbs_certificate *fields,
			struct bytes algorithm)
{
	size_t begin;

	append_der_number(body, 2);
	enclose_der(body, 0, DER_CONTEXT_CONSTRUCTED);
	append_der(body, DER_INTEGER, fields->serial);
	append_bytes(body, algorithm);
	append_bytes(body, fields->issuer);
	append_validity(body, &fields->validity);
	append_bytes(body, fields->subject);
	append_bytes(body, fields->spki);
	begin = body->len;
	append_der(body, DER_SEQUENCE, fields->extensions);
	enclose_der(body, begin, DER_CONTEXT_CONSTRUCTED + 3);
	enclose_der(body, 0, DER_SEQUENCE);
}

static int check_certificate_der(struct bytes der, enum profile profile, struct fault *fault)
{
	struct certificate_fields fields;
	struct verdict verdict = {0};

	if (der.len > CERTIFICATE_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "certificate: expected at most %d octets, found %zu",
				 CERTIFICATE_DER_MAX, der.len);
	if (split_certificate(der, &fields, fault) < 0 ||
	    check_certificate_fields(&fields, profile, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_REFUSED, "certificate: %s", verdict.reason);
	return 0;
}

int build_certificate_body(const struct tbs_certificate *fields, struct bytes algorithm,
			   struct buffer *ret_body, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};

	if (check_times(&fields->validity, fault) < 0)
		return -1;
	append_body(&body, fields, algorithm);
	if (check_buffer(&body, fault) < 0)
		return -1;
	*ret_body = take_buffer(&body);
	return 0;
}

int build_certificate(const struct tbs_certificate *fields, const struct checked_signer *signer,
		      enum profile profile, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (build_certificate_body(fields, signing_algorithm(private_key_type(signer->key)), &body,
				   fault) < 0)
		return -1;
	if (sign_checked_object(signer, bytes_of_buffer(&body), &der, fault) < 0)
		return prefix_fault(fault, "certificate");
	if (check_certificate_der(bytes_of_buffer(&der), profile, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
