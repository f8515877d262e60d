#include "common/ca/signer/policy.h"

#include "common/layout/template.h"
#include "common/x509/distinguished_name.h"

/*
 * The template as rewrite_subject writes it, as it did the request's subject: without the spaces
 * and the lower-case attribute types that the manifest may have. False when the template is no
 * name.
 */
static bool matches_rewritten(const char *template, const char *client, const char *subject)
{
	CLEANUP(free_string) char *rewritten = NULL;
	struct fault ignored = {0};

	return rewrite_subject(template, &rewritten, &ignored) == 0 &&
	       match_template(rewritten, client, subject);
}

bool matches_policy_subject(const struct client *client, const char *subject)
{
	return match_template(client->policy.subject, client->name, subject) ||
	       matches_rewritten(client->policy.subject, client->name, subject);
}

static bool matches_any_alt_name(const struct client *client, const char *name)
{
	for (size_t i = 0; i < client->policy.alt_name_count; i++)
		if (match_template(client->policy.alt_names[i], client->name, name))
			return true;
	return false;
}

void check_policy(const struct client *client, const struct named_key *asked,
		  struct refusal *refusal)
{
	const struct alt_names *names = asked->alt_names;

	if (!client->policy.keys[asked->type]) {
		set_refusal(refusal, "policy", "keys of type %s are not allowed",
			    format_key_type(asked->type));
		return;
	}
	if (!matches_policy_subject(client, asked->subject)) {
		set_refusal(refusal, "policy", "subject: expected \"%.128s\", found \"%.128s\"",
			    client->policy.subject, asked->subject);
		return;
	}
	for (size_t i = 0; i < names->count; i++) {
		if (matches_any_alt_name(client, names->names[i]))
			continue;
		set_refusal(refusal, "policy", "alternative name \"%.256s\" is not allowed",
			    names->names[i]);
		return;
	}
}
