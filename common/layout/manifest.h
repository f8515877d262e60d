#ifndef CERTPOOL_LAYOUT_MANIFEST_H
#define CERTPOOL_LAYOUT_MANIFEST_H

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/fault.h"
#include "common/base/key_type.h"
#include "common/base/name.h"

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
	ALT_NAMES_MAX = 16,
	MESSAGE_SIZE_MAX = 16 * 1024 * 1024,
};

struct ca_node {
	char *layout;             /* path; NULL when the CA runs on another host */
	struct endpoint endpoint; /* where it serves */
	char *subject;            /* RFC 4514, of its root */
	enum key_type key;
	int64_t validity_s;
	int64_t certificate_validity_s;
	int64_t certificate_backdate_s;
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

/* What the CA allows this client. */
struct client_policy {
	char *subject;    /* template that a request's subject must match; default: the pool's */
	char **alt_names; /* templates of which each alternative name must match one */
	size_t alt_name_count;
	bool keys[KEY_TYPE_COUNT]; /* allowed key types; default: all */
	size_t certificates;       /* how many it may have in all; default: 10 × pool size */
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

enum step_kind { STEP_ENROLL, STEP_SEND, STEP_VERIFY };

/* One entry of `batch:`. Clients are indices into the manifest's clients. */
struct batch_step {
	enum step_kind kind;
	int line;        /* in the manifest, 1-based */
	size_t *clients; /* enroll: at least one */
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
	struct batch_step *steps;
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
