#ifndef CERTPOOL_X509_ISSUER_SET_H
#define CERTPOOL_X509_ISSUER_SET_H

#include "common/x509/issuer.h"

#include <stdatomic.h>

/*
 * The issuers of one CA, in the order of their numbers, which count from 1: the newest issues, and
 * the others sign the CRLs and OCSP answers of what they issued. The set only grows, and an issuer
 * stays as long as the set: one thread may add to it while others read. Zero-initialised is empty.
 */
enum { ISSUERS_MAX = 64 };

struct issuer_set {
	struct issuer *issuers[ISSUERS_MAX];
	atomic_uint count;
};

/* Gives the issuer the next number. Takes ownership, also on failure. Errors: FAULT_TOO_LARGE
   beyond ISSUERS_MAX. */
int add_issuer(struct issuer_set *set, struct issuer **issuer, struct fault *fault) MUST_CHECK;
void clear_issuer_set(struct issuer_set *set);

unsigned int count_issuers(const struct issuer_set *set);

/* Borrowed; NULL: the set has no issuer of that number. */
struct issuer *get_issuer(const struct issuer_set *set, unsigned int number);

/* NULL for an empty set. */
struct issuer *newest_issuer(const struct issuer_set *set);

/* The newest one that is a root; NULL: all are below a root that lies apart. */
struct issuer *newest_root_issuer(const struct issuer_set *set);

/* The issuer with this name (its certificate's subject, DER). Borrowed; NULL: there is none. */
struct issuer *get_issuer_by_name(const struct issuer_set *set, struct bytes name);

#endif
