#include "common/layout/ca_profile.h"

#include "common/layout/template.h"

#include <inttypes.h>
#include <string.h>

enum { DAY_S = 86400, ROUND_DEFAULT_S = 3600, ROUND_MAX_S = 7 * DAY_S, SHUFFLE_MAX_S = 10 };

static const char client_brace[] = "{client}";

const struct field shuffle_fields[] = {
	{.name = "window",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, shuffle_s),
	 .low = 1,
	 .high = SHUFFLE_MAX_S},
	{0},
};

const struct field revocation_fields[] = {
	{.name = "round",
	 .set = set_duration,
	 .offset = offsetof(struct ca_node, rounding.round_s),
	 .low = 1,
	 .high = ROUND_MAX_S},
	{.name = "round_key_compromise",
	 .set = set_flag,
	 .offset = offsetof(struct ca_node, rounding.rounds_compromised),
	 .fallback = "false"},
	{0},
};

int set_profile(const struct yaml_node *value, const struct field *field, void *object,
		struct fault *fault)
{
	bool *member = (void *)((char *)object + field->offset);

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	*member = strcmp(value->text, "pseudonymous") == 0;
	if (!*member && strcmp(value->text, "default") != 0)
		return set_value_fault(value, fault, "expected default or pseudonymous, found %s",
				       value->text);
	return 0;
}

struct pool_windows rounding_windows(const struct ca_node *ca)
{
	return ca->windows.every_s > 0 ? ca->windows : (struct pool_windows){.every_s = DAY_S};
}

int64_t shortest_rounded_validity(const struct ca_node *ca)
{
	const struct pool_windows windows = rounding_windows(ca);

	return 2 * windows.every_s + windows.overlap_s;
}

int restrict_policy(const struct ca_node *ca, struct client_policy *policy, struct fault *fault)
{
	size_t kept = 0;

	if (!ca->pseudonymous)
		return 0;
	if (set_policy_subject(policy, PSEUDONYM_SUBJECT, fault) < 0)
		return -1;
	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++)
		policy->keys[type] = policy->keys[type] && type == ca->certificate_key;
	for (size_t i = 0; i < policy->alt_name_count; i++) {
		char *name = policy->alt_names[i];

		policy->alt_names[i] = policy->alt_names[kept];
		policy->alt_names[kept] = name;
		kept += strstr(name, client_brace) == NULL ? 1 : 0;
	}
	while (policy->alt_name_count > kept)
		free_string(&policy->alt_names[--policy->alt_name_count]);
	return 0;
}

/* The entry of an entry, either of which may be missing. */
static const struct yaml_node *find_below(const struct yaml_node *value, const char *mapping,
					  const char *key)
{
	const struct yaml_node *found = find_entry(value, mapping);

	return found != NULL ? find_entry(found, key) : NULL;
}

int complete_ca_profile(const struct yaml_node *value, struct ca_node *ca, struct fault *fault)
{
	const struct yaml_node *validity = find_below(value, "certificates", "validity");
	const struct yaml_node *key = find_below(value, "certificates", "key");
	const struct yaml_node *profile = find_entry(value, "profile");
	const struct yaml_node *shuffle = find_entry(value, "shuffle");
	const int64_t shortest_s = shortest_rounded_validity(ca);

	if (ca->rounding.round_s == 0)
		ca->rounding.round_s = ca->pseudonymous ? ROUND_DEFAULT_S : 1;
	if (!ca->pseudonymous && key != NULL)
		return set_key_fault(key, fault,
				     "expected profile: pseudonymous beside certificates, found "
				     "none: without it each client's policy says which keys it may "
				     "have");
	if (!ca->pseudonymous && shuffle != NULL)
		return set_key_fault(shuffle, fault,
				     "expected profile: pseudonymous beside it, found none: "
				     "without it certificates have their request's second");
	if (shuffle != NULL && ca->shuffle_s == 0)
		return set_value_fault(shuffle, fault, "expected the key window, found none");
	if (!ca->pseudonymous)
		return 0;
	if (ca->certificate_jitter_percent > 0)
		return set_value_fault(find_below(value, "certificates", "jitter"), fault,
				       "expected none with profile: pseudonymous, as it gives each "
				       "certificate an end of its own");
	if (ca->certificate_validity_s < shortest_s)
		return set_value_fault(validity != NULL ? validity : profile, fault,
				       "expected a validity of at least %" PRId64
				       " s with profile: pseudonymous, as times are rounded to "
				       "windows, found %" PRId64 " s",
				       shortest_s, ca->certificate_validity_s);
	return 0;
}

static int check_subjects(const struct yaml_node *value, struct fault *fault)
{
	static const char *const mappings[] = {"pool", "policy"};

	for (size_t i = 0; i < COUNT_OF(mappings); i++) {
		const struct yaml_node *subject = find_below(value, mappings[i], "subject");

		if (subject != NULL)
			return set_key_fault(subject, fault,
					     "expected none with ca.profile: pseudonymous, as the "
					     "CA draws the subject of each certificate");
	}
	return 0;
}

static int check_alt_names(const struct yaml_node *names, struct fault *fault)
{
	for (size_t i = 0; names != NULL && i < names->count; i++)
		if (strstr(names->children[i]->text, client_brace) != NULL)
			return set_value_fault(names->children[i], fault,
					       "expected no %s with ca.profile: pseudonymous, "
					       "found \"%s\"",
					       client_brace, names->children[i]->text);
	return 0;
}

int complete_client_profile(const struct yaml_node *value, const struct ca_node *ca,
			    struct client_node *client, struct fault *fault)
{
	const struct yaml_node *key = find_below(value, "pool", "key");
	const struct yaml_node *keys = find_below(value, "policy", "keys");
	const int64_t validity_s = client->policy.validity_s;

	if (!ca->pseudonymous)
		return 0;
	if (check_subjects(value, fault) < 0 ||
	    check_alt_names(find_below(value, "pool", "alt_names"), fault) < 0 ||
	    check_alt_names(find_below(value, "policy", "alt_names"), fault) < 0)
		return -1;
	if (keys != NULL)
		return set_key_fault(keys, fault,
				     "expected none with ca.profile: pseudonymous, whose one type "
				     "of keys ca.certificates.key says: %s",
				     format_key_type(ca->certificate_key));
	if (key != NULL && client->pool.key != ca->certificate_key)
		return set_value_fault(key, fault,
				       "expected %s, the one type of keys with ca.profile: "
				       "pseudonymous (ca.certificates.key), found %s",
				       format_key_type(ca->certificate_key), key->text);
	if (validity_s != 0 && validity_s < shortest_rounded_validity(ca))
		return set_value_fault(find_below(value, "policy", "validity"), fault,
				       "expected at least %" PRId64
				       " s with ca.profile: pseudonymous, as times are rounded to "
				       "windows, found %" PRId64 " s",
				       shortest_rounded_validity(ca), validity_s);
	client->pool.key = ca->certificate_key;
	return restrict_policy(ca, &client->policy, fault);
}
