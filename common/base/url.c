#include "common/base/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A scheme, and its default port. */
struct scheme {
	const char *name;
	const char *port;
};

static const struct scheme schemes[] = {{"http://", ":80"}, {"https://", ":443"}};

/* RFC 3986: pchar (section 3.3), "/", and the "?" of a query (section 3.4). */
static const char path_alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~!$&'()*+,;=:@/?%";

/* Reads the authority as an endpoint, with the scheme's default port when it has none. */
static bool read_authority(const struct scheme *scheme, const char *authority, size_t len,
			   struct endpoint *ret_endpoint)
{
	char text[ENDPOINT_TEXT_SIZE];
	const char *bracket = memchr(authority, ']', len);
	const char *host_end = bracket != NULL ? bracket : authority;
	bool has_port = memchr(host_end, ':', len - (size_t)(host_end - authority)) != NULL;
	int text_len = snprintf(text, sizeof(text), "%s%.*s%s", scheme->name, (int)len, authority,
				has_port ? "" : scheme->port);

	return text_len > 0 && (size_t)text_len < sizeof(text) &&
	       parse_endpoint(text, ret_endpoint, NULL) == 0 && ret_endpoint->port != 0;
}

static bool split_url(const char *text, struct endpoint *ret_endpoint, const char **ret_path)
{
	const struct scheme *scheme = NULL;
	const char *authority;
	size_t len;

	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (strncmp(text, schemes[i].name, strlen(schemes[i].name)) == 0)
			scheme = &schemes[i];
	if (scheme == NULL)
		return false;
	authority = text + strlen(scheme->name);
	len = strcspn(authority, "/?#");
	*ret_path = authority[len] == '\0' ? "/" : authority + len;
	return len < ENDPOINT_TEXT_SIZE && read_authority(scheme, authority, len, ret_endpoint) &&
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
				 "http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH], like "
				 "http://127.0.0.1:8440/crl",
				 text);
	*ret_endpoint = endpoint;
	(void)snprintf(ret_path, URL_PATH_SIZE, "%s", path);
	return 0;
}
