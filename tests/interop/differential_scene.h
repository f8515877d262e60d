#ifndef CERTPOOL_TESTS_INTEROP_DIFFERENTIAL_SCENE_H
#define CERTPOOL_TESTS_INTEROP_DIFFERENTIAL_SCENE_H

#include "common/x509/chain.h"
#include "tests/fuzz/der_mutator.h"

#include <gnutls/x509.h>

/* The CA of the differential test, what it has issued, and how that is changed. */

#define NOW_S INT64_C(1790000000)
#define YEAR_S (INT64_C(365) * 86400)

enum role { ROOT, ISSUING, MEMBER, ROLE_COUNT };

/* Everything that stays the same. */
struct scene {
	struct lot lot;
	const char *folder;
	struct private_key *keys[ROLE_COUNT];
	struct buffer issuing; /* the TBSCertificate of an intermediate */
	struct certificate *root;
	struct certificate *standing; /* issued by the root, not revoked */
	struct certificate *revoked;
	gnutls_x509_crt_t gnutls_root;
	gnutls_x509_crt_t gnutls_standing;
	gnutls_x509_crt_t gnutls_revoked;
	gnutls_x509_trust_list_t list;
	struct buffer crl;
	struct buffer answer;
	size_t disagreements;
};

/* Ends the process with status 2: the test itself has failed. fault is NULL if GnuTLS did. */
void must(int result, const struct fault *fault);

/* Owns: clear_scene. GnuTLS's clock stands at NOW_S from now on. Shape: lot and folder are set. */
void set_scene(struct scene *scene);
void clear_scene(struct scene *scene);

/* Appends a copy of the object that is changed once or twice. */
void mutate(struct scene *scene, struct bytes der, struct buffer *ret_mutant);

/* Appends a TBSCertificate with drawn extensions, which is changed, more often than not. */
void draw_body(struct scene *scene, enum role role, enum role issuer, struct buffer *ret_body);

/* Signs the body. NULL: certpool cannot parse the certificate. */
struct certificate *sign_and_parse(const struct private_key *key, struct bytes body);

/* NULL: GnuTLS cannot import it. */
gnutls_x509_crt_t import_certificate(struct bytes der);
gnutls_datum_t datum_of(struct bytes bytes);

/* An OCSPResponse with the ResponseData, signed by the root. */
void enclose_answer(const struct scene *scene, struct bytes body, struct buffer *ret_der);

#endif
