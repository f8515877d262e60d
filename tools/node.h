#ifndef CERTPOOL_TOOLS_NODE_H
#define CERTPOOL_TOOLS_NODE_H

#include "common/layout/layout.h"
#include "common/layout/manifest.h"
#include "tools/ca_key.h"

/*
 * The nodes of a manifest, the CA and its clients: opening one, and making what they lack.
 */

/* The client that a command is about: its entry in the manifest and its layout. */
struct node {
	struct manifest *manifest;
	struct client_node *client; /* in the manifest */
	struct endpoint written;    /* the CA's endpoint as the manifest has it */
	struct layout *layout;
};

/*
 * Loads the command's manifest, finds the client in it and opens its layout. The CA's endpoint in
 * the manifest becomes the one that is known (known_endpoint.h), and the client gets its members'
 * numbers (prepare_numbers). Owns: clear_node.
 * Errors: those of load_manifest, find_client, open_layout and prepare_numbers.
 */
int open_node(const struct command *command, const char *client, struct node *ret_node,
	      struct fault *fault) MUST_CHECK;
void clear_node(struct node *node);

/*
 * Locks the layout. While another process holds the lock, prints a note and waits. Owns: close the
 * descriptor to unlock.
 */
int lock_or_wait(const struct command *command, const struct layout *layout, int *ret_lock,
		 struct fault *fault) MUST_CHECK;

/* Removes the old shared keys that have ended, unless another process has the layout's lock: it is
   for one that starts, and the next one does it. */
int remove_ended_keys(const struct layout *layout, struct fault *fault) MUST_CHECK;

/* Where to listen: what the option gave, if anything, else what the manifest has. */
struct endpoint_list choose_listen(const struct endpoint_list *given,
				   const struct endpoint_list *manifest);

/* The endpoint of an option, if one was given (has a host), else the manifest's. */
struct endpoint choose_endpoint(const struct endpoint *given, const struct endpoint *manifest);

/* Refuses a node's endpoint in the manifest that tells another host nothing: one without a port, or
   of all addresses (FAULT_USAGE). */
int check_advertised(const struct manifest *manifest, const char *node,
		     const struct endpoint *endpoint, struct fault *fault) MUST_CHECK;

/* Opens the CA's layout. Owns: free_layout. Errors: FAULT_USAGE when the manifest names none. */
int open_ca_layout(const struct manifest *manifest, struct layout **ret_layout,
		   struct fault *fault) MUST_CHECK;

/* What init_nodes has made. */
struct nodes_made {
	size_t count;
	bool record; /* the CA's, and with it the CA */
};

/*
 * Makes what the named nodes of the manifest lack (all nodes when count is 0): layouts, the CA's
 * root and record, the keys shared among them and with nodes whose layouts exist on this host, and
 * the pinned root in the clients. Existing files stay as they are. What is made is printed as data,
 * or, with ret_made NULL, in notes.
 */
int init_nodes(const struct command *command, const struct manifest *manifest,
	       const struct ca_key_settings *key, const char *const *names, size_t count,
	       struct nodes_made *ret_made, struct fault *fault) MUST_CHECK;

#endif
