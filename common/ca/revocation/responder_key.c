#include "common/ca/revocation/responder_key.h"

#include "common/base/clock.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/crl_state.h"
#include "common/x509/issuer.h"

#include <string.h>

static const char subject[] = "CN=OCSP responder";
static const char member[] = "ocsp";

enum { BACKDATE_S = 300, RETRY_S = 60 };

void clear_responder_key(struct responder_key *key)
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

static int certify_key(const struct issuer *issuer, const struct private_key *key, int64_t now_s,
		       struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	/* It begins a little before now, for clients whose clock is behind. */
	struct responder_options options = {
		.subject = subject,
		.validity = limit_validity(issuer_certificate(issuer), now_s - BACKDATE_S,
					   now_s + RESPONDER_VALIDITY_S),
		.now_s = now_s};
	uint8_t serial[SERIAL_MAX];

	if (options.validity.not_after_s <= now_s)
		return set_fault(
			fault, FAULT_REFUSED,
			"%s: the CA's own certificate has ended: it can certify no key, nor "
			"that of the OCSP responder",
			certificate_subject(issuer_certificate(issuer)));
	if (get_public_key(key, &public_key, fault) < 0 || generate_serial(serial, fault) < 0)
		return -1;
	options.key = public_key;
	if (create_responder_certificate(issuer, &options, serial, &der, fault) < 0)
		return -1;
	return parse_certificate_der(bytes_of_buffer(&der), ret_certificate, fault);
}

static int record_certificate(struct store *store, const struct certificate *certificate,
			      unsigned int issuer, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	struct insertion insertion = {
		.records = &record, .count = 1, .quota = SIZE_MAX, .now_s = now_s};
	enum insert_result result;

	if (describe_certificate(certificate, issuer, CA_NAME, member, now_s, &record, fault) < 0 ||
	    insert_certificates(store, &insertion, &result, fault) < 0)
		return -1;
	return result == INSERTED
		       ? 0
		       : set_fault(fault, FAULT_FAILED,
				   "the OCSP responder's certificate cannot be recorded");
}

static int check_serves(struct store *store, const struct issuer *issuer, int64_t now_s,
			struct fault *fault)
{
	struct crl_state state;
	char then[TIME_TEXT_SIZE];

	if (read_crl_state(store, issuer_number(issuer), &state, fault) < 0)
		return -1;
	if (now_s <= state.serves_until_s)
		return 0;
	format_time(state.serves_until_s, then);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s: there are no OCSP answers about its certificates any more: none was "
			 "valid after %s",
			 certificate_subject(issuer_certificate(issuer)), then);
}

int make_responder_key(struct store *store, const struct issuer *issuer, int64_t now_s,
		       struct responder_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_responder_key) struct responder_key key = {0};

	if (check_serves(store, issuer, now_s, fault) < 0 ||
	    generate_private_key(choose_key_type(issuer), &key.key, fault) < 0 ||
	    certify_key(issuer, key.key, now_s, &key.certificate, fault) < 0 ||
	    record_certificate(store, key.certificate, issuer_number(issuer), now_s, fault) < 0)
		return -1;
	MOVE(ret_key, key);
	return 0;
}

void init_current_key(struct current_key *current, struct store *store, const struct issuer *issuer)
{
	*current = (struct current_key){.store = store, .issuer = issuer};
	pthread_mutex_init(&current->renewal_lock, NULL);
	pthread_rwlock_init(&current->lock, NULL);
}

void clear_current_key(struct current_key *current)
{
	clear_responder_key(&current->key);
	pthread_mutex_destroy(&current->renewal_lock);
	pthread_rwlock_destroy(&current->lock);
}

/* Bars the key when its certificate was revoked or removed since it was last looked up. */
static int check_recorded(struct current_key *current, int64_t revision, struct fault *fault)
{
	struct certificate_status status;
	uint8_t serial[SERIAL_MAX];
	struct bytes serial_now;
	bool unchecked;

	pthread_rwlock_rdlock(&current->lock);
	unchecked = current->key.key != NULL && current->checked_revision != revision;
	if (unchecked)
		memcpy(serial, certificate_serial(current->key.certificate).data, SERIAL_MAX);
	pthread_rwlock_unlock(&current->lock);
	if (!unchecked)
		return 0;
	if (read_certificate_status(current->store, issuer_number(current->issuer),
				    (struct bytes){serial, SERIAL_MAX}, &status, fault) < 0)
		return -1;
	pthread_rwlock_wrlock(&current->lock);
	/* Another thread may have replaced the key meanwhile. */
	serial_now = certificate_serial(current->key.certificate);
	if ((!status.found || status.revoked) && memcmp(serial_now.data, serial, SERIAL_MAX) == 0)
		current->barred = true;
	current->checked_revision = revision;
	pthread_rwlock_unlock(&current->lock);
	return 0;
}

static bool can_sign_at(const struct responder_key *key, int64_t now_s)
{
	return key->key != NULL && now_s >= certificate_not_before(key->certificate) &&
	       now_s < certificate_not_after(key->certificate);
}

static bool is_in_last_third(const struct responder_key *key, const struct issuer *issuer,
			     int64_t now_s)
{
	int64_t begin_s = certificate_not_before(key->certificate);
	int64_t end_s = certificate_not_after(key->certificate);

	/* A new one could not last longer than the issuer either. */
	return end_s < certificate_not_after(issuer_certificate(issuer)) &&
	       (end_s - now_s) * 3 <= end_s - begin_s;
}

/* Whether a new key is due; *ret_usable: whether the present one can still sign. */
static bool is_due(struct current_key *current, int64_t now_s, bool *ret_usable)
{
	bool usable;
	bool due;

	pthread_rwlock_rdlock(&current->lock);
	usable = !current->barred && can_sign_at(&current->key, now_s);
	due = !usable || is_in_last_third(&current->key, current->issuer, now_s);
	pthread_rwlock_unlock(&current->lock);
	*ret_usable = usable;
	return due;
}

static int renew_key(struct current_key *current, int64_t now_s, struct fault *fault)
{
	struct responder_key made = {0};
	CLEANUP(clear_responder_key) struct responder_key old = {0};

	if (make_responder_key(current->store, current->issuer, now_s, &made, fault) < 0)
		return -1;
	pthread_rwlock_wrlock(&current->lock);
	old = current->key;
	current->key = made;
	current->barred = false;
	pthread_rwlock_unlock(&current->lock);
	return 0;
}

int refresh_current_key(struct current_key *current, int64_t revision, int64_t now_s,
			struct fault *warning, struct fault *fault)
{
	bool usable;
	int renewed = 0;

	if (check_recorded(current, revision, fault) < 0)
		return -1;
	if (!is_due(current, now_s, &usable))
		return 0;
	if (!usable)
		pthread_mutex_lock(&current->renewal_lock);
	else if (pthread_mutex_trylock(&current->renewal_lock) != 0)
		return 0;
	/* Another thread may have renewed it meanwhile. */
	if (is_due(current, now_s, &usable) && (!usable || now_s >= current->retry_from_s)) {
		renewed = renew_key(current, now_s, usable ? warning : fault);
		if (renewed < 0)
			current->retry_from_s = now_s + RETRY_S;
	}
	pthread_mutex_unlock(&current->renewal_lock);
	return usable ? 0 : renewed;
}

const struct responder_key *hold_current_key(struct current_key *current)
{
	pthread_rwlock_rdlock(&current->lock);
	return &current->key;
}

void release_current_key(struct current_key *current)
{
	pthread_rwlock_unlock(&current->lock);
}
