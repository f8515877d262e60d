#ifndef CERTPOOL_CA_ISSUE_AUTHORITY_H
#define CERTPOOL_CA_ISSUE_AUTHORITY_H

#include "common/ca/revocation/publish_crl.h"
#include "common/crypto/key_access.h"
#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "common/wire/certificates.h"
#include "common/wire/status.h"
#include "common/x509/certificate.h"

/*
 * The certification authority of a manifest: its root and key, its record, its clients' policies.
 * It knows neither encryption nor HTTP: who asks has been authenticated. Safe for several threads.
 */
struct authority;

/* What was made now. */
struct authority_made {
	bool root_layout; /* where the root lies apart */
	bool root;
	bool certificate; /* of the CA, by that root */
	bool store;       /* an empty record */
};

/*
 * Makes what the CA's layout lacks: key (Private/root.key, unless it is in a token: there none is
 * made), root (cert/root.crt), record (state/ca.db), with the manifest's clients in it. With a
 * root_layout the key is Private/ca.key, its certificate cert/ca.crt, and the root's layout is made
 * and used while one of them is missing (intermediate.h). A key without a certificate gets its
 * certificate; a certificate without its key, or without the record that it had, is refused. The
 * caller holds the layout's lock.
 */
int init_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, int64_t now_s, struct authority_made *ret_made,
		   struct fault *fault) MUST_CHECK;

enum authority_mode {
	AUTHORITY_SERVING, /* takes state/serving: a second one is FAULT_BUSY, and says who */
	AUTHORITY_BESIDE,  /* for a while, whether or not another process serves */
};

/*
 * Opens the CA for work, and takes the manifest's clients over (sync_clients). Refused: a
 * certificate, the root or one below it, whose key does not match, that is expired or not yet valid
 * at now_s, is no CA, or is not by the root. The layout of a root that lies apart is not looked at.
 * `layout` and `manifest` must outlive it; `access` is only used meanwhile.
 */
int open_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, enum authority_mode mode, int64_t now_s,
		   struct authority **ret_authority, struct fault *fault) MUST_CHECK;
void free_authority(struct authority **authority);
const struct certificate *authority_root(const struct authority *authority);

/* All borrowed. */
struct store *authority_store(struct authority *authority);
const struct issuer *authority_issuer(const struct authority *authority);
struct ca_crl_options authority_crl_options(struct authority *authority);

/* What keeps the CA from working, by part: "root", "store", "key"; and "crl", which is for whoever
   publishes it to add. */
enum { HEALTH_PARTS = 4 };

struct flaw {
	const char *part;
	struct fault fault;
};

struct health {
	struct flaw flaws[HEALTH_PARTS];
	size_t count; /* 0: it works */
};

/*
 * Whether it could certify now, as far as can be told without doing so. The key signs for this once
 * a second at most.
 */
void check_authority(struct authority *authority, int64_t now_s, struct health *ret_health);

/*
 * Counts a request of the client against how many it may make a minute; over that, *refusal is
 * filled.
 */
int admit_request(struct authority *authority, const char *client, struct refusal *refusal,
		  struct fault *fault) MUST_CHECK;

/*
 * Part 1, the CA's half: certifies the requests of an authenticated client. Every request is
 * checked (form, proof of possession, key, names, the client's policy); those that hold are
 * certified and recorded in one transaction, which is durable before this returns. A public key
 * that is certified already for this client has the certificate it has, whatever else the request
 * says; for another client it is refused. The same key twice in one batch refuses the batch.
 * *ret_answer's claims are left to the caller. -1 only when the CA itself failed: nothing was
 * issued then.
 */
int certify_batch(struct authority *authority, const char *client,
		  const struct certificates_request *request, int64_t now_s,
		  struct certificates_answer *ret_answer, struct fault *fault) MUST_CHECK;

/*
 * The answer to a client whose whole request is refused, for a reason found before certify_batch,
 * with its event in the audit log.
 */
int refuse_batch(struct authority *authority, const char *client, const struct refusal *refusal,
		 int64_t now_s, struct certificates_answer *ret_answer,
		 struct fault *fault) MUST_CHECK;

/*
 * Part 3: what the CA says of a certificate, which it finds by issuer and serial and compares whole
 * with what it recorded: nothing else in it needs to be understood. *ret_answer's claims are left
 * to the caller. Errors: FAULT_MALFORMED for what is no certificate (split_certificate).
 */
int answer_status(struct authority *authority, struct bytes der, int64_t now_s,
		  struct status_answer *ret_answer, struct fault *fault) MUST_CHECK;

#endif
