/* The token of the admin's page, and its URL. */
#include "tools/admin_token.h"

#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/layout/manifest.h"
#include "tools/node.h"
#include "tools/output.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_FILE "admin.token"

enum { FILE_MAX = 256 };

static int read_token(const struct layout *layout, char ret_token[static ADMIN_TOKEN_TEXT_SIZE],
		      struct fault *fault)
{
	CLEANUP(clear_secret) struct secret content = {0};
	uint8_t octets[ADMIN_TOKEN_LEN];
	struct bytes rest;
	struct bytes line;

	if (read_secret_file(layout->private, TOKEN_FILE, FILE_MAX, &content, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	rest = bytes_of_secret(&content);
	line = cut_line(&rest);
	if (line.len == 2 * ADMIN_TOKEN_LEN)
		memcpy(ret_token, line.data, line.len);
	ret_token[2 * ADMIN_TOKEN_LEN] = '\0';
	if (rest.len > 0 || line.len != 2 * ADMIN_TOKEN_LEN ||
	    !parse_hex(ret_token, octets, sizeof(octets)))
		return set_fault(
			fault, FAULT_FAILED,
			"%s/Private/" TOKEN_FILE ": expected a line of %d lower-case "
			"hexadecimal digits, found something else: remove it, and certpool "
			"serve makes another one",
			layout->path, 2 * ADMIN_TOKEN_LEN);
	wipe(octets, sizeof(octets));
	return 0;
}

static int make_token(const struct layout *layout, struct fault *fault)
{
	uint8_t octets[ADMIN_TOKEN_LEN];
	char line[ADMIN_TOKEN_TEXT_SIZE + 1];
	int result;

	if (fill_random(octets, sizeof(octets), fault) < 0)
		return -1;
	format_hex((struct bytes){octets, sizeof(octets)}, line);
	line[2 * ADMIN_TOKEN_LEN] = '\n';
	line[2 * ADMIN_TOKEN_LEN + 1] = '\0';
	result = write_file(layout->private, TOKEN_FILE, STAGE_NEW, 0600, bytes_of_string(line),
			    fault);
	wipe(octets, sizeof(octets));
	wipe(line, sizeof(line));
	return result < 0 ? prefix_fault(fault, "%s/Private", layout->path) : 0;
}

int take_admin_token(const struct layout *layout, char ret_token[static ADMIN_TOKEN_TEXT_SIZE],
		     struct fault *fault)
{
	bool found;

	if (find_file(layout->private, TOKEN_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!found && make_token(layout, fault) < 0)
		return -1;
	return read_token(layout, ret_token, fault);
}

int print_admin_url(const struct command *command, struct fault *fault)
{
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_json) struct json_line line = {0};
	char token[ADMIN_TOKEN_TEXT_SIZE];
	char endpoint[ENDPOINT_TEXT_SIZE];
	char url[ENDPOINT_TEXT_SIZE + ADMIN_TOKEN_TEXT_SIZE + 2];
	bool found;

	if (load_manifest(command->manifest, &manifest, fault) < 0 ||
	    open_ca_layout(manifest, &layout, fault) < 0)
		return -1;
	if (manifest->ca.admin.host[0] == '\0')
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected ca.admin, the address of the page, found none: "
				 "write admin: http://127.0.0.1:8441 below ca:, and start certpool "
				 "serve again",
				 manifest->path);
	if (find_file(layout->private, TOKEN_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/Private", layout->path);
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/Private/" TOKEN_FILE
				 ": expected the page's token, found none: "
				 "certpool serve makes it when it starts with ca.admin in the "
				 "manifest",
				 layout->path);
	if (read_token(layout, token, fault) < 0)
		return -1;
	format_endpoint(&manifest->ca.admin, endpoint);
	(void)snprintf(url, sizeof(url), "%s/%s/", endpoint, token);
	if (!command->json) {
		print_line("%s", url);
		return 0;
	}
	add_json_text(&line, "admin_url", url);
	return print_json(&line, fault);
}
