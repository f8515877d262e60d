#include "tools/client/policy_settings.h"

#include "common/layout/ca_profile.h"

#include <stdio.h>
#include <string.h>

bool sets_no_policy(const struct policy_settings *given)
{
	return given->subject == NULL && given->alt_names == NULL && given->keys == NULL &&
	       given->usages == NULL && given->validity_s == 0 && given->certificates == 0 &&
	       given->requests_per_minute == 0 && given->size == 0;
}

static int apply_subject(const char *subject, bool forced, struct client *client,
			 struct fault *fault)
{
	if (strchr(subject, '*') != NULL && !forced)
		return set_fault(fault, FAULT_USAGE,
				 "subject: expected a template with {client}, {index} or {random} "
				 "where subjects differ, found \"%s\": a * stands for itself there "
				 "(--force sets it all the same)",
				 subject);
	return set_policy_subject(&client->policy, subject, fault);
}

static int apply_validity(int64_t validity_s, const struct manifest *manifest,
			  struct client *client, struct fault *fault)
{
	int64_t most_s = manifest->ca.certificate_validity_s;

	if (validity_s > most_s)
		return set_fault(fault, FAULT_USAGE,
				 "validity: expected at most the CA's own, %jd s "
				 "(ca.certificates.validity of the manifest), found %jd s",
				 (intmax_t)most_s, (intmax_t)validity_s);
	client->policy.validity_s = validity_s;
	return 0;
}

/* The quota follows the size, unless somebody gave one. */
static int apply_size(size_t size, const struct manifest *manifest, struct client *client,
		      struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy initial = {0};

	client->pool_size = size;
	if ((client->by_hand & FIELD_BIT(POLICY_CERTIFICATES)) != 0)
		return 0;
	if (initial_client_policy(manifest, client->name, size, &initial, fault) < 0)
		return -1;
	client->policy.certificates = initial.certificates;
	return 0;
}

static unsigned int list_given(const struct policy_settings *given)
{
	return (given->subject != NULL ? FIELD_BIT(POLICY_SUBJECT) : 0) |
	       (given->alt_names != NULL ? FIELD_BIT(POLICY_ALT_NAMES) : 0) |
	       (given->keys != NULL ? FIELD_BIT(POLICY_KEYS) : 0) |
	       (given->usages != NULL ? FIELD_BIT(POLICY_USAGES) : 0) |
	       (given->validity_s > 0 ? FIELD_BIT(POLICY_VALIDITY) : 0) |
	       (given->certificates > 0 ? FIELD_BIT(POLICY_CERTIFICATES) : 0) |
	       (given->requests_per_minute > 0 ? FIELD_BIT(POLICY_REQUESTS_PER_MINUTE) : 0);
}

/* A setting that the CA's profile overrules is refused, as it is in the manifest. */
static int check_profile_settings(const struct policy_settings *given, const struct ca_node *ca,
				  struct fault *fault)
{
	if (!ca->pseudonymous)
		return 0;
	if (given->subject != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "subject: expected none with ca.profile: pseudonymous, as the CA "
				 "draws the subject of each certificate");
	if (given->keys != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "keys: expected none with ca.profile: pseudonymous, whose one "
				 "type of keys ca.certificates.key says: %s",
				 format_key_type(ca->certificate_key));
	if (given->alt_names != NULL && strstr(given->alt_names, "{client}") != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "alt-names: expected no {client} with ca.profile: pseudonymous, "
				 "found \"%s\"",
				 given->alt_names);
	if (given->validity_s > 0 && given->validity_s < shortest_rounded_validity(ca))
		return set_fault(fault, FAULT_USAGE,
				 "validity: expected at least %jd s with ca.profile: pseudonymous, "
				 "as times are rounded to windows, found %jd s",
				 (intmax_t)shortest_rounded_validity(ca),
				 (intmax_t)given->validity_s);
	return 0;
}

int apply_policy_settings(const struct policy_settings *given, const struct manifest *manifest,
			  bool forced, struct client *client, struct fault *fault)
{
	struct client_policy *policy = &client->policy;

	if (check_profile_settings(given, &manifest->ca, fault) < 0)
		return -1;
	if (given->subject != NULL && apply_subject(given->subject, forced, client, fault) < 0)
		return -1;
	if (given->alt_names != NULL && parse_alt_name_list(given->alt_names, policy, fault) < 0)
		return prefix_fault(fault, "alt-names");
	if (given->keys != NULL && parse_key_list(given->keys, policy, fault) < 0)
		return prefix_fault(fault, "keys");
	if (given->usages != NULL && parse_usage_list(given->usages, &policy->usages, fault) < 0)
		return prefix_fault(fault, "usages");
	if (given->validity_s > 0 && apply_validity(given->validity_s, manifest, client, fault) < 0)
		return -1;
	if (given->certificates > 0)
		policy->certificates = given->certificates;
	if (given->requests_per_minute > 0)
		policy->requests_per_minute = given->requests_per_minute;
	client->by_hand |= list_given(given);
	if (given->size > 0 && apply_size(given->size, manifest, client, fault) < 0)
		return -1;
	return check_client_policy(policy, fault);
}

int make_client(const char *name, const struct policy_settings *given,
		const struct manifest *manifest, bool forced, struct client *ret_client,
		struct fault *fault)
{
	CLEANUP(clear_client) struct client client = {.origin = ORIGIN_OPERATOR};

	if (!valid_name(name))
		return set_fault(fault, FAULT_USAGE,
				 "name: expected 1 to 64 of A-Z a-z 0-9 _ -, not beginning with -, "
				 "found \"%s\"",
				 name);
	if (strcmp(name, CA_NAME) == 0)
		return set_fault(fault, FAULT_USAGE, "name: no client can be called \"%s\"", name);
	memcpy(client.name, name, strlen(name) + 1);
	if (initial_client_policy(manifest, name, 0, &client.policy, fault) < 0 ||
	    apply_policy_settings(given, manifest, forced, &client, fault) < 0)
		return -1;
	MOVE(ret_client, client);
	return 0;
}

int reset_policy_fields(unsigned int fields, bool sizes, const struct manifest *manifest,
			struct client *client, struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy initial = {0};

	if (sizes)
		client->pool_size = 0;
	client->by_hand &= ~fields;
	if (sizes && (client->by_hand & FIELD_BIT(POLICY_CERTIFICATES)) == 0)
		fields |= FIELD_BIT(POLICY_CERTIFICATES);
	if (initial_client_policy(manifest, client->name, client->pool_size, &initial, fault) < 0)
		return -1;
	return copy_policy_fields(&initial, fields, &client->policy, fault);
}

static int parse_field(const char *text, size_t len, unsigned int *fields, bool *sizes,
		       struct fault *fault)
{
	char word[64];
	struct nearest_name search = {.word = word};
	char meant[MEANT_SIZE];

	(void)snprintf(word, sizeof(word), "%.*s", (int)len, text);
	if (strcmp(word, "size") == 0) {
		*sizes = true;
		return 0;
	}
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		const char *name = format_policy_field((enum policy_field)i);

		compare_name(&search, name);
		if (strcmp(name, word) != 0)
			continue;
		*fields |= FIELD_BIT(i);
		return 0;
	}
	compare_name(&search, "size");
	format_meant(&search, meant);
	return set_fault(
		fault, FAULT_USAGE,
		"--reset: expected subject, alt-names, keys, usages, validity, "
		"certificates, requests-per-minute or size, separated by commas, found \"%s\"%s",
		word, meant);
}

int reset_listed_fields(const char *list, const struct manifest *manifest, struct client *client,
			struct fault *fault)
{
	unsigned int fields = 0;
	bool sizes = false;

	for (const char *item = list;; item += strcspn(item, ",") + 1) {
		size_t len = strcspn(item, ",");

		if (parse_field(item, len, &fields, &sizes, fault) < 0)
			return -1;
		if (item[len] == '\0')
			break;
	}
	return reset_policy_fields(fields, sizes, manifest, client, fault);
}
