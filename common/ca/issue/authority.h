#ifndef CERTPOOL_CA_ISSUE_AUTHORITY_H
#define CERTPOOL_CA_ISSUE_AUTHORITY_H

#include "common/ca/issue/ca_ends.h"
#include "common/ca/issue/refusal_log.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/revocation/root_crl.h"
#include "common/ca/store/clients.h"
#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/wire/claims.h"
#include "common/x509/certificate.h"

/*
 * The certification authority of a manifest, opened for work: its issuers (certificates and keys),
 * its store, the request rates and refusals of its clients. It knows neither encryption nor HTTP:
 * its clients have been authenticated. Safe for several threads.
 */
struct authority;
struct signer_link;

enum authority_mode {
	AUTHORITY_SERVING, /* locks state/serving; FAULT_BUSY names the process that holds it */
	AUTHORITY_BESIDE,  /* for a short act, whether or not another process serves */
};

/* Keeps the CA of the layout from being served on this host. Owns: close_descriptor. Errors:
   FAULT_BUSY names the process that serves it. */
int lock_serving(const struct layout *layout, int *ret_lock, struct fault *fault) MUST_CHECK;

/*
 * Opens the CA and takes the manifest's clients over (sync_clients). Does not look at the layout of
 * a root that lies apart. `layout` and `manifest` must outlive the authority; `access` need not.
 * Errors: those of load_issuers, sync_issuers and check_issuer_validity; FAULT_BUSY.
 */
int open_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, enum authority_mode mode, int64_t now_s,
		   struct authority **ret_authority, struct fault *fault) MUST_CHECK;

/*
 * The same for the front of a serving CA: its key is with the signer at the other end of the link,
 * which outlives the authority.
 */
int open_front_authority(const struct layout *layout, const struct manifest *manifest,
			 struct signer_link *link, int64_t now_s, struct authority **ret_authority,
			 struct fault *fault) MUST_CHECK;
void free_authority(struct authority **authority);

/* Parts of the authority, all borrowed. */
const struct certificate *authority_root(const struct authority *authority);
const struct issuer *
authority_issuer(const struct authority *authority); /* that issues: the newest */
const struct issuer_set *authority_issuers(const struct authority *authority);
const struct ca_node *authority_ca(const struct authority *authority);
const struct clients_synced *authority_clients_synced(const struct authority *authority);
struct store *authority_store(struct authority *authority);
struct ca_crl_options authority_crl_options(struct authority *authority);
struct refusal_log *authority_refusals(struct authority *authority);

/* The warnings about the ends of root and issuing certificate. */
void warn_of_authority(const struct authority *authority, int64_t now_s,
		       struct ca_warnings *ret_warnings);

/*
 * Takes over an issuer that `rotate ca` or `rotate root` has made meanwhile: its CRL is made, and
 * it issues from then on; and the certificates by a new root, once its rotation is finished. It
 * costs a look at the record when there is nothing new. One thread at a time.
 */
int refresh_issuers(struct authority *authority, struct fault *fault) MUST_CHECK;

/* The copy of the root's CRL. NULL when the root issues itself: its CRL is the CA's. Borrowed. */
struct root_crl_cache *authority_root_crl(struct authority *authority);

/*
 * Whether the authority may issue: FAULT_REFUSED once its root has revoked its certificate. It goes
 * on making CRLs and answering OCSP then. Any other fault: the root's CRL cannot be relied on.
 */
int check_may_issue(struct authority *authority, struct fault *fault) MUST_CHECK;

/*
 * Notes that a client's request was decrypted (note_presence). *refusal is filled when its
 * invitation ended before anybody joined by it, or counts once and was used.
 */
struct sighting;
int admit_presence(struct authority *authority, const struct sighting *sighting,
		   struct refusal *refusal, struct fault *fault) MUST_CHECK;

/*
 * Counts a request of the client against its requests_per_minute. Over that, *refusal is filled,
 * and *ret_wait_s, which may be NULL, says how long the client has to wait. A client that the store
 * does not have is not counted: certify_batch refuses it.
 */
int admit_request(struct authority *authority, const char *client, int64_t *ret_wait_s,
		  struct refusal *refusal, struct fault *fault) MUST_CHECK;

/* The same for a client of which the caller has just read that number. ret_wait_s is not NULL. */
void admit_at_rate(struct authority *authority, const char *client, size_t per_minute,
		   int64_t *ret_wait_s, struct refusal *refusal);

/* Where clients reach the CA, by the manifest; an empty host: it does not say so. */
struct endpoint authority_endpoint(const struct authority *authority);

/*
 * Refuses when the record's disk has less room than the manifest's free_space: certificates stop
 * there, so that revocations go on. The text is for any client. Errors: FAULT_BUSY.
 */
int check_room(const struct authority *authority, struct fault *fault) MUST_CHECK;

/* The parts whose problems keep a CA from working: "root", "store", "key", "revoked" or "root_crl",
   "disk", and "crl". */
enum { HEALTH_PARTS = 6 };

struct health_problem {
	const char *part;
	struct fault fault;
};

/* What a CA works with, and its operator should look at: a sentence, which says what to do. */
enum { HEALTH_WARNINGS_MAX = 8 };

struct health_warning {
	char text[CA_WARNING_SIZE]; /* neither quotes nor controls */
	bool process_alone;         /* an overview of the record (overview.h) does not have it */
};

struct health {
	struct health_problem problems[HEALTH_PARTS];
	size_t count; /* 0: healthy */
	struct health_warning warnings[HEALTH_WARNINGS_MAX];
	size_t warning_count;
};

void add_health_warning(struct health *health, const char *text, bool process_alone);

/*
 * Checks root, store, key, check_may_issue and check_room without issuing a certificate, and warns
 * of the ends of root and issuing certificate; the caller, which publishes the CRL, adds "crl". The
 * key signs for this at most once a second.
 */
void check_authority(struct authority *authority, int64_t now_s, struct health *ret_health);

#endif
