#include "tools/client/client_output.h"

#include "common/base/clock.h"
#include "common/ca/service/est_client.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/client_keys.h"
#include "common/crypto/shared_key.h"
#include "common/x509/revocation/crl_reason.h"
#include "tools/client/client_key.h"

#include <string.h>

/* The lists of a policy, each as text for one line or field. */
struct policy_text {
	struct buffer alt_names;
	struct buffer keys;
	struct buffer usages;
	struct buffer set; /* the fields that the operator set */
};

static void clear_policy_text(struct policy_text *text)
{
	clear_buffer(&text->alt_names);
	clear_buffer(&text->keys);
	clear_buffer(&text->usages);
	clear_buffer(&text->set);
}

static int write_policy(const struct client *client, struct policy_text *text, struct fault *fault)
{
	append_alt_name_list(&client->policy, &text->alt_names);
	append_key_list(&client->policy, &text->keys);
	append_usage_list(client->policy.usages, &text->usages);
	append_policy_fields(client->by_hand, &text->set);
	if (check_buffer(&text->alt_names, fault) < 0 || check_buffer(&text->keys, fault) < 0 ||
	    check_buffer(&text->usages, fault) < 0)
		return -1;
	return check_buffer(&text->set, fault);
}

static const char *format_origin(enum client_origin origin)
{
	switch (origin) {
	case ORIGIN_OPERATOR:
		return "operator";
	case ORIGIN_MANIFEST:
		return "manifest";
	case ORIGIN_REMOVED:
		return "removed";
	case ORIGIN_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

int add_json_client(struct json_line *line, const struct client *client, struct fault *fault)
{
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	const struct client_policy *policy = &client->policy;

	if (write_policy(client, &text, fault) < 0)
		return -1;
	add_json_text(line, "client", client->name);
	add_json_text(line, "state", format_client_state(client));
	if (client->revoked) {
		add_json_time(line, "revoked_at", client->revoked_at_s);
		add_json_text(line, "reason", format_crl_reason(client->reason));
	}
	add_json_flag(line, "by_hand", client->by_hand != 0);
	add_json_text(line, "set", (const char *)text.set.data);
	add_json_text(line, "origin", format_origin(client->origin));
	add_json_text(line, "subject", policy->subject);
	add_json_text(line, "alt_names", (const char *)text.alt_names.data);
	add_json_text(line, "keys", (const char *)text.keys.data);
	add_json_text(line, "usages", (const char *)text.usages.data);
	add_json_number(line, "validity_s", policy->validity_s);
	add_json_number(line, "certificates", (long long)policy->certificates);
	add_json_number(line, "requests_per_minute", (long long)policy->requests_per_minute);
	if (client->pool_size != 0)
		add_json_number(line, "size", (long long)client->pool_size);
	add_json_time(line, "invited", client->invited_at_s);
	add_json_time(line, "invitation_ends", client->invitation_ends_s);
	add_json_time(line, "joined", client->joined_at_s);
	add_json_time(line, "seen", client->seen_at_s);
	return 0;
}

static void print_time(const char *name, int64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	if (time_s == 0)
		return;
	format_time(time_s, text);
	print_line("%-20s %s", name, text);
}

static void print_state(const struct client *client)
{
	char at[TIME_TEXT_SIZE];

	format_time(client->revoked_at_s, at);
	if (client->revoked)
		print_line("%-20s revoked at %s (%s)", "state", at,
			   format_crl_reason(client->reason));
	else
		print_line("%-20s %s", "state", format_client_state(client));
	if (client->origin == ORIGIN_REMOVED)
		print_line("%-20s %s", "origin", "the manifest, which does not have it any more");
	else
		print_line("%-20s %s", "origin",
			   client->origin == ORIGIN_OPERATOR   ? "client add"
			   : client->origin == ORIGIN_MANIFEST ? "the manifest"
							       : "not known yet");
	print_time("invited", client->invited_at_s);
	if (client->joined_at_s == 0)
		print_time("invitation ends", client->invitation_ends_s);
	print_time("joined", client->joined_at_s);
	print_time("last seen", client->seen_at_s);
}

static void print_policy(const struct client *client, const struct policy_text *text, size_t live)
{
	const struct client_policy *policy = &client->policy;

	print_line("%-20s %s", "set here",
		   client->by_hand != 0 ? (const char *)text->set.data
					: "nothing: the manifest counts");
	print_line("%-20s %s", "subject", policy->subject);
	print_line("%-20s %s", "alt-names", (const char *)text->alt_names.data);
	print_line("%-20s %s", "keys", (const char *)text->keys.data);
	print_line("%-20s %s", "usages", (const char *)text->usages.data);
	if (policy->validity_s > 0)
		print_line("%-20s %llds", "validity", (long long)policy->validity_s);
	else
		print_line("%-20s %s", "validity", "as the CA's certificates");
	if (client->pool_size != 0)
		print_line("%-20s %zu", "size", client->pool_size);
	print_line("%-20s %zu, of which it has %zu", "certificates", policy->certificates, live);
	print_line("%-20s %zu", "requests-per-minute", policy->requests_per_minute);
}

/* The rotation of the key shared with the client, if there was one. */
static void print_key(const struct client_key *key, int64_t now_s)
{
	char rotated[TIME_TEXT_SIZE];
	char taken[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];

	if (key->kid[0] == '\0')
		return;
	format_time(key->rotated_at_s, rotated);
	format_time(key->taken_at_s, taken);
	format_time(key->old_ends_s, end);
	print_line("%-20s rotated at %s, %s%s; the old one %s %s", "shared key", rotated,
		   key->taken_at_s != 0 ? "taken at " : "not taken yet",
		   key->taken_at_s != 0 ? taken : "",
		   key->old_ends_s > now_s ? "ends at" : "ended at", end);
}

static void add_json_key(struct json_line *line, const struct client_key *key)
{
	if (key->kid[0] == '\0')
		return;
	add_json_time(line, "key_rotated_at", key->rotated_at_s);
	add_json_time(line, "key_taken_at", key->taken_at_s);
	add_json_time(line, "old_key_ends", key->old_ends_s);
}

int print_client(const struct command *command, const struct ca_operator *ca,
		 const struct client *client, struct fault *fault)
{
	CLEANUP(clear_policy_text) struct policy_text text = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	const struct certificate_query live = {
		.client = client->name, .state = STATE_LIVE, .now_s = ca->now_s};
	struct client_key key;
	size_t count;

	if (read_client_key(ca->store, client->name, &key, fault) < 0)
		return -1;
	if (command->json) {
		if (add_json_client(&line, client, fault) < 0)
			return -1;
		add_json_key(&line, &key);
		return print_json(&line, fault);
	}
	if (write_policy(client, &text, fault) < 0 ||
	    count_certificates(ca->store, &live, &count, fault) < 0)
		return -1;
	print_line("%-20s %s", "client", client->name);
	print_state(client);
	print_policy(client, &text, count);
	print_key(&key, ca->now_s);
	return 0;
}

int print_est_password(const struct command *command, const struct ca_operator *ca,
		       const struct client *client, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	char password[EST_PASSWORD_SIZE];
	int result = 0;

	if (find_or_make_client_key(command, ca, client, &key, fault) < 0)
		return -1;
	derive_est_password(&key, password);
	if (command->json) {
		add_json_text(&line, "client", client->name);
		add_json_text(&line, "password", password);
		result = print_json(&line, fault);
	} else {
		print_line("%s", password);
	}
	wipe(password, sizeof(password));
	return result;
}
