#include "common/ca/acme/exchange.h"

#include "common/base/hex.h"
#include "common/ca/store/revoke.h"
#include "common/crypto/base64.h"
#include "common/wire/acme_answer.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/issuer_set.h"

#include <string.h>

#define CONTENT_PEM_CHAIN "application/pem-certificate-chain"

/* Until when a client keeps renewal information (RFC 9773 section 4.3). */
enum { RENEWAL_RETRY_S = 6 * 3600 };

/* --- the certificate --- */

/* The chain from the certificate on, without the root unless it is the issuer: certbot wants two
   certificates at least. */
static int format_chain(const struct authority *authority, const struct issued_certificate *record,
			struct buffer *ret_pem, struct fault *fault)
{
	const struct issuer *issuer = get_issuer(authority_issuers(authority), record->issuer);
	CLEANUP(clear_buffer) struct buffer leaf = {0};
	CLEANUP(clear_buffer) struct buffer above = {0};

	if (issuer == NULL)
		return set_fault(fault, FAULT_FAILED, "issuer %u: expected its certificate",
				 record->issuer);
	if (format_certificate_pem(bytes_of_buffer(&record->der), &leaf, fault) < 0 ||
	    format_certificate_pem(certificate_der(issuer_certificate(issuer)), &above, fault) < 0)
		return -1;
	append_bytes(&leaf, bytes_of_buffer(&above));
	*ret_pem = take_buffer(&leaf);
	return check_buffer(ret_pem, fault);
}

int answer_certificate(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	struct authority *authority = exchange->acme->settings.authority;
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct http_response *response = exchange->response;
	uint8_t serial[SERIAL_MAX];
	bool found = false;

	if (parse_hex(rest, serial, SERIAL_MAX) &&
	    find_by_serial(authority_store(authority), serial, &record, &found, fault) < 0)
		return -1;
	if (!found || strcmp(record.client, exchange->account.client) != 0) {
		set_refusal(&exchange->problem, "notFound",
			    "the client of this account has no such certificate");
		return 0;
	}
	/* What was read may have been committed on one server of several alone, until a commit
	   after it says that all have it. */
	if (confirm_store(authority_store(authority), fault) < 0)
		return -1;
	response->content_type = CONTENT_PEM_CHAIN;
	return format_chain(authority, &record, &response->body, fault);
}

/* --- revokeCert --- */

/* The record of the certificate; the exchange has a problem when this CA did not issue it. */
static int find_revocable(struct acme_exchange *exchange, const struct certificate *certificate,
			  struct issued_certificate *ret_record, struct fault *fault)
{
	struct bytes serial = certificate_serial(certificate);
	bool found = false;

	if (serial.len == SERIAL_MAX &&
	    find_by_serial(authority_store(exchange->acme->settings.authority), serial.data,
			   ret_record, &found, fault) < 0)
		return -1;
	if (!found || !equal_bytes(bytes_of_buffer(&ret_record->der), certificate_der(certificate)))
		set_refusal(&exchange->problem, "notFound",
			    "expected a certificate of this CA, found none");
	return 0;
}

/* RFC 8555 section 7.6: by the account's client, or by the key of the certificate. */
static int check_revoker(struct acme_exchange *exchange, const struct certificate *certificate,
			 const struct issued_certificate *record, struct fault *fault)
{
	struct refusal refusal = {0};
	bool own = exchange->has_account
			   ? strcmp(record->client, exchange->account.client) == 0
			   : equal_bytes(public_key_spki(exchange->jws.key),
					 public_key_spki(certificate_public_key(certificate)));

	exchange->client_pays |= own;
	if (own)
		return exchange->has_account ? 0
					     : charge_acme_client(exchange, record->client, fault);
	set_refusal(&refusal, "unauthorized",
		    "revocation: expected an account of the certificate's client, or the "
		    "certificate's key");
	if (exchange->has_account)
		return refuse_client(exchange, exchange->account.client, &refusal, fault);
	exchange->problem = refusal;
	return 0;
}

static int revoke_record(struct acme_exchange *exchange, const struct issued_certificate *record,
			 int reason, struct fault *fault)
{
	struct authority *authority = exchange->acme->settings.authority;
	const struct revocation revocation = {.serials = &record->serial,
					      .serial_count = 1,
					      .by = record->client,
					      .reason = reason,
					      .now_s = exchange->now_s,
					      .rounding = authority_ca(authority)->rounding};
	struct revocation_summary summary;

	if (revoke_certificates(authority_store(authority), &revocation, NULL, NULL, &summary,
				fault) < 0)
		return -1;
	if (summary.already > 0)
		set_refusal(&exchange->problem, "alreadyRevoked", "the certificate is revoked");
	else
		log_acme(exchange, record->client, "revoked 1");
	return 0;
}

int answer_revocation(struct acme_exchange *exchange, const char *rest, struct fault *fault)
{
	struct acme_revocation request = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct fault failure = {0};

	(void)rest;
	if (parse_acme_revocation(bytes_of_buffer(&exchange->jws.payload), &request, &failure) < 0)
		return set_parse_problem(exchange, &failure,
					 failure.class == FAULT_REFUSED ? "badRevocationReason"
									: "malformed",
					 fault);
	der = take_buffer(&request.der);
	if (parse_certificate_der(bytes_of_buffer(&der), &certificate, &failure) < 0)
		return set_parse_problem(exchange, &failure, "malformed", fault);
	if (find_revocable(exchange, certificate, &record, fault) < 0)
		return -1;
	if (!is_refused(&exchange->problem) &&
	    check_revoker(exchange, certificate, &record, fault) < 0)
		return -1;
	return is_refused(&exchange->problem)
		       ? 0
		       : revoke_record(exchange, &record, request.reason, fault);
}

/* --- renewal information --- */

int find_renewable(struct acme *acme, const char *id, struct issued_certificate *ret_record,
		   bool *ret_found, struct fault *fault)
{
	const char *dot = strchr(id, '.');
	CLEANUP(clear_buffer) struct buffer key_id = {0};
	CLEANUP(clear_buffer) struct buffer serial = {0};
	const struct issuer *issuer;
	struct fault ignored = {0};

	*ret_found = false;
	if (dot == NULL || strlen(id) >= ACME_CERTIFICATE_ID_SIZE ||
	    decode_base64url((struct bytes){(const uint8_t *)id, (size_t)(dot - id)}, &key_id,
			     &ignored) < 0 ||
	    decode_base64url(bytes_of_string(dot + 1), &serial, &ignored) < 0 ||
	    serial.len != SERIAL_MAX)
		return 0;
	if (find_by_serial(authority_store(acme->settings.authority), serial.data, ret_record,
			   ret_found, fault) < 0)
		return -1;
	if (!*ret_found)
		return 0;
	issuer = get_issuer(authority_issuers(acme->settings.authority), ret_record->issuer);
	*ret_found =
		issuer != NULL &&
		equal_bytes(find_subject_key_id(certificate_fields(issuer_certificate(issuer))),
			    bytes_of_buffer(&key_id));
	return 0;
}

int answer_renewal_info(struct acme *acme, const char *id, struct http_response *response,
			struct refusal *problem, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	CLEANUP(clear_buffer) struct buffer json = {0};
	int64_t life_s;
	int64_t end_s;
	bool found;

	if (find_renewable(acme, id, &record, &found, fault) < 0)
		return -1;
	if (!found) {
		set_refusal(problem, "notFound",
			    "expected the keyIdentifier of this CA and the serial of a certificate "
			    "(RFC 9773 section 4.1)");
		return 0;
	}
	/* From the last third of its life on; at once, by a window in the past, when it is revoked
	   (RFC 9773 section 4.2). */
	life_s = record.not_after_s - record.not_before_s;
	end_s = record.revoked ? record.not_before_s : record.not_after_s - life_s / 4;
	if (format_renewal_info(end_s - life_s / 12, end_s, &json, fault) < 0)
		return -1;
	add_response_field(response, "Retry-After", "%d", RENEWAL_RETRY_S);
	set_json_body(response, &json);
	return 0;
}

/* Whether one of the names of an order is one of the certificate's. */
static int shares_name(const struct issued_certificate *record, const struct alt_names *names,
		       bool *ret_shares, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_alt_names) struct alt_names own = {0};

	if (parse_certificate_der(bytes_of_buffer(&record->der), &certificate, fault) < 0 ||
	    get_certificate_alt_names(certificate, &own, fault) < 0)
		return -1;
	*ret_shares = false;
	for (size_t i = 0; i < names->count; i++)
		*ret_shares |= has_alt_name(&own, names->names[i]);
	return 0;
}

int check_replaced(struct acme_exchange *exchange, const struct order_request *request,
		   struct fault *fault)
{
	struct store *store = authority_store(exchange->acme->settings.authority);
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	bool shares = false;
	bool replaced = false;
	bool found;

	if (request->replaces[0] == '\0')
		return 0;
	if (find_renewable(exchange->acme, request->replaces, &record, &found, fault) < 0)
		return -1;
	found = found && strcmp(record.client, exchange->account.client) == 0;
	if (found && (shares_name(&record, &request->names, &shares, fault) < 0 ||
		      is_replaced(store, request->replaces, &replaced, fault) < 0))
		return -1;
	if (!found || !shares)
		set_refusal(&exchange->problem, "malformed",
			    "replaces: expected a certificate of this account's client, with one "
			    "of the order's identifiers (RFC 9773 section 5)");
	else if (replaced)
		set_refusal(&exchange->problem, "alreadyReplaced",
			    "replaces: another order's certificate has replaced this one: order "
			    "without it");
	return 0;
}
