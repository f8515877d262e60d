#ifndef CERTPOOL_TOOLS_NODE_H
#define CERTPOOL_TOOLS_NODE_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "tools/ca_key.h"

/* The client that a command is about, in its manifest and on the disk. */
struct node {
	struct manifest *manifest;
	const struct client_node *client; /* of the manifest */
	struct layout *layout;
};

/* Loads the command's manifest, finds the client, opens its layout. Owns: clear_node. */
int open_node(const struct command *command, const char *client, struct node *ret_node,
	      struct fault *fault) MUST_CHECK;
void clear_node(struct node *node);

/* Locks the layout; while another process works on it, says so and waits. */
int lock_or_wait(const struct command *command, const struct layout *layout, int *ret_lock,
		 struct fault *fault) MUST_CHECK;

/* What an option or the environment said, else what the manifest says. */
struct endpoint choose_endpoint(const struct endpoint *given, const struct endpoint *otherwise);

/* FAULT_USAGE when the CA has no layout here. */
int open_ca_layout(const struct manifest *manifest, struct layout **ret_layout,
		   struct fault *fault) MUST_CHECK;

/* Where what was made is told: standard output, or standard error. */
enum made_report { REPORT_DATA, REPORT_NOTES };

/*
 * Makes what the named nodes of the manifest lack (all nodes when count is 0): layouts, the CA's
 * root and record, the keys that they share with each other and with nodes that are here already,
 * the root in the clients. What is there stays.
 */
int init_nodes(const struct command *command, const struct manifest *manifest,
	       const struct ca_key_settings *key, const char *const *names, size_t count,
	       enum made_report report, struct fault *fault) MUST_CHECK;

#endif
