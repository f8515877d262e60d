#ifndef CERTPOOL_LAYOUT_RUN_STEPS_H
#define CERTPOOL_LAYOUT_RUN_STEPS_H

#include "common/layout/client_node.h"
#include "common/layout/yaml.h"

enum step_kind { STEP_ENROLL, STEP_RENEW, STEP_SEND, STEP_VERIFY };

/* A step of a batch run: an entry of `batch:`. Clients are indices into the manifest's clients. */
struct run_step {
	enum step_kind kind;
	int line;        /* in the manifest, 1-based */
	size_t *clients; /* enroll, renew: at least one */
	size_t client_count;
	size_t from;  /* send */
	size_t to;    /* send */
	char *text;   /* send: the message */
	size_t count; /* send: 1 … 1,000,000 */
	size_t by;    /* verify: the client that checks the signers of its received messages */
	bool online;  /* verify: also ask the CA */
};

/*
 * Reads the list under `batch:`, whose steps name clients. No steps: NULL and 0.
 * Owns: *ret_steps is the caller's, free_run_steps.
 */
int read_run_steps(const struct yaml_node *value, const struct client_node *clients,
		   size_t client_count, struct run_step **ret_steps, size_t *ret_count,
		   struct fault *fault) MUST_CHECK;
void free_run_steps(struct run_step *steps, size_t count);

#endif
