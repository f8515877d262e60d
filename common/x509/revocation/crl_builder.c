#include "common/x509/revocation/crl_builder.h"

#include "common/x509/certificate_fields.h"
#include "common/x509/pem.h"
#include "common/x509/signing_order.h"

/* The extensions and the signature, which follow the entries, have far fewer octets. */
enum { REST_MAX = 4096 };

#define ID_CE(arc) "\x06\x03\x55\x1d" arc

static bool valid_time(int64_t time_s)
{
	return time_s >= 0 && time_s <= DER_TIME_MAX_S;
}

static int check_options(const struct issuer *issuer, const struct crl_options *options,
			 struct fault *fault)
{
	if (!valid_time(options->this_update_s) || !valid_time(options->next_update_s) ||
	    options->this_update_s >= options->next_update_s)
		return set_fault(fault, FAULT_REFUSED,
				 "CRL: expected thisUpdate before nextUpdate, from 1970 to 9999");
	if (!may_sign_crls(issuer_certificate(issuer)))
		return set_fault(fault, FAULT_REFUSED,
				 "CRL: RFC 5280 section 4.2.1.3: the certificate of %s does not "
				 "allow cRLSign",
				 certificate_subject(issuer_certificate(issuer)));
	return 0;
}

int begin_crl(struct crl_builder *builder, const struct issuer *issuer,
	      const struct crl_options *options, struct fault *fault)
{
	struct buffer *body = &builder->body;

	if (check_options(issuer, options, fault) < 0)
		return -1;
	append_der_number(body, 1); /* means version 2 */
	append_bytes(body, issuer_algorithm(issuer));
	append_bytes(body, certificate_fields(issuer_certificate(issuer))->subject);
	append_der_time(body, options->this_update_s);
	append_der_time(body, options->next_update_s);
	builder->issuer = issuer;
	builder->number = options->number;
	builder->now_s = options->now_s;
	builder->list = body->len;
	return check_buffer(body, fault);
}

/* The contents octets of the INTEGER: as few as possible. */
static struct bytes trim_serial(const uint8_t serial[static SERIAL_MAX])
{
	struct bytes octets = {serial, SERIAL_MAX};

	while (octets.len > 1 && octets.data[0] == 0 && octets.data[1] < 0x80) {
		octets.data++;
		octets.len--;
	}
	return octets;
}

static int check_entry(const struct crl_builder *builder, const struct crl_entry *entry,
		       struct bytes serial, struct fault *fault)
{
	char text[SERIAL_TEXT_SIZE];

	format_serial(serial, text);
	if (serial.data[0] >= 0x80 || (serial.len == 1 && serial.data[0] == 0))
		return set_fault(fault, FAULT_FAILED,
				 "CRL: serial %s: expected a positive number of at most 20 octets",
				 text);
	if (!valid_crl_reason(entry->reason) || entry->reason == REASON_REMOVE_FROM_CRL)
		return set_fault(fault, FAULT_FAILED,
				 "CRL: serial %s: expected a reason of RFC 5280 section 5.3.1, "
				 "found %d",
				 text, entry->reason);
	if (!valid_time(entry->revoked_at_s))
		return set_fault(fault, FAULT_FAILED,
				 "CRL: serial %s: expected a revocation from 1970 to 9999", text);
	if (builder->body.len > CRL_DER_MAX - REST_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "CRL: expected at most %d octets, found more, with %zu entries",
				 CRL_DER_MAX, builder->count);
	return 0;
}

/* Appends crlEntryExtensions with only the reason, an ENUMERATED. */
static void append_reason(struct buffer *body, int reason)
{
	const uint8_t extensions[] = "\x30\x0c\x30\x0a" ID_CE("\x15") "\x04\x03\x0a\x01";
	const uint8_t value = (uint8_t)reason;

	append_bytes(body, (struct bytes){extensions, sizeof(extensions) - 1});
	append_bytes(body, (struct bytes){&value, 1});
}

int add_crl_entry(struct crl_builder *builder, const struct crl_entry *entry, struct fault *fault)
{
	struct buffer *body = &builder->body;
	struct bytes serial = trim_serial(entry->serial);
	size_t begin = body->len;

	if (check_entry(builder, entry, serial, fault) < 0)
		return -1;
	append_der(body, DER_INTEGER, serial);
	append_der_time(body, entry->revoked_at_s);
	if (entry->reason != REASON_UNSPECIFIED)
		append_reason(body, entry->reason);
	enclose_der(body, begin, DER_SEQUENCE);
	builder->count++;
	return check_buffer(body, fault);
}

/* Begins an extension. The caller appends its value, then calls close_extension with the result. */
static size_t open_extension(struct buffer *body, struct bytes oid)
{
	append_bytes(body, oid);
	return body->len;
}

static void close_extension(struct buffer *body, size_t value, struct bytes oid)
{
	enclose_der(body, value, DER_OCTET_STRING);
	enclose_der(body, value - oid.len, DER_SEQUENCE);
}

/* Appends crlExtensions: authorityKeyIdentifier and CRL number, not critical. */
static void append_extensions(struct buffer *body, struct bytes key_id, uint64_t number)
{
	const struct bytes authority_oid = bytes_of_string(ID_CE("\x23"));
	const struct bytes number_oid = bytes_of_string(ID_CE("\x14"));
	size_t begin = body->len;
	size_t value = open_extension(body, authority_oid);

	append_der(body, DER_CONTEXT, key_id);
	enclose_der(body, value, DER_SEQUENCE);
	close_extension(body, value, authority_oid);
	value = open_extension(body, number_oid);
	append_der_number(body, number);
	close_extension(body, value, number_oid);
	enclose_der(body, begin, DER_SEQUENCE);
	enclose_der(body, begin, DER_CONTEXT_CONSTRUCTED);
}

int finish_crl(struct crl_builder *builder, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(clear_crl_builder) struct crl_builder finished = *builder;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct buffer *body = &finished.body;
	const struct certificate *certificate = issuer_certificate(finished.issuer);
	const struct signing_order order = {
		.kind = SIGN_CRL, .bodies = body, .count = 1, .now_s = finished.now_s};

	*builder = (struct crl_builder){0};
	if (finished.count > 0)
		enclose_der(body, finished.list, DER_SEQUENCE);
	append_extensions(body, find_subject_key_id(certificate_fields(certificate)),
			  finished.number);
	enclose_der(body, 0, DER_SEQUENCE);
	if (check_buffer(body, fault) < 0)
		return prefix_fault(fault, "CRL");
	if (sign_one(finished.issuer, &order, &der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}

void clear_crl_builder(struct crl_builder *builder)
{
	clear_buffer(&builder->body);
	*builder = (struct crl_builder){0};
}

int format_crl_pem(struct bytes der, struct buffer *ret_pem, struct fault *fault)
{
	return format_pem(der, "X509 CRL", ret_pem, fault);
}
