#ifndef CERTPOOL_LAYOUT_MANIFEST_H
#define CERTPOOL_LAYOUT_MANIFEST_H

#include "common/layout/ca_node.h"
#include "common/layout/client_node.h"
#include "common/layout/run_steps.h"

/*
 * manifest.yaml: the nodes, their properties, and the steps of a batch run. The annotated default,
 * pki-layout/manifest.yaml, documents every key and its default.
 *
 * A loaded manifest always has this form: every string is valid UTF-8 without control characters;
 * names are valid_name, differ also when case is ignored, and none is CA_NAME; no two nodes have
 * the same layout or the same endpoint; every number lies in its range; names in the batch exist;
 * every default is filled in. Paths are joined to the manifest's directory.
 *
 * Refused: YAML anchors, aliases, tags, several documents, and unknown keys.
 */
struct manifest {
	char *path;      /* as given */
	char *directory; /* the base of relative paths */
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

/* The same from memory. `path` names the manifest and gives its directory; it is not opened. */
int parse_manifest(struct bytes text, const char *path, struct manifest **ret_manifest,
		   struct fault *fault) MUST_CHECK;
void free_manifest(struct manifest **manifest);

/* The client of that name, or NULL with FAULT_NOT_FOUND, which lists the names in the manifest. */
const struct client_node *find_client(const struct manifest *manifest, const char *name,
				      struct fault *fault);
/* The same, to be changed. */
struct client_node *find_own_client(struct manifest *manifest, const char *name,
				    struct fault *fault);

#endif
