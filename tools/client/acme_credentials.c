#include "tools/client/acme_credentials.h"

#include "common/ca/acme/acme.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/crypto/base64.h"
#include "common/crypto/key_file.h"
#include "common/wire/acme_request.h"
#include "tools/node.h"
#include "tools/output.h"

#include <stdio.h>

static int find_or_make_key(const struct command *command, const struct ca_operator *ca,
			    const char *client, struct shared_key *ret_key, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault absent = {0};

	if (lock_or_wait(command, ca->layout, &lock, fault) < 0)
		return -1;
	if (read_shared_key(ca->layout, client, ret_key, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (generate_shared_key(ret_key, fault) < 0)
		return -1;
	return write_client_key(ca->store, ca->layout, client, ret_key, fault);
}

static int check_offered(const struct ca_operator *ca, const struct client *client,
			 struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;

	if (!node->acme)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected ca.acme, without which the CA serves no ACME "
				 "clients: write \"acme: {}\" under ca, and start the CA again",
				 ca->manifest->path);
	if (client->disabled || client->revoked)
		return set_fault(fault, FAULT_REFUSED,
				 "the client \"%s\" is %s, and can have no certificates",
				 client->name, client->revoked ? "revoked" : "disabled");
	return node->acme_url != NULL
		       ? 0
		       : check_advertised(ca->manifest, CA_NAME, &node->endpoint, fault);
}

int print_acme_credentials(const struct command *command, const struct ca_operator *ca,
			   const struct client *client, struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_json) struct json_line line = {0};
	CLEANUP(clear_buffer) struct buffer hmac = {0};
	char base[ACME_BASE_SIZE];
	char directory[ACME_BASE_SIZE + sizeof("directory")];
	uint8_t derived[SHA256_LEN];

	if (check_offered(ca, client, fault) < 0 ||
	    find_or_make_key(command, ca, client->name, &key, fault) < 0)
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
