#ifndef CERTPOOL_LAYOUT_CLIENT_POLICY_H
#define CERTPOOL_LAYOUT_CLIENT_POLICY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"
#include "common/layout/template.h"
#include "common/layout/usages.h"

#include <stdint.h>

enum {
	CERTIFICATES_MAX = 10000000,
	REQUESTS_PER_MINUTE_MAX = 1000000,
	REQUESTS_PER_MINUTE_DEFAULT = 6000,
	POOL_SIZE_DEFAULT = 20,
};

/* The default subject of a pool, and so of a policy. */
#define SUBJECT_DEFAULT "CN={client}-{index}"

/* The certificates that the CA allows a client. Zero-initialised is empty. */
struct client_policy {
	char *subject;    /* template that a request's subject must match */
	char **alt_names; /* templates of which each alternative name must match one */
	size_t alt_name_count;
	bool keys[KEY_TYPE_COUNT];  /* allowed key types */
	int64_t validity_s;         /* of a certificate, at most; 0: the CA's default */
	size_t certificates;        /* most live ones: neither expired nor revoked */
	size_t requests_per_minute; /* for certificates and revocations together */
	unsigned int usages;        /* of enum usage: all that its certificates may be for */
};

/* The fields of a policy, each of which has one owner: the manifest, or the operator. */
enum policy_field {
	POLICY_SUBJECT,
	POLICY_ALT_NAMES,
	POLICY_KEYS,
	POLICY_VALIDITY,
	POLICY_CERTIFICATES,
	POLICY_REQUESTS_PER_MINUTE,
	POLICY_USAGES,
};
enum { POLICY_FIELD_COUNT = POLICY_USAGES + 1 };

/* A set of fields. */
#define FIELD_BIT(field) (1u << (field))

/* The name that the command line has for it, as `client set --alt-names`. */
const char *format_policy_field(enum policy_field field);

/* Appends the names of a set, separated by commas; nothing for an empty one. */
void append_policy_fields(unsigned int fields, struct buffer *buffer);

/* Copies the fields of a set from one policy to another. */
int copy_policy_fields(const struct client_policy *policy, unsigned int fields,
		       struct client_policy *target, struct fault *fault) MUST_CHECK;

/* The quota of a client that was given none: with room to renew a pool of that size, and more. */
size_t quota_of_pool(size_t size);

/*
 * The default policy: the same that a manifest gives a client with a pool of the default size.
 * ret_policy must be empty. Owns: clear_client_policy.
 */
int default_client_policy(struct client_policy *ret_policy, struct fault *fault) MUST_CHECK;

/* ret_policy must be empty. Owns: clear_client_policy. */
int copy_client_policy(const struct client_policy *policy, struct client_policy *ret_policy,
		       struct fault *fault) MUST_CHECK;
void clear_client_policy(struct client_policy *policy);

/* True if both policies allow the same. Alternative names compare in their order. */
bool equal_client_policies(const struct client_policy *a, const struct client_policy *b);

/*
 * Applies the manifest's rules for a policy. Errors: FAULT_USAGE, whose text begins with the
 * manifest's name of the wrong value.
 */
int check_client_policy(const struct client_policy *policy, struct fault *fault) MUST_CHECK;

/* Sets the subject to a copy. */
int set_policy_subject(struct client_policy *policy, const char *subject,
		       struct fault *fault) MUST_CHECK;

/* Sets the alternative names to copies. */
int set_policy_alt_names(struct client_policy *policy, char *const *names, size_t count,
			 struct fault *fault) MUST_CHECK;

/*
 * Sets the alternative names from a list on a command line: templates separated by commas, or
 * "none". Only the manifest can have a template with a comma in it. Errors: FAULT_USAGE.
 */
int parse_alt_name_list(const char *text, struct client_policy *policy,
			struct fault *fault) MUST_CHECK;

/* Sets the key types: names separated by commas, or "all". Errors: FAULT_USAGE. */
int parse_key_list(const char *text, struct client_policy *policy, struct fault *fault) MUST_CHECK;

/* Append the lists in the form that the two functions above read. */
void append_alt_name_list(const struct client_policy *policy, struct buffer *buffer);
void append_key_list(const struct client_policy *policy, struct buffer *buffer);

#endif
