#include "common/base/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char plain_scheme[] = "http://";
static const char secure_scheme[] = "https://";

/* Checks the host and normalises it in place. */
static bool normalize_host(char host[static HOST_SIZE], bool bracketed)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	struct in6_addr address;

	if (bracketed)
		return inet_pton(AF_INET6, host, &address) == 1 &&
		       inet_ntop(AF_INET6, &address, host, HOST_SIZE) != NULL;
	if (host[0] == '\0' || host[0] == '-' || host[0] == '.')
		return false;
	if (strspn(host, "0123456789.") == strlen(host))
		return inet_pton(AF_INET, host, &address) == 1;
	for (char *c = host; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return strspn(host, alphabet) == strlen(host);
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
	size_t len = strlen(text);
	unsigned long port;

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
		return false;
	port = strtoul(text, NULL, 10);
	*ret_port = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool split_endpoint(const char *text, struct endpoint *ret_endpoint)
{
	bool secure = strncmp(text, secure_scheme, strlen(secure_scheme)) == 0;
	const char *scheme = secure ? secure_scheme : plain_scheme;
	const char *host = text + strlen(scheme);
	bool bracketed;
	const char *end;
	const char *port;

	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return false;
	ret_endpoint->secure = secure;
	bracketed = *host == '[';
	host += bracketed;
	end = strchr(host, bracketed ? ']' : ':');
	if (end == NULL || (size_t)(end - host) >= HOST_SIZE)
		return false;
	port = end + bracketed;
	if (*port != ':')
		return false;
	memcpy(ret_endpoint->host, host, (size_t)(end - host));
	ret_endpoint->host[end - host] = '\0';
	return normalize_host(ret_endpoint->host, bracketed) &&
	       parse_port(port + 1, &ret_endpoint->port);
}

int parse_endpoint(const char *text, struct endpoint *ret_endpoint, struct fault *fault)
{
	struct endpoint endpoint = {0};

	if (!split_endpoint(text, &endpoint))
		return set_fault(fault, FAULT_USAGE,
				 "\"%s\" is no endpoint: expected http://HOST:PORT or "
				 "https://HOST:PORT, like http://127.0.0.1:8440 or "
				 "https://[::1]:8440",
				 text);
	*ret_endpoint = endpoint;
	return 0;
}

int parse_host(const char *text, char ret_host[static HOST_SIZE], struct fault *fault)
{
	char host[HOST_SIZE];

	if (snprintf(host, sizeof(host), "%s", text) >= HOST_SIZE ||
	    !normalize_host(host, strchr(text, ':') != NULL))
		return set_fault(fault, FAULT_USAGE,
				 "\"%.60s\" is no host: expected a name like ca.example, or an "
				 "address like 192.0.2.1 or 2001:db8::1",
				 text);
	memcpy(ret_host, host, sizeof(host));
	return 0;
}

bool is_address(const char *host)
{
	return strchr(host, ':') != NULL || strspn(host, "0123456789.") == strlen(host);
}

void format_endpoint(const struct endpoint *endpoint, char ret_text[static ENDPOINT_TEXT_SIZE])
{
	bool bracketed = strchr(endpoint->host, ':') != NULL;

	(void)snprintf(ret_text, ENDPOINT_TEXT_SIZE, "%s%s%s%s:%u",
		       endpoint->secure ? secure_scheme : plain_scheme, bracketed ? "[" : "",
		       endpoint->host, bracketed ? "]" : "", (unsigned int)endpoint->port);
}

bool is_host_of(const struct endpoint *endpoint, const char *value)
{
	enum { HTTP_PORT = 80, HTTPS_PORT = 443 };
	const char *scheme = endpoint->secure ? secure_scheme : plain_scheme;
	char text[ENDPOINT_TEXT_SIZE];
	const char *host = text + strlen(scheme);

	format_endpoint(endpoint, text);
	if (strcasecmp(value, host) == 0)
		return true;
	if (endpoint->port != (endpoint->secure ? HTTPS_PORT : HTTP_PORT))
		return false;
	*strrchr(text, ':') = '\0';
	return strcasecmp(value, host) == 0;
}

bool equal_endpoints(const struct endpoint *a, const struct endpoint *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && a->secure == b->secure;
}

bool is_loopback(const struct endpoint *endpoint)
{
	static const char net[] = "127.";

	return strcmp(endpoint->host, "::1") == 0 ||
	       (is_address(endpoint->host) && strncmp(endpoint->host, net, strlen(net)) == 0);
}

bool has_secure_endpoint(const struct endpoint_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->endpoints[i].secure)
			return true;
	return false;
}

bool is_wildcard(const struct endpoint *endpoint)
{
	return strcmp(endpoint->host, "0.0.0.0") == 0 || strcmp(endpoint->host, "::") == 0;
}
