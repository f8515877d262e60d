#include "common/layout/client_policy.h"

#include "common/base/clock.h"
#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* The default number of live certificates that a client may have, for each member. */
enum { CERTIFICATES_PER_MEMBER = 10 };

static const char *const field_names[POLICY_FIELD_COUNT] = {
	[POLICY_SUBJECT] = "subject",
	[POLICY_ALT_NAMES] = "alt-names",
	[POLICY_KEYS] = "keys",
	[POLICY_VALIDITY] = "validity",
	[POLICY_CERTIFICATES] = "certificates",
	[POLICY_REQUESTS_PER_MINUTE] = "requests-per-minute",
	[POLICY_USAGES] = "usages",
};

static const char no_names[] = "none";
static const char all_keys[] = "all";

void clear_client_policy(struct client_policy *policy)
{
	free(policy->subject);
	free_templates(policy->alt_names, policy->alt_name_count);
	*policy = (struct client_policy){0};
}

int set_policy_subject(struct client_policy *policy, const char *subject, struct fault *fault)
{
	char *copy = strdup(subject);

	if (copy == NULL)
		return set_memory_fault(fault);
	free(policy->subject);
	policy->subject = copy;
	return 0;
}

int default_client_policy(struct client_policy *ret_policy, struct fault *fault)
{
	CLEANUP(clear_client_policy)
	struct client_policy policy = {.certificates = quota_of_pool(POOL_SIZE_DEFAULT),
				       .requests_per_minute = REQUESTS_PER_MINUTE_DEFAULT,
				       .usages = USE_SIGN};

	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		policy.keys[i] = true;
	if (set_policy_subject(&policy, SUBJECT_DEFAULT, fault) < 0)
		return -1;
	MOVE(ret_policy, policy);
	return 0;
}

static int allocate_alt_names(size_t count, struct client_policy *policy, struct fault *fault)
{
	if (count == 0)
		return 0;
	policy->alt_names = calloc(count, sizeof(*policy->alt_names));
	return policy->alt_names != NULL ? 0 : set_memory_fault(fault);
}

static int append_template(struct client_policy *policy, const char *text, size_t len,
			   struct fault *fault)
{
	char *copy = strndup(text, len);

	if (copy == NULL)
		return set_memory_fault(fault);
	policy->alt_names[policy->alt_name_count++] = copy;
	return 0;
}

/* Replaces the policy's alternative names by those of `names`, which has none afterwards. */
static void move_alt_names(struct client_policy *names, struct client_policy *policy)
{
	free_templates(policy->alt_names, policy->alt_name_count);
	policy->alt_names = TAKE(names->alt_names);
	policy->alt_name_count = names->alt_name_count;
	names->alt_name_count = 0;
}

int set_policy_alt_names(struct client_policy *policy, char *const *names, size_t count,
			 struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy copy = {0};

	if (allocate_alt_names(count, &copy, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (append_template(&copy, names[i], strlen(names[i]), fault) < 0)
			return -1;
	move_alt_names(&copy, policy);
	return 0;
}

int copy_client_policy(const struct client_policy *policy, struct client_policy *ret_policy,
		       struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy copy = *policy;

	copy.subject = NULL;
	copy.alt_names = NULL;
	copy.alt_name_count = 0;
	if (policy->subject != NULL && set_policy_subject(&copy, policy->subject, fault) < 0)
		return -1;
	if (set_policy_alt_names(&copy, policy->alt_names, policy->alt_name_count, fault) < 0)
		return -1;
	MOVE(ret_policy, copy);
	return 0;
}

static int copy_policy_field(const struct client_policy *policy, enum policy_field field,
			     struct client_policy *target, struct fault *fault)
{
	switch (field) {
	case POLICY_SUBJECT:
		return set_policy_subject(target, policy->subject, fault);
	case POLICY_ALT_NAMES:
		return set_policy_alt_names(target, policy->alt_names, policy->alt_name_count,
					    fault);
	case POLICY_KEYS:
		memcpy(target->keys, policy->keys, sizeof(target->keys));
		return 0;
	case POLICY_VALIDITY:
		target->validity_s = policy->validity_s;
		return 0;
	case POLICY_CERTIFICATES:
		target->certificates = policy->certificates;
		return 0;
	case POLICY_REQUESTS_PER_MINUTE:
		target->requests_per_minute = policy->requests_per_minute;
		return 0;
	case POLICY_USAGES:
		target->usages = policy->usages;
		return 0;
	}
	return 0;
}

int copy_policy_fields(const struct client_policy *policy, unsigned int fields,
		       struct client_policy *target, struct fault *fault)
{
	for (int i = 0; i < POLICY_FIELD_COUNT; i++)
		if ((fields & FIELD_BIT(i)) != 0 &&
		    copy_policy_field(policy, (enum policy_field)i, target, fault) < 0)
			return -1;
	return 0;
}

const char *format_policy_field(enum policy_field field)
{
	return field_names[field];
}

void append_policy_fields(unsigned int fields, struct buffer *buffer)
{
	const char *separator = "";

	append_string(buffer, "");
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		if ((fields & FIELD_BIT(i)) == 0)
			continue;
		append_format(buffer, "%s%s", separator, field_names[i]);
		separator = ",";
	}
}

size_t quota_of_pool(size_t size)
{
	return size < CERTIFICATES_MAX / CERTIFICATES_PER_MEMBER ? size * CERTIFICATES_PER_MEMBER
								 : CERTIFICATES_MAX;
}

bool equal_client_policies(const struct client_policy *a, const struct client_policy *b)
{
	if (strcmp(a->subject, b->subject) != 0 || a->alt_name_count != b->alt_name_count ||
	    a->validity_s != b->validity_s || a->certificates != b->certificates ||
	    a->requests_per_minute != b->requests_per_minute || a->usages != b->usages)
		return false;
	for (size_t i = 0; i < a->alt_name_count; i++)
		if (strcmp(a->alt_names[i], b->alt_names[i]) != 0)
			return false;
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		if (a->keys[i] != b->keys[i])
			return false;
	return true;
}

/* A policy from a manifest has passed the same check in yaml.c. */
static int check_characters(const char *text, struct fault *fault)
{
	struct bytes rest = bytes_of_string(text);
	uint32_t character;

	while (rest.len > 0) {
		if (!read_utf8(&rest, &character))
			return set_fault(fault, FAULT_USAGE, "expected UTF-8, found other octets");
		if (character < 0x20 || (character >= 0x7f && character < 0xa0))
			return set_fault(fault, FAULT_USAGE,
					 "expected text without control characters, found one");
	}
	return 0;
}

static int check_subject(const char *subject, struct fault *fault)
{
	if (subject == NULL || subject[0] == '\0' || strlen(subject) > SUBJECT_MAX)
		return set_fault(fault, FAULT_USAGE, "expected 1 to %d octets, found %zu",
				 SUBJECT_MAX, subject != NULL ? strlen(subject) : 0);
	if (check_characters(subject, fault) < 0)
		return -1;
	return check_template(subject, fault);
}

static int check_alt_names(const struct client_policy *policy, struct fault *fault)
{
	if (policy->alt_name_count > ALT_NAMES_MAX)
		return set_fault(fault, FAULT_USAGE, "expected at most %d names, found %zu",
				 ALT_NAMES_MAX, policy->alt_name_count);
	for (size_t i = 0; i < policy->alt_name_count; i++) {
		if (check_characters(policy->alt_names[i], fault) < 0 ||
		    check_alt_name_template(policy->alt_names[i], fault) < 0)
			return prefix_fault(fault, "%zu", i + 1);
	}
	return 0;
}

static int check_keys(const struct client_policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		if (policy->keys[i])
			return 0;
	return set_fault(fault, FAULT_USAGE, "expected a key type, found none");
}

static int check_range(const char *name, size_t number, size_t high, struct fault *fault)
{
	if (number >= 1 && number <= high)
		return 0;
	return set_fault(fault, FAULT_USAGE, "%s: expected a whole number from 1 to %zu, found %zu",
			 name, high, number);
}

int check_client_policy(const struct client_policy *policy, struct fault *fault)
{
	if (check_subject(policy->subject, fault) < 0)
		return prefix_fault(fault, "subject");
	if (check_alt_names(policy, fault) < 0)
		return prefix_fault(fault, "alt_names");
	if (check_keys(policy, fault) < 0)
		return prefix_fault(fault, "keys");
	if (check_usages(policy->usages, fault) < 0)
		return prefix_fault(fault, "usages");
	if (policy->validity_s < 0 || policy->validity_s > CENTURY_S)
		return set_fault(fault, FAULT_USAGE,
				 "validity: expected at most 100y, found %jd seconds",
				 (intmax_t)policy->validity_s);
	if (check_range("certificates", policy->certificates, CERTIFICATES_MAX, fault) < 0)
		return -1;
	return check_range("requests_per_minute", policy->requests_per_minute,
			   REQUESTS_PER_MINUTE_MAX, fault);
}

static size_t count_items(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

int parse_alt_name_list(const char *text, struct client_policy *policy, struct fault *fault)
{
	CLEANUP(clear_client_policy) struct client_policy parsed = {0};
	size_t count = strcmp(text, no_names) == 0 ? 0 : count_items(text);

	if (allocate_alt_names(count, &parsed, fault) < 0)
		return -1;
	for (const char *item = text; parsed.alt_name_count < count;) {
		size_t len = strcspn(item, ",");

		if (append_template(&parsed, item, len, fault) < 0)
			return -1;
		item += len + 1;
	}
	if (check_alt_names(&parsed, fault) < 0)
		return -1;
	move_alt_names(&parsed, policy);
	return 0;
}

static int parse_key_name(const char *text, size_t len, bool *keys, struct fault *fault)
{
	char name[32] = {0};
	enum key_type type;

	memcpy(name, text, len < sizeof(name) ? len : sizeof(name) - 1);
	if (parse_key_type(name, &type, fault) < 0)
		return -1;
	if (keys[type])
		return set_fault(fault, FAULT_USAGE, "expected each key type once, found %s again",
				 name);
	keys[type] = true;
	return 0;
}

int parse_key_list(const char *text, struct client_policy *policy, struct fault *fault)
{
	bool all = strcmp(text, all_keys) == 0;
	bool keys[KEY_TYPE_COUNT] = {false};
	const char *item = text;

	for (size_t count = all ? 0 : count_items(text); count > 0; count--) {
		size_t len = strcspn(item, ",");

		if (parse_key_name(item, len, keys, fault) < 0)
			return -1;
		item += len + 1;
	}
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
		policy->keys[i] = all || keys[i];
	return 0;
}

void append_alt_name_list(const struct client_policy *policy, struct buffer *buffer)
{
	if (policy->alt_name_count == 0)
		append_string(buffer, no_names);
	for (size_t i = 0; i < policy->alt_name_count; i++)
		append_format(buffer, "%s%s", i == 0 ? "" : ",", policy->alt_names[i]);
}

void append_key_list(const struct client_policy *policy, struct buffer *buffer)
{
	const char *separator = "";

	for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
		if (!policy->keys[i])
			continue;
		append_format(buffer, "%s%s", separator, format_key_type((enum key_type)i));
		separator = ",";
	}
}
