#include "common/x509/revocation/ocsp_verify.h"

#include "common/base/clock.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/profile.h"

/* Further certificates of a response are ignored. */
enum { CERTIFICATES_MAX = 8 };

static int is_responder(const struct ocsp_response *response, const struct certificate *certificate,
			bool *ret_matches, struct fault *fault)
{
	const struct certificate_fields *fields = certificate_fields(certificate);
	uint8_t key_hash[SHA1_LEN];

	if (digest_key_bits(fields->spki, GNUTLS_DIG_SHA1, key_hash, fault) < 0)
		return -1;
	*ret_matches = response->responder_name.len > 0
			       ? equal_bytes(response->responder_name, fields->subject)
			       : equal_bytes(response->responder_key,
					     (struct bytes){key_hash, sizeof(key_hash)});
	return 0;
}

/* The first certificate in the response with the responder's name or key. *ret_delegate is
   untouched if there is none. */
static int find_delegate(const struct ocsp_response *response, struct certificate **ret_delegate,
			 struct fault *fault)
{
	struct bytes rest = response->certificates;
	struct der_item item;

	for (size_t i = 0; i < CERTIFICATES_MAX && read_der(&rest, &item); i++) {
		CLEANUP(free_certificate) struct certificate *certificate = NULL;
		struct fault problem = {0};
		bool matches;

		if (parse_certificate_der(item.whole, &certificate, &problem) < 0) {
			if (pass_failure(&problem, fault) < 0)
				return -1;
			continue;
		}
		if (is_responder(response, certificate, &matches, fault) < 0)
			return -1;
		if (!matches)
			continue;
		*ret_delegate = TAKE(certificate);
		return 0;
	}
	return 0;
}

/* RFC 6960 section 4.2.2.2, second and third case. */
static int check_delegate(const struct certificate *delegate, const struct ocsp_question *question,
			  struct verdict *verdict, struct fault *fault)
{
	static const char where[] = "RFC 6960 section 4.2.2.2: the responder's certificate";
	const struct certificate_fields *fields = certificate_fields(delegate);
	struct verdict profile = {0};

	if (!equal_bytes(fields->issuer, certificate_fields(question->issuer)->subject))
		reject_because(verdict, "%s is by %s, expected it to be by %s", where,
			       certificate_issuer(delegate), certificate_subject(question->issuer));
	else if (!names_key_of(fields, certificate_fields(question->issuer)))
		reject_because(verdict,
			       "%s: RFC 5280 section 4.2.1.1: authorityKeyIdentifier: it names "
			       "another key than that of %s",
			       where, certificate_subject(question->issuer));
	if (question->now_s < certificate_not_before(delegate) ||
	    question->now_s > certificate_not_after(delegate))
		reject_because(verdict, "%s is expired or not yet valid", where);
	if (check_profile(delegate, PROFILE_RESPONDER, &profile, fault) < 0)
		return -1;
	if (profile.invalid)
		reject_because(verdict, "%s: %s", where, profile.reason);
	if (verdict->invalid)
		return 0;
	return verify_signed_object(&fields->signed_object,
				    certificate_public_key(question->issuer), where, verdict,
				    fault);
}

static int check_signature(const struct ocsp_response *response,
			   const struct ocsp_question *question, struct verdict *verdict,
			   struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *delegate = NULL;
	const struct certificate *signer = question->issuer;
	bool by_issuer;

	if (is_responder(response, question->issuer, &by_issuer, fault) < 0)
		return -1;
	if (!by_issuer) {
		if (find_delegate(response, &delegate, fault) < 0)
			return -1;
		if (delegate == NULL) {
			reject_because(verdict,
				       "certpool expects the responder's certificate to be the "
				       "issuer's, or in the response (docs/profile.md)");
			return 0;
		}
		if (check_delegate(delegate, question, verdict, fault) < 0)
			return -1;
		signer = delegate;
	}
	if (verdict->invalid)
		return 0;
	return verify_signed_object(&response->signed_object, certificate_public_key(signer),
				    "RFC 6960 section 4.2.1: signature", verdict, fault);
}

static void check_times(const struct ocsp_response *response, const struct ocsp_single *single,
			int64_t now_s, struct verdict *verdict)
{
	static const char should[] = "RFC 6960 section 4.2.2.1: should";
	char this_update[TIME_TEXT_SIZE];
	char next_update[TIME_TEXT_SIZE];

	format_time(single->this_update_s, this_update);
	format_time(single->next_update_s, next_update);
	if (response->produced_at_s > now_s + OCSP_SKEW_S ||
	    single->this_update_s > now_s + OCSP_SKEW_S)
		reject_because(verdict,
			       "certpool expects thisUpdate %s, and producedAt, not in the "
			       "future (%s): compare the clocks",
			       this_update, should);
	if (single->next_update_s == 0 && single->this_update_s < now_s - OCSP_AGE_MAX_S)
		reject_because(verdict,
			       "certpool expects a response without nextUpdate to be of the last "
			       "%d s, found thisUpdate %s (docs/profile.md)",
			       OCSP_AGE_MAX_S, this_update);
	if (single->next_update_s != 0 && single->next_update_s < now_s)
		reject_because(verdict, "certpool expects nextUpdate not to be past, found %s (%s)",
			       next_update, should);
	if (single->next_update_s != 0 && single->next_update_s < single->this_update_s)
		reject_because(verdict,
			       "certpool expects nextUpdate %s not before thisUpdate %s "
			       "(docs/profile.md)",
			       next_update, this_update);
}

/* Finds the only SingleResponse about the certificate. */
static int find_single(const struct ocsp_response *response, const struct ocsp_question *question,
		       struct ocsp_single *ret_single, struct verdict *verdict, struct fault *fault)
{
	struct issuer_hashes issuer;
	struct bytes rest = response->singles;
	const char *problem = NULL;
	size_t count = 0;

	if (digest_issuer(question->issuer, &issuer, fault) < 0)
		return -1;
	while (rest.len > 0 && problem == NULL) {
		struct ocsp_single single = {0};

		problem = read_ocsp_single(&rest, &single);
		if (problem != NULL || !equal_bytes(single.id.serial, question->serial) ||
		    !cert_id_matches_issuer(&single.id, &issuer))
			continue;
		*ret_single = single;
		count++;
	}
	if (problem != NULL)
		reject_because(verdict, "%s", problem);
	if (count != 1)
		reject_because(
			verdict,
			"RFC 6960 section 3.2: expected an answer about the certificate that was "
			"asked about, found %zu",
			count);
	return 0;
}

static void check_outcome(const struct ocsp_response *response,
			  const struct ocsp_question *question, struct verdict *verdict)
{
	if (response->outcome != OCSP_SUCCESSFUL)
		reject_because(verdict, "the responder says %s (RFC 6960 section 2.3)",
			       format_ocsp_outcome(response->outcome));
	else if (response->nonce.len == 0)
		reject_because(verdict,
			       "certpool expects the nonce that was sent in the response, found "
			       "none: ask a responder that signs every response for its request "
			       "(docs/profile.md)");
	else if (!equal_bytes(response->nonce, question->nonce))
		reject_because(verdict,
			       "RFC 9654 section 2.1: the response has another nonce than the "
			       "one that was sent: it is the answer to another request");
}

int verify_ocsp_response(struct bytes der, const struct ocsp_question *question,
			 struct ocsp_single *ret_single, struct verdict *verdict,
			 struct fault *fault)
{
	struct ocsp_response response = {0};
	struct ocsp_single single = {0};
	struct fault problem = {0};

	if (parse_ocsp_response(der, &response, &problem) < 0) {
		if (pass_failure(&problem, fault) < 0)
			return -1;
		reject_because(verdict, "%s", problem.text);
		return 0;
	}
	check_outcome(&response, question, verdict);
	if (verdict->invalid)
		return 0;
	if (check_signature(&response, question, verdict, fault) < 0)
		return -1;
	if (verdict->invalid)
		return 0;
	if (find_single(&response, question, &single, verdict, fault) < 0)
		return -1;
	if (!verdict->invalid)
		check_times(&response, &single, question->now_s, verdict);
	if (!verdict->invalid)
		*ret_single = single;
	return 0;
}
