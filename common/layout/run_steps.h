#ifndef CERTPOOL_LAYOUT_RUN_STEPS_H
#define CERTPOOL_LAYOUT_RUN_STEPS_H

#include "common/layout/manifest.h"
#include "common/layout/yaml.h"

/* Reads the list under `batch:` into the manifest, whose clients are there already. On failure
   what was read so far is the manifest's too. */
int read_run_steps(const struct yaml_node *batch, struct manifest *manifest,
		   struct fault *fault) MUST_CHECK;
void free_run_steps(struct run_step *steps, size_t count);

#endif
