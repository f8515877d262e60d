#ifndef CERTPOOL_LAYOUT_MANIFEST_H
#define CERTPOOL_LAYOUT_MANIFEST_H

#include "common/layout/ca_node.h"
#include "common/layout/client_node.h"
#include "common/layout/run_steps.h"

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
