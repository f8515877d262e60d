#ifndef CERTPOOL_LAYOUT_CLIENT_NODE_H
#define CERTPOOL_LAYOUT_CLIENT_NODE_H

#include "common/base/endpoint.h"
#include "common/base/key_type.h"
#include "common/base/name.h"
#include "common/layout/client_policy.h"
#include "common/layout/pool_reuse.h"
#include "common/layout/pool_windows.h"
#include "common/layout/yaml.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	POOL_SIZE_MAX = 1000000,
	BATCH_SIZE_MAX = 1000, /* certificate requests in one request to the CA */
	MESSAGE_SIZE_MAX = 16 * 1024 * 1024,
};

/* What has become of a number of a pool whose members are used up, or have windows. */
enum member_mark {
	MEMBER_UNUSED,
	MEMBER_USED,    /* it has signed, or its window is over, and it is set aside */
	MEMBER_RETIRED, /* its key is destroyed; the number never comes back */
};

/* The content of a client's certificate requests, and how its members are used. */
struct pool_settings {
	size_t size; /* of the pool, 1 … POOL_SIZE_MAX; with windows: of all that have members */
	enum key_type key;
	char *subject;    /* RFC 4514 template: {index}, {client}, {random} */
	char **alt_names; /* templates "DNS:…", "URI:…", "email:…", "IP:…" */
	size_t alt_name_count;
	size_t batch_size;   /* 1 … BATCH_SIZE_MAX */
	unsigned int usages; /* of enum usage, that the requests ask for */
	struct pool_reuse reuse;
	struct pool_windows windows;

	/* The numbers of the members, as view_numbers (pool/members/pool_numbers.h) has found them
	   in the layout. Without: 1 … size. */
	size_t last;    /* the highest; 0: without */
	uint8_t *marks; /* last of them: enum member_mark */
	struct window_numbers window_numbers;
};

/* Whether each member is for one window of time. */
bool has_windows(const struct pool_settings *pool);

/* The highest number of a member. */
size_t last_member(const struct pool_settings *pool);

/* Whether no member is to be made, enrolled or renewed under that number any more: it is used or
   retired. */
bool is_set_apart(const struct pool_settings *pool, size_t member);

/* The members 1 … last_member that are not set apart. */
size_t count_members(const struct pool_settings *pool);

/* A client: a node with a pool of certificates. */
struct client_node {
	char name[NAME_SIZE];
	char *layout; /* path; default: the client's name */
	struct pool_settings pool;
	struct client_policy policy;
	bool has_quota; /* the manifest says policy.certificates: else it follows from the size */
	bool elsewhere; /* its layout is on another host */
	bool has_endpoint;
	struct endpoint endpoint;    /* at which others reach the client with messages */
	struct endpoint_list listen; /* where it receives them; default: the endpoint */
	size_t message_limit;        /* most octets of a message that the client sends or takes */
};

/*
 * Reads the mapping under `clients:`, fills in every default, and joins paths to the manifest's
 * directory. No clients: NULL and 0.
 * Owns: *ret_clients is the caller's, free_client_nodes.
 */
int read_client_nodes(const struct yaml_node *value, const char *directory,
		      struct client_node **ret_clients, size_t *ret_count,
		      struct fault *fault) MUST_CHECK;
void free_client_nodes(struct client_node *clients, size_t count);

/*
 * The client of that name, or NULL with FAULT_NOT_FOUND, whose text lists the names and calls the
 * manifest by `path`.
 */
const struct client_node *find_client_node(const struct client_node *clients, size_t count,
					   const char *path, const char *name, struct fault *fault);

#endif
