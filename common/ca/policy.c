#include "common/ca/policy.h"

#include "common/layout/template.h"

static bool matches_any(const struct client_node *client, const char *name)
{
	for (size_t i = 0; i < client->policy.alt_name_count; i++)
		if (match_template(client->policy.alt_names[i], client->name, name))
			return true;
	return false;
}

void check_policy(const struct client_node *client, const struct csr *csr, struct refusal *refusal)
{
	const struct alt_names *names = csr_alt_names(csr);
	enum key_type type = public_key_type(csr_public_key(csr));
	const char *subject = csr_subject(csr);

	if (!client->policy.keys[type]) {
		set_refusal(refusal, "policy", "keys of type %s are not allowed",
			    format_key_type(type));
		return;
	}
	if (!match_template(client->policy.subject, client->name, subject)) {
		set_refusal(refusal, "policy", "subject: expected \"%.128s\", found \"%.128s\"",
			    client->policy.subject, subject);
		return;
	}
	for (size_t i = 0; i < names->count; i++) {
		if (matches_any(client, names->names[i]))
			continue;
		set_refusal(refusal, "policy", "alternative name \"%.256s\" is not allowed",
			    names->names[i]);
		return;
	}
}
