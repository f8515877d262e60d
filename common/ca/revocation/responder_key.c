#include "common/ca/revocation/responder_key.h"

#include "common/x509/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char subject[] = "CN=OCSP responder";
static const char member[] = "ocsp";

enum { BACKDATE_S = 300 };

void clear_responder_key(struct responder_key *identity)
{
	free_private_key(&identity->key);
	free_certificate(&identity->certificate);
}

static enum key_type choose_key_type(const struct issuer *issuer)
{
	enum key_type type = private_key_type(issuer_key(issuer));

	switch (type) {
	case KEY_RSA_2048:
	case KEY_RSA_3072:
	case KEY_RSA_4096:
		return KEY_RSA_2048;
	case KEY_ECDSA_P256:
	case KEY_ECDSA_P384:
	case KEY_ED25519:
	case KEY_TYPE_COUNT:
		break;
	}
	return type;
}

/* From a little before now, for clocks that are behind, and never outside the issuer's. */
static struct validity choose_validity(const struct certificate *issuer, int64_t now_s)
{
	struct validity validity = {now_s - BACKDATE_S, now_s + RESPONDER_VALIDITY_S};

	if (validity.not_before_s < certificate_not_before(issuer))
		validity.not_before_s = certificate_not_before(issuer);
	if (validity.not_after_s > certificate_not_after(issuer))
		validity.not_after_s = certificate_not_after(issuer);
	return validity;
}

static int certify_key(const struct issuer *issuer, const struct private_key *key, int64_t now_s,
		       struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct responder_options terms = {
		.subject = subject, .validity = choose_validity(issuer_certificate(issuer), now_s)};
	uint8_t serial[SERIAL_MAX];

	if (terms.validity.not_after_s <= now_s)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: the CA's own certificate has ended: nothing is certified any "
				 "more, the OCSP responder's key neither",
				 certificate_subject(issuer_certificate(issuer)));
	if (get_public_key(key, &public_key, fault) < 0 || generate_serial(serial, fault) < 0)
		return -1;
	terms.key = public_key;
	if (create_responder_certificate(issuer, &terms, serial, &der, fault) < 0)
		return -1;
	return parse_certificate_der(bytes_of_buffer(&der), ret_certificate, fault);
}

static int fill_record(const struct certificate *certificate, int64_t now_s,
		       struct issued_certificate *record, struct fault *fault)
{
	memcpy(record->serial, certificate_serial(certificate).data, SERIAL_MAX);
	public_key_sha256(certificate_public_key(certificate), record->key_sha256);
	(void)snprintf(record->client, sizeof(record->client), "%s", CA_NAME);
	(void)snprintf(record->member, sizeof(record->member), "%s", member);
	record->issued_at_s = now_s;
	record->not_before_s = certificate_not_before(certificate);
	record->not_after_s = certificate_not_after(certificate);
	append_bytes(&record->der, certificate_der(certificate));
	record->subject = strdup(certificate_subject(certificate));
	return record->subject != NULL ? check_buffer(&record->der, fault)
				       : set_memory_fault(fault);
}

static int record_certificate(struct store *store, const struct certificate *certificate,
			      int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct insertion insertion = {
		.records = &record, .count = 1, .quota = SIZE_MAX, .now_s = now_s};
	enum insert_result result;

	if (fill_record(certificate, now_s, &record, fault) < 0 ||
	    insert_certificates(store, &insertion, &result, fault) < 0)
		return -1;
	return result == INSERTED
		       ? 0
		       : set_fault(fault, FAULT_FAILED,
				   "the OCSP responder's certificate cannot be recorded");
}

int make_responder_key(struct store *store, const struct issuer *issuer, int64_t now_s,
		       struct responder_key *ret_identity, struct fault *fault)
{
	CLEANUP(clear_responder_key) struct responder_key identity = {0};

	if (generate_private_key(choose_key_type(issuer), &identity.key, fault) < 0 ||
	    certify_key(issuer, identity.key, now_s, &identity.certificate, fault) < 0 ||
	    record_certificate(store, identity.certificate, now_s, fault) < 0)
		return -1;
	MOVE(ret_identity, identity);
	return 0;
}

bool responder_key_is_valid(const struct responder_key *identity, int64_t now_s)
{
	return identity->key != NULL && now_s >= certificate_not_before(identity->certificate) &&
	       now_s < certificate_not_after(identity->certificate);
}

bool responder_key_is_due(const struct responder_key *identity, const struct issuer *issuer,
			  int64_t now_s)
{
	int64_t begin_s;
	int64_t end_s;

	if (!responder_key_is_valid(identity, now_s))
		return true;
	begin_s = certificate_not_before(identity->certificate);
	end_s = certificate_not_after(identity->certificate);
	return end_s < certificate_not_after(issuer_certificate(issuer)) &&
	       (end_s - now_s) * 3 <= end_s - begin_s;
}
