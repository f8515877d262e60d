#ifndef CERTPOOL_LAYOUT_KNOWN_ENDPOINT_H
#define CERTPOOL_LAYOUT_KNOWN_ENDPOINT_H

#include "common/base/endpoint.h"
#include "common/layout/layout.h"

/*
 * state/endpoint_{NAME}: where another node, the CA or a client, is reached by what its invitation
 * or an authenticated answer said last, as a line. It counts beside the endpoint that the manifest
 * had for the node at that time, the second line, if it had one: a manifest that was changed since
 * knows better.
 *
 * Shape: an endpoint with an empty host is none.
 */

/* Keeps the endpoint; removes the file if the manifest says the same. */
int keep_endpoint(const struct layout *layout, const char *name, const struct endpoint *endpoint,
		  const struct endpoint *in_manifest, struct fault *fault) MUST_CHECK;

/*
 * The endpoint that is known, else the manifest's. Errors: FAULT_MALFORMED for a file that has
 * something else.
 */
int find_endpoint(const struct layout *layout, const char *name, const struct endpoint *in_manifest,
		  struct endpoint *ret_endpoint, struct fault *fault) MUST_CHECK;

#endif
