#ifndef CERTPOOL_TOOLS_CLIENT_POLICY_SETTINGS_H
#define CERTPOOL_TOOLS_CLIENT_POLICY_SETTINGS_H

#include "common/ca/store/clients.h"
#include "common/layout/manifest.h"

/* What the operator says of one client, on the command line or in a row of a file. NULL and 0: not
   given. The texts are borrowed. */
struct policy_settings {
	const char *subject;
	const char *alt_names;
	const char *keys;
	const char *usages;
	int64_t validity_s;
	size_t certificates;
	size_t requests_per_minute;
	size_t size; /* of the pool */
};

bool sets_no_policy(const struct policy_settings *given);

/*
 * Changes the fields that are given, in the policy and in by_hand. A new size changes the quota
 * that nobody gave. Errors: FAULT_USAGE, which begins with the field's name; also for a validity
 * beyond the CA's own, and for a subject with a "*", which stands for itself in a template, unless
 * forced.
 */
int apply_policy_settings(const struct policy_settings *given, const struct manifest *manifest,
			  bool forced, struct client *client, struct fault *fault) MUST_CHECK;

/*
 * A new client, of which nothing but the given fields is the operator's. ret_client must be empty.
 * Errors: those of apply_policy_settings; FAULT_USAGE for what is no client's name.
 */
int make_client(const char *name, const struct policy_settings *given,
		const struct manifest *manifest, bool forced, struct client *ret_client,
		struct fault *fault) MUST_CHECK;

/* Gives the fields of a list, separated by commas, back to the manifest: the names of options
   without their dashes. Errors: FAULT_USAGE for another word. */
int reset_listed_fields(const char *list, const struct manifest *manifest, struct client *client,
			struct fault *fault) MUST_CHECK;

/* Gives these fields (FIELD_BIT) back to the manifest; pool_size too, if sizes. */
int reset_policy_fields(unsigned int fields, bool sizes, const struct manifest *manifest,
			struct client *client, struct fault *fault) MUST_CHECK;

#endif
