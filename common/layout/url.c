#include "common/layout/url.h"

#include <string.h>

static const char key_scheme[] = "pkcs11:";

/* RFC 3986: unreserved, reserved, and '%' of an encoded octet. */
static const char uri_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-._~:/?#[]@!$&'()*+,;=%";

/* The rest of a web URL behind its scheme, or NULL. */
static const char *find_host(const char *text)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return text + strlen(schemes[i]);
	return NULL;
}

static bool names_any_address(const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

	return (len == 7 && strncmp(host, "0.0.0.0", len) == 0) ||
	       (len == 4 && strncmp(host, "[::]", len) == 0);
}

int check_web_url(const char *text, struct fault *fault)
{
	const char *host = find_host(text);

	if (strlen(text) > URL_MAX)
		return set_fault(fault, FAULT_USAGE, "expected at most %d octets, found %zu",
				 URL_MAX, strlen(text));
	if (host == NULL || strcspn(host, "/?#") == 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected http://HOST or https://HOST and a path, found "
				 "\"%.60s\"",
				 text);
	if (names_any_address(host))
		return set_fault(fault, FAULT_USAGE,
				 "expected the address or name by which verifiers reach it, found "
				 "\"%.60s\", at which a server listens",
				 text);
	if (text[strspn(text, uri_characters)] != '\0')
		return set_fault(fault, FAULT_USAGE,
				 "expected the characters of a URL (RFC 3986), others as %%XX, "
				 "found \"%.60s\"",
				 text);
	return 0;
}

bool is_key_url(const char *text)
{
	return strncasecmp(text, key_scheme, sizeof(key_scheme) - 2) == 0;
}

/* True if an attribute begins here: one of the words, and '='. */
static bool is_attribute(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(words[i]);

		if (strncasecmp(text, words[i], len) == 0 && text[len] == '=')
			return true;
	}
	return false;
}

/* True if one of the words is an attribute of the URL's path or query. */
static bool has_attribute(const char *url, const char *const *words, size_t count)
{
	const char *attribute = url + sizeof(key_scheme) - 1;

	while (*attribute != '\0') {
		if (is_attribute(attribute, words, count))
			return true;
		attribute += strcspn(attribute, ";?&");
		attribute += *attribute != '\0';
	}
	return false;
}

int check_key_url(const char *text, struct fault *fault)
{
	/* "pinfile" was pin-source's name in drafts, and libraries still accept it. */
	static const char *const secrets[] = {"pin-value", "pin-source", "pinfile"};
	static const char *const names[] = {"object", "id"};
	static const char *const type[] = {"type"};

	if (strncmp(text, key_scheme, sizeof(key_scheme) - 1) != 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected a URL that begins with pkcs11:, in lower case");
	if (strlen(text) > KEY_URL_MAX)
		return set_fault(fault, FAULT_USAGE,
				 "expected a pkcs11: URL of at most %d octets, found %zu",
				 KEY_URL_MAX, strlen(text));
	if (text[strspn(text, uri_characters)] != '\0')
		return set_fault(fault, FAULT_USAGE,
				 "expected the characters of a URL in a pkcs11: URL (RFC 7512), "
				 "others as %%XX");
	if (has_attribute(text, secrets, COUNT_OF(secrets)))
		return set_fault(fault, FAULT_USAGE,
				 "expected a pkcs11: URL without pin-value and pin-source: the PIN "
				 "is read from ca.pin_file");
	if (!has_attribute(text, names, COUNT_OF(names)))
		return set_fault(fault, FAULT_USAGE,
				 "expected a pkcs11: URL that names one key, with object= or id=");
	if (has_attribute(text, type, 1) && strstr(text, ";type=private") == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected a pkcs11: URL of a private key: leave type= out, or "
				 "write ;type=private");
	return 0;
}
