#include "common/ca/revocation/own_key.h"

#include "common/ca/store/certificates.h"

enum { BACKDATE_S = 300 };

void clear_own_key(struct own_key *key)
{
	free_private_key(&key->key);
	free_certificate(&key->certificate);
}

static enum key_type choose_key_type(const struct issuer *issuer)
{
	enum key_type type = public_key_type(certificate_public_key(issuer_certificate(issuer)));

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

static int certify_key(const struct issuer *issuer, const struct own_key_plan *plan,
		       const struct private_key *key, int64_t now_s,
		       struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	/* It begins a little before now, for clients whose clock is behind. */
	struct own_certificate_options options = {
		.subject = plan->subject,
		.alt_names = plan->alt_names,
		.validity = limit_validity(issuer_certificate(issuer), now_s - BACKDATE_S,
					   now_s + plan->validity_s),
		.now_s = now_s};
	uint8_t serial[SERIAL_MAX];

	if (options.validity.not_after_s <= now_s)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: the CA's own certificate has ended: it can certify no key, nor "
			"that of the %s",
			certificate_subject(issuer_certificate(issuer)), plan->name);
	if (get_public_key(key, &public_key, fault) < 0 || generate_serial(serial, fault) < 0)
		return -1;
	options.key = public_key;
	if (create_own_certificate(issuer, &options, serial, &der, fault) < 0)
		return prefix_fault(fault, "the certificate of the %s", plan->name);
	return parse_certificate_der(bytes_of_buffer(&der), ret_certificate, fault);
}

static int record_certificate(struct store *store, const struct certificate *certificate,
			      unsigned int issuer, const struct own_key_plan *plan, int64_t now_s,
			      struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct insertion insertion = {
		.records = &record, .count = 1, .quota = SIZE_MAX, .now_s = now_s};
	enum insert_result result;

	if (describe_certificate(certificate, issuer, CA_NAME, plan->member, now_s, &record,
				 fault) < 0 ||
	    insert_certificates(store, &insertion, &result, fault) < 0)
		return -1;
	return result == INSERTED
		       ? 0
		       : set_fault(fault, FAULT_FAILED,
				   "the certificate of the %s cannot be recorded", plan->name);
}

int make_own_key(struct store *store, const struct issuer *issuer, const struct own_key_plan *plan,
		 int64_t now_s, struct own_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_own_key) struct own_key key = {0};

	if (generate_private_key(choose_key_type(issuer), &key.key, fault) < 0 ||
	    certify_key(issuer, plan, key.key, now_s, &key.certificate, fault) < 0 ||
	    record_certificate(store, key.certificate, issuer_number(issuer), plan, now_s, fault) <
		    0)
		return -1;
	MOVE(ret_key, key);
	return 0;
}

bool is_own_key_valid(const struct own_key *key, int64_t now_s)
{
	return key->key != NULL && now_s >= certificate_not_before(key->certificate) &&
	       now_s < certificate_not_after(key->certificate);
}

bool is_own_key_old(const struct own_key *key, const struct issuer *issuer, int64_t now_s)
{
	int64_t begin_s = certificate_not_before(key->certificate);
	int64_t end_s = certificate_not_after(key->certificate);

	/* A new one could not last longer than the issuer either. */
	return end_s < certificate_not_after(issuer_certificate(issuer)) &&
	       (end_s - now_s) * 3 <= end_s - begin_s;
}
