#include "common/ca/revocation/responder_key.h"

#include "common/base/clock.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/crl_state.h"

#include <string.h>

static const struct own_key_plan plan = {.name = "OCSP responder",
					 .member = RESPONDER_MEMBER,
					 .subject = "CN=OCSP responder",
					 .validity_s = RESPONDER_VALIDITY_S};

enum { RETRY_S = 60 };

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
		       struct own_key *ret_key, struct fault *fault)
{
	if (check_serves(store, issuer, now_s, fault) < 0)
		return -1;
	return make_own_key(store, issuer, &plan, now_s, ret_key, fault);
}

void init_current_key(struct current_key *current, struct store *store, const struct issuer *issuer)
{
	*current = (struct current_key){.store = store, .issuer = issuer};
	pthread_mutex_init(&current->renewal_lock, NULL);
	pthread_rwlock_init(&current->lock, NULL);
}

void clear_current_key(struct current_key *current)
{
	clear_own_key(&current->key);
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

/* Whether a new key is due; *ret_usable: whether the present one can still sign. */
static bool is_due(struct current_key *current, int64_t now_s, bool *ret_usable)
{
	bool usable;
	bool due;

	pthread_rwlock_rdlock(&current->lock);
	usable = !current->barred && is_own_key_valid(&current->key, now_s);
	due = !usable || is_own_key_old(&current->key, current->issuer, now_s);
	pthread_rwlock_unlock(&current->lock);
	*ret_usable = usable;
	return due;
}

static int renew_key(struct current_key *current, int64_t now_s, struct fault *fault)
{
	struct own_key made = {0};
	CLEANUP(clear_own_key) struct own_key old = {0};

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

bool is_current_key_fresh(struct current_key *current, int64_t revision, int64_t now_s)
{
	bool checked;
	bool usable;

	pthread_rwlock_rdlock(&current->lock);
	checked = current->key.key != NULL && current->checked_revision == revision;
	pthread_rwlock_unlock(&current->lock);
	return checked && !is_due(current, now_s, &usable);
}

const struct own_key *hold_current_key(struct current_key *current)
{
	pthread_rwlock_rdlock(&current->lock);
	return &current->key;
}

void release_current_key(struct current_key *current)
{
	pthread_rwlock_unlock(&current->lock);
}
