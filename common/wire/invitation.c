#include "common/wire/invitation.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/crypto/digest.h"
#include "common/layout/manifest.h"
#include "common/wire/json.h"

#include <stdlib.h>
#include <string.h>

/* The members that only the CA's invitation has. */
static int add_ca_members(const struct invitation *invitation, json_t *object)
{
	char digest[SHA256_TEXT_SIZE];
	char usages[USAGES_TEXT_SIZE];
	json_t *pool = json_pack("{s:I, s:s, s:s}", "size", (json_int_t)invitation->pool_size,
				 "key", format_key_type(invitation->pool_key), "subject",
				 invitation->pool_subject);

	format_usages(invitation->pool_usages, usages);
	if (pool != NULL && invitation->pool_usages != USE_SIGN &&
	    json_object_set_new(pool, "usages", json_string(usages)) < 0) {
		json_decref(pool);
		return -1;
	}
	format_sha256(invitation->root_sha256, digest);
	if (json_object_set_new(object, "root_sha256", json_string(digest)) < 0) {
		json_decref(pool);
		return -1;
	}
	return json_object_set_new(object, "pool", pool);
}

/* The JWK becomes an object in the object, not a text in it. */
static int add_shared_key(const struct invitation *invitation, json_t *object, struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};
	CLEANUP(free_json) json_t *key = NULL;

	if (format_shared_key(&invitation->key, &jwk, fault) < 0 ||
	    parse_json_object(bytes_of_secret(&jwk), "shared key", &key, fault) < 0)
		return -1;
	return json_object_set(object, "shared_key", key) < 0 ? set_memory_fault(fault) : 0;
}

int format_invitation(const struct invitation *invitation, struct secret *ret_json,
		      struct fault *fault)
{
	char endpoint[ENDPOINT_TEXT_SIZE];
	char ends[TIME_TEXT_SIZE];
	CLEANUP(free_json)
	json_t *object = json_pack("{s:s, s:i, s:s, s:s}", "certpool", "invitation", "version", 1,
				   "from", invitation->from, "to", invitation->to);

	if (object == NULL)
		return set_memory_fault(fault);
	format_endpoint(&invitation->endpoint, endpoint);
	if (invitation->has_endpoint &&
	    json_object_set_new(object, "endpoint", json_string(endpoint)) < 0)
		return set_memory_fault(fault);
	if (invitation->old_ends_s != 0 &&
	    json_object_set_new(object, "old_ends", json_integer(invitation->old_ends_s)) < 0)
		return set_memory_fault(fault);
	if (invitation->from_ca && add_ca_members(invitation, object) < 0)
		return set_memory_fault(fault);
	if (invitation->once && json_object_set_new(object, "once", json_true()) < 0)
		return set_memory_fault(fault);
	format_time(invitation->ends_s, ends);
	if (invitation->ends_s != 0 &&
	    json_object_set_new(object, "expires", json_string(ends)) < 0)
		return set_memory_fault(fault);
	if (add_shared_key(invitation, object, fault) < 0)
		return -1;
	return format_json(object, ret_json, fault);
}

static int parse_pool(const json_t *pool, struct invitation *invitation, struct fault *fault)
{
	static const struct member_rule rules[] = {{"size", JSON_INTEGER, true},
						   {"key", JSON_STRING, true},
						   {"subject", JSON_STRING, true},
						   {"usages", JSON_STRING, false}};
	const char *usages = get_string(pool, "usages");
	struct fault problem = {0};
	json_int_t size;
	char key[32];

	if (check_members(pool, rules, COUNT_OF(rules), fault) < 0 ||
	    copy_string(pool, "key", key, sizeof(key), fault) < 0 ||
	    parse_key_type(key, &invitation->pool_key, fault) < 0)
		return prefix_fault(fault, "pool");
	size = json_integer_value(json_object_get(pool, "size"));
	if (size < 1 || size > POOL_SIZE_MAX)
		return set_fault(fault, FAULT_MALFORMED, "pool: size: expected 1 to %d",
				 POOL_SIZE_MAX);
	invitation->pool_usages = USE_SIGN;
	if (usages != NULL && parse_usage_list(usages, &invitation->pool_usages, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "pool: usages: %s", problem.text);
	invitation->pool_size = (size_t)size;
	invitation->pool_subject = strdup(get_string(pool, "subject"));
	return invitation->pool_subject == NULL ? set_memory_fault(fault) : 0;
}

static int parse_ca_members(const json_t *object, struct invitation *invitation,
			    struct fault *fault)
{
	const char *digest = get_string(object, "root_sha256");
	const json_t *pool = json_object_get(object, "pool");

	invitation->from_ca = strcmp(invitation->from, CA_NAME) == 0;
	invitation->once = json_object_get(object, "once") != NULL;
	if (!invitation->from_ca)
		return digest == NULL && pool == NULL && !invitation->once
			       ? 0
			       : set_fault(fault, FAULT_MALFORMED,
					   "root_sha256, pool and once are in the CA's invitations "
					   "alone");
	if (digest == NULL || pool == NULL || !invitation->has_endpoint)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the members \"endpoint\", \"root_sha256\" and \"pool\"");
	if (!parse_hex(digest, invitation->root_sha256, SHA256_LEN))
		return set_fault(fault, FAULT_MALFORMED,
				 "root_sha256: expected 64 lower-case hex digits");
	return parse_pool(pool, invitation, fault);
}

static int parse_shared_key_member(const json_t *object, struct invitation *invitation,
				   struct fault *fault)
{
	CLEANUP(clear_secret) struct secret jwk = {0};

	if (format_json(json_object_get(object, "shared_key"), &jwk, fault) < 0)
		return -1;
	return parse_shared_key(bytes_of_secret(&jwk), &invitation->key, fault);
}

static int check_kind(const json_t *object, struct fault *fault)
{
	static const struct member_rule rules[] = {
		{"certpool", JSON_STRING, true},   {"version", JSON_INTEGER, true},
		{"from", JSON_STRING, true},       {"to", JSON_STRING, true},
		{"endpoint", JSON_STRING, false},  {"root_sha256", JSON_STRING, false},
		{"pool", JSON_OBJECT, false},      {"expires", JSON_STRING, false},
		{"shared_key", JSON_OBJECT, true}, {"old_ends", JSON_INTEGER, false},
		{"once", JSON_TRUE, false}};

	if (check_members(object, rules, COUNT_OF(rules), fault) < 0)
		return -1;
	if (strcmp(get_string(object, "certpool"), "invitation") != 0 ||
	    json_integer_value(json_object_get(object, "version")) != 1)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected \"certpool\":\"invitation\" and \"version\":1");
	return 0;
}

static int parse_members(const json_t *object, struct invitation *invitation, struct fault *fault)
{
	const char *endpoint = get_string(object, "endpoint");
	const char *expires = get_string(object, "expires");
	struct fault problem = {0};

	if (check_kind(object, fault) < 0 ||
	    copy_name(object, "from", invitation->from, fault) < 0 ||
	    copy_name(object, "to", invitation->to, fault) < 0)
		return -1;
	if (strcmp(invitation->to, CA_NAME) == 0 || strcmp(invitation->to, invitation->from) == 0)
		return set_fault(fault, FAULT_MALFORMED, "to: expected another client's name");
	invitation->has_endpoint = endpoint != NULL;
	if (endpoint != NULL && parse_endpoint(endpoint, &invitation->endpoint, fault) < 0)
		return -1;
	if (parse_ca_members(object, invitation, fault) < 0 ||
	    (json_object_get(object, "old_ends") != NULL &&
	     copy_time(object, "old_ends", &invitation->old_ends_s, fault) < 0))
		return -1;
	if (expires != NULL && parse_time(expires, &invitation->ends_s, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "expires: %s", problem.text);
	return parse_shared_key_member(object, invitation, fault);
}

int parse_invitation(struct bytes json, struct invitation *ret_invitation, struct fault *fault)
{
	CLEANUP(clear_invitation) struct invitation invitation = {0};
	CLEANUP(free_json) json_t *object = NULL;

	if (parse_json_object(json, "invitation", &object, fault) < 0)
		return -1;
	if (parse_members(object, &invitation, fault) < 0)
		return prefix_fault(fault, "invitation");
	MOVE(ret_invitation, invitation);
	return 0;
}

void clear_invitation(struct invitation *invitation)
{
	clear_shared_key(&invitation->key);
	free_string(&invitation->pool_subject);
}
