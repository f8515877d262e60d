#include "common/x509/revocation/crl.h"

#include "common/base/clock.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/pem.h"
#include "common/x509/revocation/crl_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crl {
	struct buffer der;
	struct crl_fields fields; /* slices of der */
	bool indexed;
	uint32_t *entries; /* offsets into the list, sorted by serial; NULL before index_crl */
	size_t count;
};

void free_crl(struct crl **crl_pointer)
{
	struct crl *crl = TAKE(*crl_pointer);

	if (crl == NULL)
		return;
	clear_buffer(&crl->der);
	free(crl->entries);
	free(crl);
}

/* The entry at the offset; index_entries has checked that it can be read. */
static struct revoked_entry entry_at(const struct crl *crl, uint32_t offset)
{
	struct bytes rest = {crl->fields.revoked.data + offset, crl->fields.revoked.len - offset};
	struct revoked_entry entry = {0};

	(void)read_revoked_entry(&rest, &entry);
	return entry;
}

/* The serial of the entry at the offset: sorting and searching need nothing else. */
static struct bytes serial_at(const struct crl *crl, uint32_t offset)
{
	struct bytes rest = {crl->fields.revoked.data + offset, crl->fields.revoked.len - offset};
	struct der_item sequence = {0};
	struct der_item serial = {0};

	if (read_der(&rest, &sequence))
		(void)read_der(&sequence.content, &serial);
	return serial.content;
}

/* Compares two numbers in as few octets as possible: the shorter one is smaller. */
static int compare_numbers(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.data, b.data, a.len);
}

static int compare_entries(const void *a, const void *b, void *context)
{
	const struct crl *crl = context;

	return compare_numbers(serial_at(crl, *(const uint32_t *)a),
			       serial_at(crl, *(const uint32_t *)b));
}

static int grow_index(struct crl *crl, size_t *size, struct fault *fault)
{
	size_t wanted = *size > 0 ? 2 * *size : 64;
	uint32_t *entries = reallocarray(crl->entries, wanted, sizeof(*entries));

	if (entries == NULL)
		return set_memory_fault(fault);
	crl->entries = entries;
	*size = wanted;
	return 0;
}

int index_crl(struct crl *crl, struct fault *fault)
{
	struct bytes rest = crl->fields.revoked;
	struct bytes before = {0};
	bool sorted = true;
	size_t size = 0;

	while (rest.len > 0) {
		uint32_t offset = (uint32_t)(rest.data - crl->fields.revoked.data);
		struct revoked_entry entry = {0};
		const char *problem = read_revoked_entry(&rest, &entry);

		if (problem != NULL)
			return set_fault(fault, FAULT_MALFORMED, "CRL: entry %zu: %s",
					 crl->count + 1, problem);
		if (crl->count == size && grow_index(crl, &size, fault) < 0)
			return -1;
		sorted = sorted && (crl->count == 0 || compare_numbers(before, entry.serial) <= 0);
		before = entry.serial;
		crl->entries[crl->count++] = offset;
	}
	if (!sorted)
		qsort_r(crl->entries, crl->count, sizeof(*crl->entries), compare_entries, crl);
	crl->indexed = true;
	return 0;
}

/* Replaces PEM by the DER in it. */
static int unwrap_content(struct buffer *content, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (content->len > 0 && content->data[0] == DER_SEQUENCE)
		return 0;
	if (unwrap_pem(bytes_of_buffer(content), "X509 CRL", NULL, CRL_PEM_MAX, &der, fault) < 0)
		return prefix_fault(fault, "CRL: neither DER nor PEM");
	clear_buffer(content);
	*content = take_buffer(&der);
	return 0;
}

int parse_crl_fields(struct buffer *content, struct crl **ret_crl, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = take_buffer(content);
	CLEANUP(free_crl) struct crl *crl = NULL;

	if (unwrap_content(&der, fault) < 0)
		return -1;
	if (der.len > CRL_DER_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "CRL: expected at most %d octets, found %zu", CRL_DER_MAX,
				 der.len);
	crl = calloc(1, sizeof(*crl));
	if (crl == NULL)
		return set_memory_fault(fault);
	crl->der = take_buffer(&der);
	if (split_crl(bytes_of_buffer(&crl->der), &crl->fields, fault) < 0)
		return -1;
	*ret_crl = TAKE(crl);
	return 0;
}

int parse_crl(struct buffer *content, struct crl **ret_crl, struct fault *fault)
{
	CLEANUP(free_crl) struct crl *crl = NULL;

	if (parse_crl_fields(content, &crl, fault) < 0 || index_crl(crl, fault) < 0)
		return -1;
	*ret_crl = TAKE(crl);
	return 0;
}

struct bytes crl_der(const struct crl *crl)
{
	return bytes_of_buffer(&crl->der);
}

int64_t crl_this_update(const struct crl *crl)
{
	return crl->fields.this_update_s;
}

int64_t crl_next_update(const struct crl *crl)
{
	return crl->fields.next_update_s;
}

size_t crl_count(const struct crl *crl)
{
	return crl->count;
}

void format_crl_number(const struct crl *crl, char ret_text[static CRL_NUMBER_TEXT_SIZE])
{
	struct bytes number = crl->fields.number;
	uint64_t value = 0;

	if (number.len > sizeof(value)) {
		ret_text[0] = '0';
		ret_text[1] = 'x';
		format_serial(number, ret_text + 2);
		return;
	}
	for (size_t i = 0; i < number.len; i++)
		value = value << 8 | number.data[i];
	(void)snprintf(ret_text, CRL_NUMBER_TEXT_SIZE, "%" PRIu64, value);
}

int get_crl_number(const struct crl *crl, uint64_t *ret_number, struct fault *fault)
{
	struct bytes number = crl->fields.number;
	uint64_t value = 0;

	if (number.len > sizeof(value) || (number.len == sizeof(value) && number.data[0] >= 0x80))
		return set_fault(fault, FAULT_TOO_LARGE,
				 "CRL: RFC 5280 section 5.2.3: expected a number of at most 63 "
				 "bits, found a larger one");
	for (size_t i = 0; i < number.len; i++)
		value = value << 8 | number.data[i];
	*ret_number = value;
	return 0;
}

bool older_crl(const struct crl *crl, const struct crl *other)
{
	int order = compare_numbers(crl->fields.number, other->fields.number);

	return order < 0 || (order == 0 && crl->fields.this_update_s < other->fields.this_update_s);
}

struct bytes crl_issuer(const struct crl *crl)
{
	return crl->fields.issuer;
}

bool names_issuer(const struct crl *crl, const struct certificate *issuer)
{
	const struct certificate_fields *fields = certificate_fields(issuer);

	return equal_bytes(crl->fields.issuer, fields->subject) &&
	       find_subject_key_id(fields).len > 0 &&
	       names_key(&crl->fields.authority_key_id, fields);
}

bool may_sign_crls(const struct certificate *certificate)
{
	struct extension extension = {0};
	struct der_item bits;
	bool found;

	if (find_extension(certificate_fields(certificate)->extensions, EXTENSION_KEY_USAGE,
			   &extension, &found, NULL) < 0 ||
	    !found)
		return false;
	return read_der_tagged(&extension.value, DER_BIT_STRING, &bits) && bits.content.len >= 2 &&
	       (bits.content.data[1] & USAGE_CRL_SIGN) != 0;
}

int verify_crl_signature(const struct crl *crl, const struct certificate *issuer,
			 struct verdict *verdict, struct fault *fault)
{
	const struct certificate_fields *fields = certificate_fields(issuer);
	const char *subject = certificate_subject(issuer);

	if (!equal_bytes(crl->fields.issuer, fields->subject))
		reject_because(
			verdict,
			"CRL: RFC 5280 section 5.1.2.3: issuer: expected %s, found another name",
			subject);
	else if (!names_issuer(crl, issuer))
		reject_because(verdict,
			       "CRL: RFC 5280 section 5.2.1: authorityKeyIdentifier: expected the "
			       "identifier of the key of %s, found another",
			       subject);
	if (!may_sign_crls(issuer))
		reject_because(
			verdict,
			"CRL: RFC 5280 section 4.2.1.3: keyUsage: the certificate of %s does not "
			"allow cRLSign",
			subject);
	if (verdict->invalid)
		return 0;
	return verify_signed_object(&crl->fields.signed_object, certificate_public_key(issuer),
				    "CRL: RFC 5280 section 5.1.1.3: signatureValue", verdict,
				    fault);
}

void check_crl_time(const struct crl *crl, int64_t at_s, struct verdict *verdict)
{
	char at[TIME_TEXT_SIZE];
	char bound[TIME_TEXT_SIZE];

	format_time(at_s, at);
	format_time(crl_this_update(crl), bound);
	if (crl_this_update(crl) > at_s + CRL_SKEW_S)
		reject_because(
			verdict,
			"CRL: certpool expects thisUpdate (RFC 5280 section 5.1.2.4) not in the "
			"future: it was made at %s, and the time is %s",
			bound, at);
	format_time(crl_next_update(crl), bound);
	if (crl_next_update(crl) < at_s)
		reject_because(
			verdict,
			"CRL: RFC 5280 section 5.1.2.5: it is out of date at %s: a new one was due "
			"by %s",
			at, bound);
}

int verify_crl(const struct crl *crl, const struct certificate *issuer, int64_t at_s,
	       struct verdict *verdict, struct fault *fault)
{
	check_crl_time(crl, at_s, verdict);
	return verify_crl_signature(crl, issuer, verdict, fault);
}

void read_crl_entry(const struct crl *crl, size_t index, uint8_t ret_serial[static SERIAL_MAX],
		    struct crl_revocation *ret_revocation)
{
	struct revoked_entry entry = entry_at(crl, crl->entries[index]);

	memset(ret_serial, 0, SERIAL_MAX);
	memcpy(ret_serial + SERIAL_MAX - entry.serial.len, entry.serial.data, entry.serial.len);
	*ret_revocation =
		(struct crl_revocation){.revoked_at_s = entry.revoked_at_s, .reason = entry.reason};
}

bool find_revoked(const struct crl *crl, struct bytes serial, struct crl_revocation *ret_revocation)
{
	size_t from = 0;
	size_t to = crl->count;

	if (!crl->indexed) {
		*ret_revocation = (struct crl_revocation){0};
		return true;
	}
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = compare_numbers(serial, serial_at(crl, crl->entries[middle]));
		struct revoked_entry entry;

		if (order == 0) {
			entry = entry_at(crl, crl->entries[middle]);
			*ret_revocation = (struct crl_revocation){
				.revoked_at_s = entry.revoked_at_s, .reason = entry.reason};
			return true;
		}
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}
