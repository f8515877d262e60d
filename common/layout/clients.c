#include "common/layout/clients.h"

#include "common/base/clock.h"
#include "common/layout/field.h"
#include "common/layout/path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Live certificates that a client may have, by default, for each member. */
enum { POLICY_FACTOR = 10 };

static const struct field pool_fields[] = {
	{.name = "size",
	 .set = set_number,
	 .offset = offsetof(struct client_node, pool.size),
	 .fallback = "20",
	 .low = 1,
	 .high = POOL_SIZE_MAX},
	{.name = "key",
	 .set = set_key_type,
	 .offset = offsetof(struct client_node, pool.key),
	 .fallback = "ecdsa-p256"},
	{.name = "subject",
	 .set = set_template,
	 .offset = offsetof(struct client_node, pool.subject),
	 .fallback = SUBJECT_DEFAULT,
	 .high = SUBJECT_MAX},
	{.name = "alt_names",
	 .set = set_alt_names,
	 .offset = offsetof(struct client_node, pool.alt_names),
	 .count_offset = offsetof(struct client_node, pool.alt_name_count),
	 .high = ALT_NAME_TEMPLATE_MAX},
	{.name = "batch_size",
	 .set = set_number,
	 .offset = offsetof(struct client_node, pool.batch_size),
	 .fallback = "250",
	 .low = 1,
	 .high = BATCH_SIZE_MAX},
	{0},
};

/* Those without a fallback follow from the pool, or from the CA: complete_policy. */
static const struct field policy_fields[] = {
	{.name = "subject",
	 .set = set_template,
	 .offset = offsetof(struct client_node, policy.subject),
	 .high = SUBJECT_MAX},
	{.name = "alt_names",
	 .set = set_alt_names,
	 .offset = offsetof(struct client_node, policy.alt_names),
	 .count_offset = offsetof(struct client_node, policy.alt_name_count),
	 .high = ALT_NAME_TEMPLATE_MAX},
	{.name = "keys", .set = set_key_list, .offset = offsetof(struct client_node, policy.keys)},
	{.name = "certificates",
	 .set = set_number,
	 .offset = offsetof(struct client_node, policy.certificates),
	 .low = 1,
	 .high = CERTIFICATES_MAX},
	{.name = "validity",
	 .set = set_duration,
	 .offset = offsetof(struct client_node, policy.validity_s),
	 .low = 1,
	 .high = CENTURY_S},
	{.name = "requests_per_minute",
	 .set = set_number,
	 .offset = offsetof(struct client_node, policy.requests_per_minute),
	 .fallback = "6000",
	 .low = 1,
	 .high = REQUESTS_PER_MINUTE_MAX},
	{0},
};

static const struct field client_fields[] = {
	{.name = "layout",
	 .set = set_text,
	 .offset = offsetof(struct client_node, layout),
	 .high = PATH_MAX},
	{.name = "endpoint", .set = set_endpoint, .offset = offsetof(struct client_node, endpoint)},
	{.name = "pool", .set = set_fields, .fields = pool_fields},
	{.name = "policy", .set = set_fields, .fields = policy_fields},
	{.name = "message_limit",
	 .set = set_number,
	 .offset = offsetof(struct client_node, message_limit),
	 .fallback = "1048576",
	 .low = 1,
	 .high = MESSAGE_SIZE_MAX},
	{0},
};

/* What the policy does not say follows from the pool. A list that is there and empty stays so. */
static int complete_policy(const struct yaml_node *value, struct client_node *client,
			   struct fault *fault)
{
	const struct yaml_node *given = find_entry(value, "policy");
	struct client_policy *policy = &client->policy;
	bool any_key = false;

	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		any_key = any_key || policy->keys[i];
	for (size_t i = 0; i < KEY_TYPE_COUNT && !any_key; i++)
		policy->keys[i] = true;
	if (policy->certificates == 0)
		policy->certificates = POLICY_FACTOR * client->pool.size;
	if (policy->subject == NULL && set_policy_subject(policy, client->pool.subject, fault) < 0)
		return -1;
	if (given != NULL && find_entry(given, "alt_names") != NULL)
		return 0;
	return set_policy_alt_names(policy, client->pool.alt_names, client->pool.alt_name_count,
				    fault);
}

static int check_client_name(const struct yaml_node *value, struct fault *fault)
{
	if (!valid_name(value->key))
		return set_key_fault(value, fault,
				     "expected a name of 1 to %d of the characters A-Z, a-z, 0-9, "
				     "_ and -, not beginning with -, found \"%.64s\"",
				     NAME_SIZE - 1, value->key);
	if (strcasecmp(value->key, CA_NAME) == 0)
		return set_key_fault(value, fault,
				     "expected another name than \"%s\", which is the CA's, "
				     "found \"%s\"",
				     CA_NAME, value->key);
	return 0;
}

static int read_client(const struct yaml_node *value, const char *directory,
		       struct client_node *client, struct fault *fault)
{
	CLEANUP(free_string) char *layout = NULL;

	if (check_client_name(value, fault) < 0)
		return -1;
	memcpy(client->name, value->key, strlen(value->key) + 1);
	if (read_fields(value, client_fields, client, fault) < 0)
		return -1;
	client->has_endpoint = client->endpoint.host[0] != '\0';
	layout = TAKE(client->layout);
	if (join_path(directory, layout != NULL ? layout : client->name, &client->layout, fault) <
	    0)
		return -1;
	return complete_policy(value, client, fault);
}

int read_clients(const struct yaml_node *value, struct manifest *manifest, struct fault *fault)
{
	if (expect_kind(value, YAML_MAPPING, fault) < 0)
		return -1;
	if (value->count == 0)
		return 0;
	manifest->clients = calloc(value->count, sizeof(*manifest->clients));
	if (manifest->clients == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < value->count; i++) {
		manifest->client_count++;
		if (read_client(value->children[i], manifest->directory, &manifest->clients[i],
				fault) < 0)
			return -1;
	}
	return 0;
}

static void clear_client(struct client_node *client)
{
	free(client->layout);
	free(client->pool.subject);
	free_texts(client->pool.alt_names, client->pool.alt_name_count);
	clear_client_policy(&client->policy);
	*client = (struct client_node){0};
}

void free_clients(struct client_node *clients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		clear_client(&clients[i]);
	free(clients);
}
