#include "tools/client/acme_credentials.h"

#include "common/base/clock.h"
#include "common/ca/acme/accounts.h"
#include "common/ca/acme/acme.h"
#include "common/crypto/base64.h"
#include "common/wire/acme_request.h"
#include "tools/client/client_key.h"
#include "tools/node.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

static int check_offered(const struct ca_operator *ca, struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;

	if (!node->acme)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected ca.acme, without which the CA serves no ACME "
				 "clients: write \"acme: {}\" under ca, and start the CA again",
				 ca->manifest->path);
	return node->acme_url != NULL
		       ? 0
		       : check_advertised(ca->manifest, CA_NAME, &node->endpoint, fault);
}

static int print_credentials(const struct command *command, const struct ca_operator *ca,
			     const struct client *client, struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_buffer) struct buffer hmac = {0};
	char base[ACME_BASE_SIZE];
	char directory[ACME_BASE_SIZE + sizeof("directory")];
	uint8_t derived[SHA256_LEN];

	if (check_offered(ca, fault) < 0 ||
	    find_or_make_client_key(command, ca, client, &key, fault) < 0)
		return -1;
	derive_key((struct bytes){key.key, SHARED_KEY_LEN}, ACME_BINDING_LABEL, derived);
	append_base64url(&hmac, (struct bytes){derived, SHA256_LEN});
	wipe(derived, sizeof(derived));
	if (check_buffer(&hmac, fault) < 0)
		return -1;
	format_acme_base(node, &node->endpoint, base);
	(void)snprintf(directory, sizeof(directory), "%sdirectory", base);
	if (command->json) {
		add_json_text(&line, "kid", client->name);
		add_json_text(&line, "hmac", (const char *)hmac.data);
		add_json_text(&line, "directory", directory);
		return print_json(&line, fault);
	}
	print_line("%-9s  %s", "kid", client->name);
	print_line("%-9s  %s", "hmac", (const char *)hmac.data);
	print_line("%-9s  %s", "directory", directory);
	return 0;
}

/* --- accounts --- */

/* In base64url: the last part of its URL. */
enum { ACCOUNT_TEXT_SIZE = 24 };

static void format_account_id(const struct acme_account *account,
			      char ret_text[static ACCOUNT_TEXT_SIZE])
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_base64url(&text, (struct bytes){account->id, ACCOUNT_ID_LEN});
	(void)snprintf(ret_text, ACCOUNT_TEXT_SIZE, "%s",
		       text.failed ? "" : (const char *)text.data);
}

/* "mailto:a@example.org mailto:b@example.org" */
static void join_contacts(const char *lines, struct buffer *text)
{
	append_string(text, "");
	for (struct bytes rest = bytes_of_string(lines); rest.len > 0;) {
		struct bytes line = cut_line(&rest);

		append_format(text, "%s%.*s", text->len > 0 ? " " : "", (int)line.len,
			      (const char *)line.data);
	}
}

static int print_account(void *context, const struct acme_account *account, int64_t created_at_s,
			 struct fault *fault)
{
	const struct command *command = context;
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_buffer) struct buffer contacts = {0};
	char id[ACCOUNT_TEXT_SIZE];
	char created[TIME_TEXT_SIZE];
	const char *state = account->deactivated ? "deactivated" : "valid";

	format_account_id(account, id);
	join_contacts(account->contact, &contacts);
	if (check_buffer(&contacts, fault) < 0)
		return -1;
	if (!command->json) {
		format_time(created_at_s, created);
		print_line("%s  %s  %-11s  %s", id, created, state, (const char *)contacts.data);
		return 0;
	}
	add_json_text(&line, "account", id);
	add_json_text(&line, "client", account->client);
	add_json_time(&line, "created", created_at_s);
	add_json_text(&line, "state", state);
	add_json_text(&line, "contacts", (const char *)contacts.data);
	return print_json(&line, fault);
}

static int print_accounts(const struct command *command, const struct ca_operator *ca,
			  const char *client, struct fault *fault)
{
	struct command shown = *command;

	return list_accounts(ca->store, client, print_account, &shown, fault);
}

static int end_account(const struct command *command, const struct ca_operator *ca,
		       const char *client, const char *id, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer octets = {0};
	CLEANUP(clear_acme_account) struct acme_account account = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	struct fault ignored = {0};
	bool found = false;
	bool changed;

	if (decode_base64url(bytes_of_string(id), &octets, &ignored) == 0 &&
	    octets.len == ACCOUNT_ID_LEN &&
	    find_account(ca->store, octets.data, &account, &found, fault) < 0)
		return -1;
	if (!found || strcmp(account.client, client) != 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "the client \"%s\" has no ACME account \"%.40s\": certpool client "
				 "acme %s --list shows those there are",
				 client, id, client);
	if (deactivate_account(ca->store, &account, CA_NAME, ca->now_s, &changed, fault) < 0)
		return -1;
	if (!changed)
		print_note(command, "%s is deactivated already", id);
	if (!command->json) {
		print_line("%s: deactivated", id);
		return 0;
	}
	add_json_text(&line, "account", id);
	add_json_text(&line, "state", "deactivated");
	return print_json(&line, fault);
}

int run_acme_action(const struct command *command, const struct ca_operator *ca,
		    const struct client *client, const struct acme_action *action,
		    struct fault *fault)
{
	if (action->list && action->end != NULL)
		return set_fault(fault, FAULT_USAGE, "acme: expected --list or --end, found both");
	if (action->list)
		return print_accounts(command, ca, client->name, fault);
	return action->end != NULL ? end_account(command, ca, client->name, action->end, fault)
				   : print_credentials(command, ca, client, fault);
}
