#ifndef CERTPOOL_LAYOUT_CA_NODE_H
#define CERTPOOL_LAYOUT_CA_NODE_H

#include "common/base/endpoint.h"
#include "common/base/key_type.h"
#include "common/layout/pool_windows.h"
#include "common/layout/yaml.h"

/* How the time is rounded that the CA publishes of a revocation. */
struct revocation_rounding {
	int64_t round_s;         /* down to a multiple of it after 1970; 1: not at all */
	bool rounds_compromised; /* also that of keyCompromise */
};

/*
 * The CA. It issues under its root, or, with a root_layout, under an intermediate. Then the root
 * and its key, always a file, are in the root_layout, and the root's subject and validity are not
 * those of the CA's own certificate. The CA's own key is a file of its layout or a key in a PKCS#11
 * token (key_url).
 */
struct ca_node {
	char *layout;                    /* path; NULL when the CA runs on another host */
	char *root_layout;               /* path; NULL: the CA issues under its root */
	struct endpoint endpoint;        /* at which clients reach the CA */
	struct endpoint_list listen;     /* where the CA serves; default: the endpoint */
	struct host_list names;          /* of the CA's TLS server, besides that of the endpoint */
	struct endpoint admin;           /* of the operator's page; no host: there is none */
	bool allow_tls_1_2;              /* besides TLS 1.3 */
	char *subject;                   /* RFC 4514, of the root */
	enum key_type key;               /* of new key files */
	char *key_url;                   /* check_key_url; NULL: the CA's key is a file */
	char *pin_file;                  /* path of the token's PIN; NULL: no PIN */
	char *passphrase_file;           /* path; NULL: key files are not encrypted */
	int64_t validity_s;              /* of the root */
	char *intermediate_subject;      /* RFC 4514; NULL without a root_layout */
	int64_t intermediate_validity_s; /* at most validity_s; 0 without a root_layout */
	int64_t certificate_validity_s;
	int64_t certificate_backdate_s;
	size_t certificate_jitter_percent; /* of the validity, that a certificate may end earlier */
	bool pseudonymous;                 /* ca_profile.h */
	enum key_type certificate_key;     /* the one type of keys, if pseudonymous */
	int64_t shuffle_s; /* how long requests wait to be recorded in one order; 0: they do not */
	struct revocation_rounding rounding;
	struct pool_windows windows; /* that certificates may be asked for; else none may */
	char *crl_url;               /* CRL distribution point: check_web_url; NULL: none */
	int64_t crl_validity_s;
	char *ocsp_url;                  /* of the OCSP responder; likewise */
	size_t ocsp_requests_per_minute; /* of one address */
	char *issuer_url;                /* of the issuing certificate (caIssuers); likewise */
	char *root_crl_url;              /* of the CRL of a root that lies apart; likewise */
	int64_t root_crl_validity_s;
	char *store; /* complete_store_url; NULL: the record is a file of the layout */
	bool store_unverified;
	bool acme;      /* ACME clients are served */
	char *acme_url; /* in front of /acme/ in its URLs: check_web_url; NULL: the endpoint */
	/* The names of clients whose identifiers are validated by http-01 (is_challenged), a line
	   each, with a line end before the first; NULL: none. */
	char *acme_challenged;
	size_t acme_http_port; /* at which they are asked */
	size_t free_space;     /* octets of the disk that certificates leave for revocations */
};

/*
 * Reads the mapping under `ca:`, fills in every default, and joins paths to the manifest's
 * directory. *ca must be empty; the caller clears it, also after a failure.
 */
int read_ca_node(const struct yaml_node *value, const char *directory, struct ca_node *ca,
		 struct fault *fault) MUST_CHECK;
/* The keys under which two CAs differ, like "ca.endpoint, ca.crl.url", but for acme.http_01, which
   a CA takes over while it serves; "" for none. */
int list_ca_differences(const struct ca_node *before, const struct ca_node *after,
			struct buffer *ret_names, struct fault *fault) MUST_CHECK;
void clear_ca_node(struct ca_node *ca);

/* Whether an ACME client has to show, by http-01, that it has the names for which it asks.
   challenged: the acme_challenged of a CA. */
bool is_challenged(const char *challenged, const char *client);

#endif
