#include "common/layout/client_node.h"

#include "common/base/clock.h"
#include "common/base/name.h"
#include "common/layout/field.h"
#include "common/layout/path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How many clients a message names. */
enum { NAMES_SHOWN = 10 };

static int add_usage(const struct yaml_node *value, unsigned int *usages, struct fault *fault)
{
	struct fault problem = {0};
	enum usage usage;

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	if (parse_usage(value->text, &usage, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	if ((*usages & usage) != 0)
		return set_value_fault(value, fault, "expected each usage once, found %s again",
				       value->text);
	*usages |= usage;
	return 0;
}

/* Sets an unsigned int, a set of enum usage, from a list. */
static int set_usages(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	unsigned int *member = (unsigned int *)(void *)((char *)object + field->offset);
	struct fault problem = {0};
	unsigned int usages = 0;

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	for (size_t i = 0; i < value->count; i++)
		if (add_usage(value->children[i], &usages, fault) < 0)
			return -1;
	if (check_usages(usages, &problem) < 0)
		return set_value_fault(value, fault, "%s", problem.text);
	*member = usages;
	return 0;
}

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
	{.name = "usages", .set = set_usages, .offset = offsetof(struct client_node, pool.usages)},
	{.name = "reuse",
	 .set = set_reuse,
	 .offset = offsetof(struct client_node, pool.reuse.method),
	 .fallback = "random"},
	{.name = "hold", .set = set_hold, .offset = offsetof(struct client_node, pool.reuse)},
	{.name = "on_empty",
	 .set = set_on_empty,
	 .offset = offsetof(struct client_node, pool.reuse.on_empty),
	 .fallback = "fail"},
	{.name = "topup", .set = set_topup, .offset = offsetof(struct client_node, pool.reuse)},
	{.name = "windows",
	 .set = set_windows,
	 .offset = offsetof(struct client_node, pool.windows)},
	{0},
};

/* Fields without a fallback get their defaults from the pool (complete_policy) or from the CA. */
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
	{.name = "usages",
	 .set = set_usages,
	 .offset = offsetof(struct client_node, policy.usages)},
	{0},
};

static const struct field client_fields[] = {
	{.name = "layout",
	 .set = set_text,
	 .offset = offsetof(struct client_node, layout),
	 .high = PATH_MAX},
	{.name = "endpoint", .set = set_endpoint, .offset = offsetof(struct client_node, endpoint)},
	{.name = "elsewhere", .set = set_flag, .offset = offsetof(struct client_node, elsewhere)},
	{.name = "listen", .set = set_endpoints, .offset = offsetof(struct client_node, listen)},
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

/* A pool that asks for more than the policy beside it allows would be refused at its enrolment. */
static int complete_usages(const struct yaml_node *value, struct client_node *client,
			   struct fault *fault)
{
	const struct yaml_node *asking = find_entry(value, "pool");
	const struct yaml_node *given = asking != NULL ? find_entry(asking, "usages") : NULL;
	struct pool_settings *pool = &client->pool;
	char allowed[USAGES_TEXT_SIZE];
	char found[USAGES_TEXT_SIZE];

	if (pool->usages == 0)
		pool->usages = USE_SIGN;
	if ((pool->usages & USE_KEY_ENCIPHERMENT) != 0 && !is_rsa_key(pool->key))
		return set_value_fault(given, fault,
				       "key-encipherment: expected an RSA key beside it, found %s",
				       format_key_type(pool->key));
	if (client->policy.usages == 0)
		client->policy.usages = pool->usages;
	if (given == NULL || (pool->usages & ~client->policy.usages) == 0)
		return 0;
	format_usages(client->policy.usages, allowed);
	format_usages(pool->usages, found);
	return set_value_fault(
		given, fault,
		"expected of \"%s\", the usages of the policy beside it, found \"%s\"", allowed,
		found);
}

/* Takes missing values of the policy from the pool. An explicit empty list stays empty. */
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
	client->has_quota = policy->certificates != 0;
	if (!client->has_quota)
		policy->certificates = quota_of_pool(client->pool.size);
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

/* Members of a window are as many as it says, and end with it: none is renewed or used up. */
static int complete_windows(const struct yaml_node *pool, struct pool_settings *settings,
			    struct fault *fault)
{
	const struct yaml_node *size = pool != NULL ? find_entry(pool, "size") : NULL;
	const struct yaml_node *topup = pool != NULL ? find_entry(pool, "topup") : NULL;

	if (!has_windows(settings))
		return 0;
	if (size != NULL)
		return set_key_fault(size, fault,
				     "expected no size beside windows, whose members says how many "
				     "there are in each, found %s",
				     size->text);
	if (topup != NULL)
		return set_key_fault(topup, fault,
				     "expected no topup beside windows, whose ahead says when the "
				     "next members are made, found one");
	if (settings->reuse.method == REUSE_ONCE_ONLY)
		return set_value_fault(find_entry(pool, "reuse"), fault,
				       "expected another method beside windows, in each of which "
				       "members sign until it is over, found once_only");
	settings->size = settings->windows.members * (settings->windows.ahead + 1);
	return 0;
}

static int read_client_node(const struct yaml_node *value, const char *directory,
			    struct client_node *client, struct fault *fault)
{
	CLEANUP(free_string) char *layout = NULL;

	if (check_client_name(value, fault) < 0)
		return -1;
	memcpy(client->name, value->key, strlen(value->key) + 1);
	if (read_fields(value, client_fields, client, fault) < 0)
		return -1;
	client->has_endpoint = client->endpoint.host[0] != '\0';
	if (client->listen.count > 0 && !client->has_endpoint)
		return set_key_fault(find_entry(value, "listen"), fault,
				     "expected an endpoint beside it, at which others reach the "
				     "client, found none");
	if (client->listen.count == 0 && client->has_endpoint)
		client->listen = (struct endpoint_list){1, {client->endpoint}};
	layout = TAKE(client->layout);
	if (join_path(directory, layout != NULL ? layout : client->name, &client->layout, fault) <
	    0)
		return -1;
	if (complete_usages(value, client, fault) < 0 ||
	    complete_windows(find_entry(value, "pool"), &client->pool, fault) < 0 ||
	    complete_reuse(find_entry(value, "pool"), client->pool.size, &client->pool.reuse,
			   fault) < 0)
		return -1;
	return complete_policy(value, client, fault);
}

bool has_windows(const struct pool_settings *pool)
{
	return pool->windows.every_s > 0;
}

size_t last_member(const struct pool_settings *pool)
{
	return pool->last > 0 ? pool->last : pool->size;
}

bool is_set_apart(const struct pool_settings *pool, size_t member)
{
	return pool->marks != NULL && member <= pool->last &&
	       pool->marks[member - 1] != MEMBER_UNUSED;
}

size_t count_members(const struct pool_settings *pool)
{
	size_t count = last_member(pool);

	for (size_t i = 0; i < pool->last; i++)
		count -= pool->marks[i] != MEMBER_UNUSED ? 1 : 0;
	return count;
}

int read_client_nodes(const struct yaml_node *value, const char *directory,
		      struct client_node **ret_clients, size_t *ret_count, struct fault *fault)
{
	struct client_node *clients = NULL;

	if (expect_kind(value, YAML_MAPPING, fault) < 0)
		return -1;
	if (value->count > 0) {
		clients = calloc(value->count, sizeof(*clients));
		if (clients == NULL)
			return set_memory_fault(fault);
	}
	for (size_t i = 0; i < value->count; i++) {
		if (read_client_node(value->children[i], directory, &clients[i], fault) == 0)
			continue;
		free_client_nodes(clients, value->count);
		return -1;
	}
	*ret_clients = clients;
	*ret_count = value->count;
	return 0;
}

void free_client_nodes(struct client_node *clients, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(clients[i].layout);
		free(clients[i].pool.subject);
		free(clients[i].pool.marks);
		free_templates(clients[i].pool.alt_names, clients[i].pool.alt_name_count);
		clear_client_policy(&clients[i].policy);
	}
	free(clients);
}

const struct client_node *find_client_node(const struct client_node *clients, size_t count,
					   const char *path, const char *name, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct nearest_name meant = {.word = name};

	for (size_t i = 0; i < count; i++)
		if (strcmp(clients[i].name, name) == 0)
			return &clients[i];
	append_string(&names, count == 0 ? "none" : "");
	for (size_t i = 0; i < count; i++) {
		compare_name(&meant, clients[i].name);
		if (i < NAMES_SHOWN)
			append_format(&names, "%s%s", i == 0 ? "" : ", ", clients[i].name);
	}
	if (count > NAMES_SHOWN)
		append_format(&names, " and %zu more", count - NAMES_SHOWN);
	if (check_buffer(&names, fault) < 0)
		return NULL;
	if (meant.nearest != NULL)
		(void)set_fault(fault, FAULT_NOT_FOUND,
				"expected a client of %s, found \"%.64s\": did you mean %s?", path,
				name, meant.nearest);
	else
		(void)set_fault(fault, FAULT_NOT_FOUND,
				"expected a client of %s, found \"%.64s\": there %s %s", path, name,
				count == 1 ? "is" : "are", (const char *)names.data);
	return NULL;
}
