#ifndef CERTPOOL_LAYOUT_MANIFEST_H
#define CERTPOOL_LAYOUT_MANIFEST_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/fault.h"
#include "common/base/key_type.h"
#include "common/base/name.h"
#include "common/layout/client_policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * manifest.yaml: which nodes there are, what each is like, and what a batch run does. The annotated
 * default, pki-layout/manifest.yaml, is the documentation of every key and its default.
 *
 * What holds of a loaded manifest: every string is valid UTF-8 without control characters; names
 * are valid_name, differ also when case is ignored, and none is CA_NAME; no two nodes have the same
 * layout or the same endpoint; every number lies in its range; names in the batch exist; every
 * default is filled in. Paths are joined to the manifest's directory.
 *
 * Not read: YAML anchors, aliases, tags, several documents, and any key not named in the default.
 */

enum {
	POOL_SIZE_MAX = 1000000,
	BATCH_SIZE_MAX = 1000, /* certificate requests in one request to the CA */
	MESSAGE_SIZE_MAX = 16 * 1024 * 1024,
};

/*
 * The CA. It issues under its root, or, with a root_layout, under an intermediate: then the root
 * and its key lie there, and what is said of the root (subject, validity) is not said of the CA's
 * own certificate. The CA's own key is a file of its layout, or lies in a PKCS#11 token (key_url);
 * the root's is always a file when it lies apart.
 */
struct ca_node {
	char *layout;               /* path; NULL when the CA runs on another host */
	char *root_layout;          /* path; NULL: the CA issues under its root */
	struct endpoint endpoint;   /* where it serves */
	char *subject;              /* RFC 4514, of its root */
	enum key_type key;          /* of the key files that are made */
	char *key_url;              /* check_key_url; NULL: the CA's key is a file */
	char *pin_file;             /* path of what holds the token's PIN; NULL: none is given */
	char *passphrase_file;      /* path; NULL: key files are not encrypted */
	int64_t validity_s;         /* of the root */
	char *intermediate_subject; /* RFC 4514; NULL without a root_layout */
	int64_t intermediate_validity_s; /* at most validity_s; 0 without a root_layout */
	int64_t certificate_validity_s;
	int64_t certificate_backdate_s;
	char *crl_url; /* where others fetch the CRL: check_web_url; NULL: nowhere */
	int64_t crl_validity_s;
	char *ocsp_url; /* the same for OCSP */
};

/* What a client's requests look like. */
struct pool_settings {
	size_t size; /* 1 … POOL_SIZE_MAX */
	enum key_type key;
	char *subject;    /* RFC 4514 template: {index}, {client}, {random} */
	char **alt_names; /* templates "DNS:…", "URI:…", "email:…", "IP:…" */
	size_t alt_name_count;
	size_t batch_size; /* 1 … BATCH_SIZE_MAX */
};

struct client_node {
	char name[NAME_SIZE];
	char *layout; /* path; default: the name */
	struct pool_settings pool;
	struct client_policy policy;
	bool has_endpoint;
	struct endpoint endpoint; /* where it receives messages */
	size_t message_limit;     /* octets of M that it sends and takes */
};

enum step_kind { STEP_ENROLL, STEP_RENEW, STEP_SEND, STEP_VERIFY };

/* One entry of `batch:`. Clients are indices into the manifest's clients. */
struct run_step {
	enum step_kind kind;
	int line;        /* in the manifest, 1-based */
	size_t *clients; /* enroll, renew: at least one */
	size_t client_count;
	size_t from;  /* send */
	size_t to;    /* send */
	char *text;   /* send: M */
	size_t count; /* send: 1 … 1,000,000 */
	size_t by;    /* verify: who checks the certificates of the messages it received */
	bool online;  /* verify: also asks the CA */
};

struct manifest {
	char *path;      /* as given */
	char *directory; /* that relative paths are relative to */
	struct ca_node ca;
	struct client_node *clients;
	size_t client_count;
	struct run_step *steps;
	size_t step_count;
};

enum { MANIFEST_SIZE_MAX = 1024 * 1024 };

/*
 * Reads and checks the file.
 * Owns: *ret_manifest is the caller's, free_manifest.
 * Errors: FAULT_NOT_FOUND; FAULT_USAGE with "FILE:LINE:COLUMN: " and what was expected and found.
 */
int load_manifest(const char *path, struct manifest **ret_manifest, struct fault *fault) MUST_CHECK;

/* The same from memory: path is where it would be, and is not opened. */
int parse_manifest(struct bytes text, const char *path, struct manifest **ret_manifest,
		   struct fault *fault) MUST_CHECK;
void free_manifest(struct manifest **manifest);

/* The client of that name, or NULL with FAULT_NOT_FOUND that lists the names there are. */
const struct client_node *find_client(const struct manifest *manifest, const char *name,
				      struct fault *fault);

#endif
