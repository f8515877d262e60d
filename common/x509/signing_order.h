#ifndef CERTPOOL_X509_SIGNING_ORDER_H
#define CERTPOOL_X509_SIGNING_ORDER_H

#include "common/base/verdict.h"
#include "common/x509/issuer.h"

/*
 * What an issuer is asked to sign, and what it answers. An issuer signs with its own key, or has
 * another sign for it (delegate_signing): a process apart, or a function that checks and logs
 * first. Who orders does not know which.
 */
enum signing_kind {
	SIGN_MEMBERS,   /* TBSCertificates of a client's members */
	SIGN_RESPONDER, /* the TBSCertificate of an OCSP responder */
	SIGN_SERVER,    /* the TBSCertificate of the CA's own TLS server */
	SIGN_CRL,       /* a TBSCertList */
	SIGN_PROBE,     /* nothing: whether the key can be used */
};

struct signing_order {
	enum signing_kind kind;
	unsigned int issuer; /* its number: sign_order fills it in */
	const char *client;  /* of the members; else NULL */
	const struct buffer *bodies;
	size_t count;
	int64_t now_s;
};

/* The signed object, or why it was not signed. */
struct signed_result {
	struct buffer der;
	struct verdict verdict;
};

void clear_signed_result(struct signed_result *result);

/* A signing_function (issuer.h) fills as many results as the order has bodies, or returns -1 when
   nothing could be signed at all. */

/* "certificate" or "CRL", for messages. */
const char *name_signed(enum signing_kind kind);

/* Has the bodies signed, with the issuer's key or by its delegate. */
int sign_order(const struct issuer *issuer, const struct signing_order *order,
	       struct signed_result *ret_results, struct fault *fault) MUST_CHECK;

/* The same for one body: what is not signed is FAULT_REFUSED. */
int sign_one(const struct issuer *issuer, const struct signing_order *order, struct buffer *ret_der,
	     struct fault *fault) MUST_CHECK;

/* FAULT_FAILED when the issuer's own key cannot sign: a token that was pulled out. */
int probe_key(const struct issuer *issuer, struct fault *fault) MUST_CHECK;

#endif
