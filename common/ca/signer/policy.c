#include "common/ca/signer/policy.h"

#include "common/base/clock.h"
#include "common/layout/template.h"
#include "common/x509/distinguished_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Longer ones are refused (RFC 5280 appendix A.1). */
enum { COMMON_NAME_MAX = 64 };

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

unsigned int choose_usages(const struct client *client, unsigned int asked)
{
	const unsigned int allowed = client->policy.usages & PLAIN_USAGES;
	unsigned int usages = (asked & PLAIN_USAGES) != 0 ? asked : asked | allowed;

	if ((usages & PLAIN_USAGES) == USE_SIGN && allowed != USE_SIGN)
		usages |= USE_NAMED_SIGN;
	return usages;
}

static void check_asked_usages(const struct client *client, const struct named_key *asked,
			       struct refusal *refusal)
{
	const struct asked_usages *usages = asked->usages;
	const char *other = usages->other;
	char wanted[USAGES_TEXT_SIZE];
	char allowed[USAGES_TEXT_SIZE];

	if (other[0] != '\0' ||
	    (usages->usages & ~client->policy.usages & ~(unsigned int)USE_NAMED_SIGN) != 0) {
		format_usages(usages->usages, wanted);
		format_usages(client->policy.usages, allowed);
		set_refusal(refusal, "policy", "usages: expected of \"%s\", found \"%s%s%s\"",
			    allowed, wanted, wanted[0] != '\0' && other[0] != '\0' ? ", " : "",
			    other);
		return;
	}
	if ((usages->usages & USE_KEY_ENCIPHERMENT) == 0)
		return;
	if (!is_rsa_key(asked->type))
		set_refusal(refusal, "policy",
			    "usages: key-encipherment: expected an RSA key, found %s",
			    format_key_type(asked->type));
	else if ((choose_usages(client, usages->usages) & USE_SERVER) == 0)
		set_refusal(refusal, "policy",
			    "usages: key-encipherment: expected server beside it, found none");
}

void check_policy_names(const struct client *client, const struct alt_names *names,
			struct refusal *refusal)
{
	for (size_t i = 0; i < names->count; i++) {
		if (matches_any_alt_name(client, names->names[i]))
			continue;
		set_refusal(refusal, "policy", "alternative name \"%.256s\" is not allowed",
			    names->names[i]);
		return;
	}
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
	if ((asked->subject[0] != '\0' || names->count == 0) &&
	    !matches_policy_subject(client, asked->subject)) {
		set_refusal(refusal, "policy", "subject: expected \"%.128s\", found \"%.128s\"",
			    client->policy.subject, asked->subject);
		return;
	}
	check_policy_names(client, names, refusal);
	if (!is_refused(refusal))
		check_asked_usages(client, asked, refusal);
}

int64_t longest_validity(const struct ca_node *ca, const struct client *client)
{
	int64_t own_s = client->policy.validity_s;

	return own_s != 0 && own_s < ca->certificate_validity_s ? own_s
								: ca->certificate_validity_s;
}

void check_asked_window(const struct ca_node *ca, const struct client *client,
			const struct window *asked, int64_t from_s, int64_t to_s,
			struct refusal *refusal)
{
	const struct pool_windows *windows = &ca->windows;
	const int64_t longest_s = longest_validity(ca, client);
	char begin[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];
	int64_t last_s;

	format_time(asked->begin_s, begin);
	format_time(asked->end_s, end);
	if (windows->every_s == 0) {
		set_refusal(refusal, "policy",
			    "validity: expected none in the request, as the CA has no windows in "
			    "its manifest, found %s to %s",
			    begin, end);
		return;
	}
	last_s = window_at(windows, to_s).begin_s + (int64_t)windows->ahead * windows->every_s;
	if (!is_window(windows, asked))
		set_refusal(refusal, "policy",
			    "validity: expected a window of the CA, which begins at a multiple of "
			    "%" PRId64 " s after 1970 and ends %" PRId64 " s later, found %s to %s",
			    windows->every_s, windows->every_s + windows->overlap_s, begin, end);
	else if (asked->end_s - asked->begin_s > longest_s)
		set_refusal(refusal, "policy",
			    "validity: expected at most %" PRId64 " s, found a window of %" PRId64
			    " s: raise ca.certificates.validity, or the client's",
			    longest_s, asked->end_s - asked->begin_s);
	else if (asked->end_s < from_s)
		set_refusal(refusal, "policy",
			    "validity: expected a window that is not over, found %s to %s", begin,
			    end);
	else if (asked->begin_s > last_s)
		set_refusal(refusal, "policy",
			    "validity: expected at most %zu windows ahead, found %s to %s",
			    windows->ahead, begin, end);
}

static int add_host(struct alt_names *names, const char *host, struct fault *fault)
{
	char name[HOST_SIZE + 4];

	(void)snprintf(name, sizeof(name), "%s%s", is_address(host) ? "IP:" : "DNS:", host);
	return has_alt_name(names, name) ? 0 : add_alt_name(names, name, fault);
}

int list_server_names(const struct ca_node *ca, struct alt_names *ret_names, struct fault *fault)
{
	CLEANUP(clear_alt_names) struct alt_names names = {0};

	if (!is_wildcard(&ca->endpoint) && add_host(&names, ca->endpoint.host, fault) < 0)
		return -1;
	for (size_t i = 0; i < ca->names.count; i++)
		if (add_host(&names, ca->names.hosts[i], fault) < 0)
			return -1;
	MOVE(ret_names, names);
	return 0;
}

void name_server(const struct alt_names *names, char ret_subject[static SERVER_SUBJECT_SIZE])
{
	const char *first = names->count > 0 ? strchr(names->names[0], ':') + 1 : "";
	const bool fits = first[0] != '\0' && strlen(first) <= COMMON_NAME_MAX;

	(void)snprintf(ret_subject, SERVER_SUBJECT_SIZE, "CN=%s", fits ? first : "certpool");
}
