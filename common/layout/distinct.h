#ifndef CERTPOOL_LAYOUT_DISTINCT_H
#define CERTPOOL_LAYOUT_DISTINCT_H

#include "common/layout/manifest.h"
#include "common/layout/yaml.h"

/*
 * Refuses two clients whose names differ only in case, two nodes with one layout, the one for the
 * root included (compared as absolute paths, without looking at links), and two with one endpoint
 * (port 0 excepted). `ca` and `clients` are what the manifest was read from; clients may be NULL
 * when there are none.
 */
int check_distinct_nodes(const struct manifest *manifest, const struct yaml_node *ca,
			 const struct yaml_node *clients, struct fault *fault) MUST_CHECK;

#endif
