#include "common/base/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char scheme[] = "http://";

/* RFC 3986: pchar (section 3.3), "/", and the "?" of a query (section 3.4). */
static const char path_alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~!$&'()*+,;=:@/?%";

/* Reads the authority as an endpoint, with http's default port when it has none. */
static bool read_authority(const char *authority, size_t len, struct endpoint *ret_endpoint)
{
	char text[ENDPOINT_TEXT_SIZE];
	const char *bracket = memchr(authority, ']', len);
	const char *host_end = bracket != NULL ? bracket : authority;
	bool has_port = memchr(host_end, ':', len - (size_t)(host_end - authority)) != NULL;
	int text_len = snprintf(text, sizeof(text), "%s%.*s%s", scheme, (int)len, authority,
				has_port ? "" : ":80");

	return text_len > 0 && (size_t)text_len < sizeof(text) &&
	       parse_endpoint(text, ret_endpoint, NULL) == 0 && ret_endpoint->port != 0;
}

static bool split_url(const char *text, struct endpoint *ret_endpoint, const char **ret_path)
{
	const char *authority = text + strlen(scheme);
	size_t len;

	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return false;
	len = strcspn(authority, "/?#");
	*ret_path = authority[len] == '\0' ? "/" : authority + len;
	return len < ENDPOINT_TEXT_SIZE && read_authority(authority, len, ret_endpoint) &&
	       **ret_path == '/' && strlen(*ret_path) < URL_PATH_SIZE &&
	       strspn(*ret_path, path_alphabet) == strlen(*ret_path);
}

int parse_url(const char *text, struct endpoint *ret_endpoint, char ret_path[static URL_PATH_SIZE],
	      struct fault *fault)
{
	struct endpoint endpoint = {0};
	const char *path;

	if (!split_url(text, &endpoint, &path))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\" is no URL that can be asked: expected "
				 "http://HOST[:PORT][/PATH], like http://127.0.0.1:8440/crl",
				 text);
	*ret_endpoint = endpoint;
	(void)snprintf(ret_path, URL_PATH_SIZE, "%s", path);
	return 0;
}
