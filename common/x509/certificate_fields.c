#include "common/x509/certificate_fields.h"

#include <gnutls/crypto.h>
#include <string.h>

/* version [0] EXPLICIT INTEGER DEFAULT v1: DER omits the default (X.690 section 11.5). */
static bool read_version(struct bytes *rest, int *ret_version)
{
	struct der_item wrapping;
	struct der_item version;

	*ret_version = 1;
	if (rest->len > 0 && rest->data[0] != DER_CONTEXT_CONSTRUCTED)
		return true;
	if (!read_der(rest, &wrapping) ||
	    !read_der_tagged(&wrapping.content, DER_INTEGER, &version) ||
	    wrapping.content.len > 0 || version.content.len != 1 || version.content.data[0] < 1 ||
	    version.content.data[0] > 2)
		return false;
	*ret_version = version.content.data[0] + 1;
	return true;
}

static bool read_validity(struct bytes *rest, struct certificate_fields *fields)
{
	struct der_item validity;

	return read_der_tagged(rest, DER_SEQUENCE, &validity) &&
	       read_der(&validity.content, &fields->not_before) &&
	       read_der(&validity.content, &fields->not_after) && validity.content.len == 0;
}

static bool read_whole(struct bytes *rest, uint8_t tag, struct bytes *ret_whole)
{
	struct der_item item;

	if (!read_der_tagged(rest, tag, &item))
		return false;
	*ret_whole = item.whole;
	return true;
}

/* issuerUniqueID [1], subjectUniqueID [2] and extensions [3], all optional. */
static bool read_optional_fields(struct bytes *rest, struct certificate_fields *fields)
{
	struct der_item item;
	struct der_item extensions;

	for (uint8_t number = 1; number <= 2; number++)
		if (read_der_tagged(rest, DER_CONTEXT + number, &item))
			fields->unique_identifiers = true;
	if (rest->len == 0)
		return true;
	if (!read_der_tagged(rest, DER_CONTEXT_CONSTRUCTED + 3, &item) ||
	    !read_der_tagged(&item.content, DER_SEQUENCE, &extensions) || item.content.len > 0)
		return false;
	fields->extensible = true;
	fields->extensions = extensions.content;
	return rest->len == 0;
}

int split_certificate(struct bytes der, struct certificate_fields *ret_fields, struct fault *fault)
{
	struct certificate_fields fields = {0};
	struct der_item body = {0};
	struct der_item serial;

	if (check_der(der, "certificate", fault) < 0)
		return -1;
	if (!split_signed_object(der, &fields.signed_object))
		return set_fault(fault, FAULT_MALFORMED,
				 "certificate: expected a body, an algorithm and a signature (RFC "
				 "5280 section 4.1)");
	(void)read_der(
		&(struct bytes){fields.signed_object.body.data, fields.signed_object.body.len},
		&body);
	if (!read_version(&body.content, &fields.version) ||
	    !read_der_tagged(&body.content, DER_INTEGER, &serial) ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.algorithm) ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.issuer) ||
	    !read_validity(&body.content, &fields) ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.subject) ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.spki) ||
	    !read_optional_fields(&body.content, &fields))
		return set_fault(fault, FAULT_MALFORMED,
				 "certificate: its body does not have the structure of RFC 5280 "
				 "section 4.1.2, %zu octets before its end",
				 body.content.len);
	fields.serial = serial.content;
	*ret_fields = fields;
	return 0;
}

int split_csr(struct bytes der, struct csr_fields *ret_fields, struct fault *fault)
{
	struct csr_fields fields = {0};
	struct der_item body = {0};
	struct der_item version;
	struct der_item attributes;

	if (check_der(der, "request", fault) < 0)
		return -1;
	if (!split_signed_object(der, &fields.signed_object))
		return set_fault(fault, FAULT_MALFORMED,
				 "request: expected a body, an algorithm and a signature (RFC 2986 "
				 "section 4.2)");
	(void)read_der(
		&(struct bytes){fields.signed_object.body.data, fields.signed_object.body.len},
		&body);
	if (!read_der_tagged(&body.content, DER_INTEGER, &version) || version.content.len != 1 ||
	    version.content.data[0] != 0 ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.subject) ||
	    !read_whole(&body.content, DER_SEQUENCE, &fields.spki) ||
	    !read_der_tagged(&body.content, DER_CONTEXT_CONSTRUCTED, &attributes) ||
	    body.content.len > 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "request: its body does not have the structure of RFC 2986 "
				 "section 4.1, %zu octets before its end",
				 body.content.len);
	if (!ordered_set(attributes.content))
		return set_fault(fault, FAULT_MALFORMED,
				 "request: not DER: expected the attributes in ascending order");
	fields.attributes = attributes.content;
	*ret_fields = fields;
	return 0;
}

bool read_extension(struct bytes *rest, struct extension *ret_extension)
{
	struct bytes after = *rest;
	struct der_item sequence;
	struct der_item oid;
	struct der_item critical;
	struct der_item value;
	bool is_critical;

	if (!read_der_tagged(&after, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_OID, &oid))
		return false;
	/* BOOLEAN DEFAULT FALSE: DER omits the default. */
	is_critical = read_der_tagged(&sequence.content, DER_BOOLEAN, &critical);
	if ((is_critical && critical.content.data[0] == 0) ||
	    !read_der_tagged(&sequence.content, DER_OCTET_STRING, &value) ||
	    sequence.content.len > 0)
		return false;
	*ret_extension = (struct extension){
		.oid = oid.content, .critical = is_critical, .value = value.content};
	if (oid.content.len == 3 && memcmp(oid.content.data, "\x55\x1d", 2) == 0)
		ret_extension->id = oid.content.data[2];
	*rest = after;
	return true;
}

int find_extension(struct bytes extensions, enum extension_id id, struct extension *ret_extension,
		   bool *ret_found, struct fault *fault)
{
	struct extension extension;
	struct extension found_extension = {0};
	bool found = false;

	while (read_extension(&extensions, &extension)) {
		if (extension.id != (int)id)
			continue;
		if (found)
			return set_fault(
				fault, FAULT_MALFORMED,
				"extension 2.5.29.%d is there twice (RFC 5280 section 4.2)",
				(int)id);
		found = true;
		found_extension = extension;
	}
	if (extensions.len > 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected extensions with the structure of RFC 5280 section 4.1");
	if (found)
		*ret_extension = found_extension;
	*ret_found = found;
	return 0;
}

struct bytes find_subject_key_id(const struct certificate_fields *fields)
{
	struct extension extension = {0};
	struct der_item item = {0};
	bool found = false;

	if (find_extension(fields->extensions, EXTENSION_SUBJECT_KEY_ID, &extension, &found, NULL) <
		    0 ||
	    !found || !read_der_tagged(&extension.value, DER_OCTET_STRING, &item))
		return (struct bytes){0};
	return item.content;
}

const char *read_authority_key_id(struct bytes value, struct authority_key_id *ret_id)
{
	struct der_item sequence;
	struct der_item key_id;
	struct der_item issuer = {0};
	struct der_item serial = {0};
	bool complete;

	if (check_der(value, "", NULL) < 0 || !read_der_tagged(&value, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_CONTEXT, &key_id) || key_id.content.len == 0)
		return "expected a keyIdentifier, in DER";
	complete = sequence.content.len == 0;
	if (!complete && read_der_tagged(&sequence.content, DER_CONTEXT_CONSTRUCTED + 1, &issuer) &&
	    read_der_tagged(&sequence.content, DER_CONTEXT + 2, &serial))
		complete = issuer.content.len > 0 && serial.content.len > 0 &&
			   sequence.content.len == 0;
	if (!complete)
		return "expected authorityCertIssuer and authorityCertSerialNumber, or neither";
	*ret_id = (struct authority_key_id){
		.key_id = key_id.content, .issuer = issuer.content, .serial = serial.content};
	return NULL;
}

/* Whether one of the names is the directoryName [4], explicitly tagged. */
static bool has_directory_name(struct bytes general_names, struct bytes name)
{
	struct der_item item;

	while (read_der(&general_names, &item))
		if (item.tag == DER_CONTEXT_CONSTRUCTED + 4 && equal_bytes(item.content, name))
			return true;
	return false;
}

bool names_key(const struct authority_key_id *id, const struct certificate_fields *issuer)
{
	struct bytes key_id = find_subject_key_id(issuer);

	if (key_id.len > 0 && !equal_bytes(key_id, id->key_id))
		return false;
	return id->serial.len == 0 || (equal_bytes(id->serial, issuer->serial) &&
				       has_directory_name(id->issuer, issuer->issuer));
}

bool names_key_of(const struct certificate_fields *fields, const struct certificate_fields *issuer)
{
	struct extension extension = {0};
	struct authority_key_id id;
	bool found = false;

	if (find_extension(fields->extensions, EXTENSION_AUTHORITY_KEY_ID, &extension, &found,
			   NULL) < 0 ||
	    !found || read_authority_key_id(extension.value, &id) != NULL)
		return true;
	return names_key(&id, issuer);
}

bool find_path_length(const struct certificate_fields *fields, unsigned int *ret_length)
{
	struct extension extension = {0};
	struct der_item sequence;
	struct der_item item;
	bool found = false;

	if (find_extension(fields->extensions, EXTENSION_BASIC_CONSTRAINTS, &extension, &found,
			   NULL) < 0 ||
	    !found || !read_der_tagged(&extension.value, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_BOOLEAN, &item) ||
	    !read_der_tagged(&sequence.content, DER_INTEGER, &item))
		return false;
	*ret_length = item.content.len == 1 ? item.content.data[0] : UINT8_MAX;
	return true;
}

int digest_key_bits(struct bytes spki, gnutls_digest_algorithm_t algorithm, uint8_t *ret_digest,
		    struct fault *fault)
{
	struct der_item sequence;
	struct der_item identifier;
	struct der_item bits;

	if (!read_der_tagged(&spki, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_SEQUENCE, &identifier) ||
	    !read_der_tagged(&sequence.content, DER_BIT_STRING, &bits) || bits.content.len == 0 ||
	    gnutls_hash_fast(algorithm, bits.content.data + 1, bits.content.len - 1, ret_digest) <
		    0)
		return set_fault(fault, FAULT_FAILED,
				 "the public key's identifier cannot be computed");
	return 0;
}
