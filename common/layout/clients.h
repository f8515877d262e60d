#ifndef CERTPOOL_LAYOUT_CLIENTS_H
#define CERTPOOL_LAYOUT_CLIENTS_H

#include "common/layout/manifest.h"
#include "common/layout/yaml.h"

/* Reads the mapping under `clients:` into the manifest, whose directory is there already, and fills
   every default in. On failure what was read so far is the manifest's too. */
int read_clients(const struct yaml_node *clients, struct manifest *manifest,
		 struct fault *fault) MUST_CHECK;
void free_clients(struct client_node *clients, size_t count);

#endif
