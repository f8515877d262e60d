#include "common/wire/acme_request.h"

#include "common/crypto/base64.h"
#include "common/crypto/json.h"
#include "common/x509/certificate.h"
#include "common/x509/revocation/crl_reason.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A member that is absent or has the type; JSON_TRUE stands for both booleans. */
static int expect_type(const json_t *object, const char *name, json_type type, json_t **ret_member,
		       struct fault *fault)
{
	json_t *member = json_object_get(object, name);
	bool fits = member == NULL || json_typeof(member) == type ||
		    (type == JSON_TRUE && json_is_boolean(member));

	if (!fits)
		return set_fault(fault, FAULT_MALFORMED, "member \"%s\": expected another type",
				 name);
	*ret_member = member;
	return 0;
}

static int expect_string(const json_t *object, const char *name, size_t size, const char **ret_text,
			 struct fault *fault)
{
	json_t *member = NULL;

	if (expect_type(object, name, JSON_STRING, &member, fault) < 0)
		return -1;
	if (member != NULL && json_string_length(member) >= size)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"%s\": expected at most %zu octets, found %zu", name,
				 size - 1, json_string_length(member));
	*ret_text = json_string_value(member);
	return 0;
}

/* --- accounts --- */

void clear_account_request(struct account_request *request)
{
	free(request->contact);
	clear_flattened_jws(&request->binding);
	*request = (struct account_request){0};
}

/* RFC 8555 section 7.3: no header fields, and one address alone (RFC 6068). */
static bool is_plain_mailto(const char *contact)
{
	static const char scheme[] = "mailto:";
	const char *address = contact + strlen(scheme);

	if (strncmp(contact, scheme, strlen(scheme)) != 0 || strchr(address, '@') == NULL)
		return false;
	for (; *address != '\0'; address++)
		if (*address <= ' ' || *address >= 0x7f || strchr("?,", *address) != NULL)
			return false;
	return true;
}

static int append_contacts(const json_t *contacts, struct buffer *lines, struct fault *fault)
{
	if (json_array_size(contacts) > ACME_CONTACTS_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"contact\": expected at most %d, found %zu",
				 ACME_CONTACTS_MAX, json_array_size(contacts));
	append_string(lines, "");
	for (size_t i = 0; i < json_array_size(contacts); i++) {
		const char *contact = json_string_value(json_array_get(contacts, i));

		if (contact == NULL || strlen(contact) > ACME_CONTACT_MAX)
			return set_fault(fault, FAULT_MALFORMED,
					 "member \"contact\": expected strings of at most %d "
					 "octets",
					 ACME_CONTACT_MAX);
		if (!is_plain_mailto(contact))
			return set_fault(fault, FAULT_REFUSED,
					 "contact: expected mailto: and one address, found "
					 "\"%.64s\"",
					 contact);
		append_format(lines, "%s\n", contact);
	}
	return check_buffer(lines, fault);
}

static int read_contact(const json_t *object, struct account_request *request, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer lines = {0};
	json_t *contacts = NULL;

	if (expect_type(object, "contact", JSON_ARRAY, &contacts, fault) < 0)
		return -1;
	if (contacts == NULL)
		return 0;
	if (append_contacts(contacts, &lines, fault) < 0)
		return -1;
	request->has_contact = true;
	request->contact = (char *)TAKE(lines.data);
	return 0;
}

static int read_status(const json_t *object, struct account_request *request, struct fault *fault)
{
	const char *status = NULL;

	if (expect_string(object, "status", 32, &status, fault) < 0)
		return -1;
	request->deactivate = status != NULL && strcmp(status, "deactivated") == 0;
	if (status != NULL && !request->deactivate && strcmp(status, "valid") != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"status\": expected \"deactivated\"");
	return 0;
}

int parse_account_request(struct bytes payload, struct account_request *ret_request,
			  struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_account_request) struct account_request request = {0};
	json_t *existing = NULL;
	json_t *binding = NULL;

	if (parse_json_object(payload, "account", &object, fault) < 0 ||
	    read_contact(object, &request, fault) < 0 || read_status(object, &request, fault) < 0 ||
	    expect_type(object, "onlyReturnExisting", JSON_TRUE, &existing, fault) < 0 ||
	    expect_type(object, "externalAccountBinding", JSON_OBJECT, &binding, fault) < 0)
		return -1;
	request.only_existing = json_is_true(existing);
	request.bound = binding != NULL;
	if (request.bound && read_flattened_jws(binding, JWS_BINDING, &request.binding, fault) < 0)
		return prefix_fault(fault, "externalAccountBinding");
	MOVE(ret_request, request);
	return 0;
}

/* --- orders --- */

void clear_order_request(struct order_request *request)
{
	clear_alt_names(&request->names);
}

int add_acme_name(struct alt_names *names, const char *name, struct fault *fault)
{
	CLEANUP(free_string) char *lower = strdup(name);
	const size_t count = names->count;

	if (lower == NULL)
		return set_memory_fault(fault);
	for (char *c = strchr(lower, ':'); c != NULL && *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (add_alt_name(names, lower, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(names->names[i], names->names[count]) == 0) {
			free(names->names[--names->count]);
			return 0;
		}
	return 0;
}

static int add_identifier(const json_t *identifier, struct alt_names *names, struct fault *fault)
{
	static const struct {
		const char *type;
		const char *prefix;
	} types[] = {{"dns", "DNS:"}, {"ip", "IP:"}};
	const char *type = get_string(identifier, "type");
	const char *value = get_string(identifier, "value");
	CLEANUP(clear_buffer) struct buffer name = {0};
	size_t i = 0;

	if (type == NULL || value == NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "identifiers: expected objects with strings \"type\" and "
				 "\"value\"");
	while (i < COUNT_OF(types) && strcmp(types[i].type, type) != 0)
		i++;
	if (i == COUNT_OF(types))
		return set_fault(fault, FAULT_REFUSED,
				 "identifier type: expected dns or ip, found \"%.32s\"", type);
	append_format(&name, "%s%s", types[i].prefix, value);
	if (check_buffer(&name, fault) < 0)
		return -1;
	return add_acme_name(names, (const char *)name.data, fault);
}

static int read_identifiers(const json_t *object, struct alt_names *names, struct fault *fault)
{
	const json_t *identifiers = json_object_get(object, "identifiers");
	size_t count = json_array_size(identifiers);

	if (count == 0 || count > ACME_NAMES_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "identifiers: expected a list of 1 to %d, found %zu",
				 ACME_NAMES_MAX, count);
	for (size_t i = 0; i < count; i++)
		if (add_identifier(json_array_get(identifiers, i), names, fault) < 0)
			return -1;
	return 0;
}

/* RFC 8555 section 7.4: a server that does not issue what is asked for says so. */
static int refuse_times(const json_t *object, struct fault *fault)
{
	if (json_object_get(object, "notBefore") == NULL &&
	    json_object_get(object, "notAfter") == NULL)
		return 0;
	return set_fault(fault, FAULT_MALFORMED,
			 "notBefore, notAfter: expected neither: the client's policy gives the "
			 "validity");
}

int parse_order_request(struct bytes payload, struct order_request *ret_request,
			struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_order_request) struct order_request request = {0};
	const char *profile = NULL;
	const char *replaces = NULL;

	if (parse_json_object(payload, "order", &object, fault) < 0 ||
	    read_identifiers(object, &request.names, fault) < 0 ||
	    refuse_times(object, fault) < 0 ||
	    expect_string(object, "profile", sizeof(request.profile), &profile, fault) < 0 ||
	    expect_string(object, "replaces", sizeof(request.replaces), &replaces, fault) < 0)
		return -1;
	if (profile != NULL)
		memcpy(request.profile, profile, strlen(profile) + 1);
	if (replaces != NULL)
		memcpy(request.replaces, replaces, strlen(replaces) + 1);
	MOVE(ret_request, request);
	return 0;
}

/* --- certificates --- */

/* A member with DER in base64url, of at most `max` octets. */
static int decode_member(const json_t *object, const char *name, size_t max, struct buffer *ret_der,
			 struct fault *fault)
{
	const char *text = get_string(object, name);

	if (text == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a string \"%s\"", name);
	if (strlen(text) > (max + 2) / 3 * 4)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"%s\": expected at most %zu octets", name, max);
	if (decode_base64url(bytes_of_string(text), ret_der, fault) < 0)
		return prefix_fault(fault, "member \"%s\"", name);
	return 0;
}

int parse_finalize_request(struct bytes payload, struct buffer *ret_der, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;

	if (parse_json_object(payload, "finalize", &object, fault) < 0)
		return -1;
	return decode_member(object, "csr", CSR_DER_MAX, ret_der, fault);
}

static int read_reason(const json_t *object, int *ret_reason, struct fault *fault)
{
	json_t *reason = NULL;
	json_int_t number;

	if (expect_type(object, "reason", JSON_INTEGER, &reason, fault) < 0)
		return -1;
	number = json_integer_value(reason);
	if (number < 0 || number > REASON_AA_COMPROMISE || !valid_crl_reason((int)number) ||
	    number == REASON_CERTIFICATE_HOLD || number == REASON_REMOVE_FROM_CRL)
		return set_fault(fault, FAULT_REFUSED,
				 "reason: expected 0 to 5, 9 or 10 (RFC 5280 section 5.3.1), found "
				 "%lld",
				 (long long)number);
	*ret_reason = (int)number;
	return 0;
}

int parse_acme_revocation(struct bytes payload, struct acme_revocation *ret_revocation,
			  struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	int reason = REASON_UNSPECIFIED;

	if (parse_json_object(payload, "revocation", &object, fault) < 0 ||
	    read_reason(object, &reason, fault) < 0 ||
	    decode_member(object, "certificate", CERTIFICATE_DER_MAX, &ret_revocation->der, fault) <
		    0)
		return -1;
	ret_revocation->reason = reason;
	return 0;
}

/* --- keys --- */

void clear_key_change(struct key_change *change)
{
	free(change->account);
	free_public_key(&change->old_key);
	*change = (struct key_change){0};
}

int parse_key_change(struct bytes payload, struct key_change *ret_change, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_key_change) struct key_change change = {0};
	const char *account;

	if (parse_json_object(payload, "key change", &object, fault) < 0)
		return -1;
	account = get_string(object, "account");
	if (account == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a string \"account\"");
	if (parse_public_jwk(json_object_get(object, "oldKey"), &change.old_key, fault) < 0)
		return prefix_fault(fault, "oldKey");
	change.account = strdup(account);
	if (change.account == NULL)
		return set_memory_fault(fault);
	MOVE(ret_change, change);
	return 0;
}

int parse_bound_key(struct bytes payload, struct public_key **ret_key, struct fault *fault)
{
	CLEANUP(free_json) json_t *jwk = NULL;

	if (parse_json_object(payload, "bound key", &jwk, fault) < 0)
		return -1;
	return parse_public_jwk(jwk, ret_key, fault);
}
