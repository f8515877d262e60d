#ifndef CERTPOOL_LAYOUT_CLIENT_POLICY_H
#define CERTPOOL_LAYOUT_CLIENT_POLICY_H

#include "common/base/bytes.h"
#include "common/base/key_type.h"
#include "common/layout/template.h"

#include <stdint.h>

enum {
	CERTIFICATES_MAX = 10000000,
	REQUESTS_PER_MINUTE_MAX = 1000000,
	REQUESTS_PER_MINUTE_DEFAULT = 6000,
};

/* The subject of a pool, and so of a policy, that says none. */
#define SUBJECT_DEFAULT "CN={client}-{index}"

/* What the CA allows a client. Zero-initialised is empty. */
struct client_policy {
	char *subject;    /* template that a request's subject must match */
	char **alt_names; /* templates of which each alternative name must match one */
	size_t alt_name_count;
	bool keys[KEY_TYPE_COUNT]; /* allowed key types */
	int64_t validity_s;        /* how long a certificate is valid at most; 0: as the CA says */
	size_t certificates;       /* how many live ones it may have: neither expired nor revoked */
	size_t requests_per_minute; /* for certificates and revocations, together */
};

/* What a client may have when nothing is said: what the manifest gives a client with a pool of the
   default size. ret_policy must be empty. */
int default_client_policy(struct client_policy *ret_policy, struct fault *fault) MUST_CHECK;

/* ret_policy must be empty. */
int copy_client_policy(const struct client_policy *policy, struct client_policy *ret_policy,
		       struct fault *fault) MUST_CHECK;
void clear_client_policy(struct client_policy *policy);

/* Whether they allow the same. */
bool equal_client_policies(const struct client_policy *a, const struct client_policy *b);

/*
 * The rules that the manifest has for a policy. Errors: FAULT_USAGE, which begins with the name
 * that the manifest has for what is wrong.
 */
int check_client_policy(const struct client_policy *policy, struct fault *fault) MUST_CHECK;

/* Sets the subject. */
int set_policy_subject(struct client_policy *policy, const char *subject,
		       struct fault *fault) MUST_CHECK;

/* Sets the alternative names to copies of those. */
int set_policy_alt_names(struct client_policy *policy, char *const *names, size_t count,
			 struct fault *fault) MUST_CHECK;

/*
 * Sets the alternative names from a list on a command line: templates with commas between them, or
 * "none". A template with a comma in it can only be had from the manifest.
 */
int parse_alt_name_list(const char *text, struct client_policy *policy,
			struct fault *fault) MUST_CHECK;

/* Sets the key types: names with commas between them, or "all". */
int parse_key_list(const char *text, struct client_policy *policy, struct fault *fault) MUST_CHECK;

/* Appends what the two above read. */
void append_alt_name_list(const struct client_policy *policy, struct buffer *buffer);
void append_key_list(const struct client_policy *policy, struct buffer *buffer);

#endif
