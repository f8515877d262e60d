#include "common/layout/store_url.h"

#include "common/base/bytes.h"
#include "common/layout/path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const schemes[] = {"postgresql://", "postgres://"};

enum parameter_kind {
	PARAMETER_PLAIN,
	PARAMETER_FILE,
	PARAMETER_HOST,
	PARAMETER_SERVICE,
	PARAMETER_SSLMODE,
};

/* Those of libpq's parameters that a URL may have. */
static const struct {
	const char *name;
	enum parameter_kind kind;
} allowed[] = {
	{"host", PARAMETER_HOST},
	{"hostaddr", PARAMETER_HOST},
	{"port", PARAMETER_PLAIN},
	{"dbname", PARAMETER_PLAIN},
	{"user", PARAMETER_PLAIN},
	{"service", PARAMETER_SERVICE},
	{"passfile", PARAMETER_FILE},
	{"sslmode", PARAMETER_SSLMODE},
	{"sslrootcert", PARAMETER_FILE},
	{"sslcert", PARAMETER_FILE},
	{"sslkey", PARAMETER_FILE},
	{"sslcrl", PARAMETER_FILE},
	{"sslcrldir", PARAMETER_FILE},
	{"sslsni", PARAMETER_PLAIN},
	{"ssl_min_protocol_version", PARAMETER_PLAIN},
	{"ssl_max_protocol_version", PARAMETER_PLAIN},
	{"channel_binding", PARAMETER_PLAIN},
	{"requirepeer", PARAMETER_PLAIN},
	{"gssencmode", PARAMETER_PLAIN},
	{"krbsrvname", PARAMETER_PLAIN},
	{"target_session_attrs", PARAMETER_PLAIN},
	{"connect_timeout", PARAMETER_PLAIN},
	{"tcp_user_timeout", PARAMETER_PLAIN},
	{"keepalives", PARAMETER_PLAIN},
	{"keepalives_idle", PARAMETER_PLAIN},
	{"keepalives_interval", PARAMETER_PLAIN},
	{"keepalives_count", PARAMETER_PLAIN},
	{"application_name", PARAMETER_PLAIN},
};

bool is_store_url(const char *text)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

/* The parts of a URL, cut out of a copy of it in place. */
struct store_url {
	char *text;
	char *authority; /* behind the scheme */
	char *database;  /* "" when missing */
	char *query;     /* NULL when missing */
};

static void clear_url(struct store_url *url)
{
	free(url->text);
}

static int split_url(const char *text, struct store_url *ret_url, struct fault *fault)
{
	static char nothing[] = "";
	struct store_url url = {.text = strdup(text), .database = nothing};
	char *end;

	if (url.text == NULL)
		return set_memory_fault(fault);
	url.authority = strstr(url.text, "://") + 3;
	end = url.authority + strcspn(url.authority, "/?");
	url.query = strchr(url.authority, '?');
	if (url.query != NULL)
		*url.query++ = '\0';
	if (*end == '/') {
		*end = '\0';
		url.database = end + 1;
	}
	*ret_url = url;
	return 0;
}

static bool is_local_host(const char *host, size_t len)
{
	static const char *const loopback[] = {"localhost", "::1", "[::1]"};

	if (len == 0 || host[0] == '/' || host[0] == '@' || strncasecmp(host, "%2f", 3) == 0)
		return true;
	for (size_t i = 0; i < COUNT_OF(loopback); i++)
		if (strlen(loopback[i]) == len && strncasecmp(host, loopback[i], len) == 0)
			return true;
	return len > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= len;
}

/* `ports`: each host may be followed by one. */
static bool all_hosts_local(const char *hosts, bool ports)
{
	for (const char *at = hosts;; at++) {
		size_t len = strcspn(at, ",");
		size_t host_len = len;

		if (ports)
			host_len = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":,");
		if (!is_local_host(at, host_len < len ? host_len : len))
			return false;
		at += len;
		if (*at == '\0')
			return true;
	}
}

/* Decodes %XX in place. */
static int decode_percent(char *text, struct fault *fault)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		unsigned int octet = (unsigned char)*from;

		if (*from == '%') {
			char digits[3] = {from[1], '\0', '\0'};

			if (from[1] != '\0')
				digits[1] = from[2];
			if (!isxdigit((unsigned char)digits[0]) ||
			    !isxdigit((unsigned char)digits[1]))
				return set_fault(fault, FAULT_USAGE,
						 "expected two hexadecimal digits after a %%");
			octet = (unsigned int)strtoul(digits, NULL, 16);
			from += 2;
		}
		if (octet < 0x20 || octet == 0x7f)
			return set_fault(fault, FAULT_USAGE, "found a control character");
		*to++ = (char)octet;
	}
	*to = '\0';
	return 0;
}

static void append_percent(struct buffer *buffer, const char *text)
{
	for (const char *at = text; *at != '\0'; at++) {
		if (isalnum((unsigned char)*at) || strchr("-._~/,:@", *at) != NULL)
			append_format(buffer, "%c", *at);
		else
			append_format(buffer, "%%%02X", (unsigned int)(unsigned char)*at);
	}
}

static int refuse_password(struct fault *fault)
{
	return set_fault(fault, FAULT_USAGE,
			 "found a password in the URL, which everybody who may read the manifest "
			 "would learn: put it into ~/.pgpass, or into a file that PGPASSFILE or "
			 "the parameter passfile names");
}

/* libpq takes what is behind the first @ for the hosts, and decodes all of them before it splits
   them at their commas: a host that hides in either way would not be looked at here. */
static int check_hosts(const char *authority, const char *hosts, struct fault *fault)
{
	if (strchr(authority, '@') != strrchr(authority, '@'))
		return set_fault(
			fault, FAULT_USAGE,
			"expected one @, before the hosts, found more: write %%40 for an @ "
			"in the user's name");
	if (strcasestr(hosts, "%2c") != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected hosts with a comma between them, found %%2C");
	return 0;
}

static int find_parameter(const char *name, enum parameter_kind *ret_kind, struct fault *fault)
{
	if (strstr(name, "password") != NULL)
		return refuse_password(fault);
	for (size_t i = 0; i < COUNT_OF(allowed); i++)
		if (strcmp(allowed[i].name, name) == 0) {
			*ret_kind = allowed[i].kind;
			return 0;
		}
	return set_fault(fault, FAULT_USAGE,
			 "the parameter \"%.40s\" is not one of those that a CA's record may have",
			 name);
}

/* What the parameters say of the connection. */
struct completion {
	const char *directory;
	bool local;
	bool verified; /* sslmode=verify-full */
	bool has_sslmode;
	struct buffer query;
};

static void clear_completion(struct completion *completion)
{
	clear_buffer(&completion->query);
}

static int complete_parameter(struct completion *completion, char *parameter, struct fault *fault)
{
	enum parameter_kind kind = PARAMETER_PLAIN;
	CLEANUP(free_string) char *path = NULL;
	char *value = strchr(parameter, '=');

	if (value == NULL)
		return set_fault(fault, FAULT_USAGE, "expected parameters of the form NAME=VALUE");
	*value++ = '\0';
	if (decode_percent(parameter, fault) < 0 || decode_percent(value, fault) < 0 ||
	    find_parameter(parameter, &kind, fault) < 0)
		return -1;
	switch (kind) {
	case PARAMETER_HOST:
		completion->local &= all_hosts_local(value, false);
		break;
	case PARAMETER_SERVICE:
		completion->local = false;
		break;
	case PARAMETER_SSLMODE:
		completion->verified = strcmp(value, "verify-full") == 0 &&
				       (completion->verified || !completion->has_sslmode);
		completion->has_sslmode = true;
		break;
	case PARAMETER_FILE:
		if (join_path(completion->directory, value, &path, fault) < 0)
			return -1;
		value = path;
		break;
	case PARAMETER_PLAIN:
		break;
	}
	append_format(&completion->query, "%c%s=", completion->query.len == 0 ? '?' : '&',
		      parameter);
	append_percent(&completion->query, value);
	return 0;
}

static int complete_parameters(struct completion *completion, char *query, struct fault *fault)
{
	for (char *parameter = strsep(&query, "&"); parameter != NULL;
	     parameter = strsep(&query, "&"))
		if (parameter[0] != '\0' && complete_parameter(completion, parameter, fault) < 0)
			return -1;
	return 0;
}

static int check_sslmode(struct completion *completion, bool unverified, struct fault *fault)
{
	if (!completion->has_sslmode) {
		append_format(&completion->query, "%csslmode=%s",
			      completion->query.len == 0 ? '?' : '&',
			      completion->local ? "prefer" : "verify-full");
		return 0;
	}
	if (completion->local || completion->verified || unverified)
		return 0;
	return set_fault(fault, FAULT_USAGE,
			 "expected sslmode=verify-full towards another host, found a weaker one, "
			 "which does not know whom it talks to: leave it out and give "
			 "sslrootcert=FILE; if it must be, write store: {url: ..., verify: none}");
}

int complete_store_url(const char *text, const char *directory, bool unverified, char **ret_url,
		       struct fault *fault)
{
	CLEANUP(clear_url) struct store_url url = {0};
	CLEANUP(clear_completion)
	struct completion completion = {.directory = directory, .local = true};
	CLEANUP(clear_buffer) struct buffer whole = {0};
	const char *hosts;

	if (!is_store_url(text) || strlen(text) > STORE_URL_MAX)
		return set_fault(
			fault, FAULT_USAGE,
			"expected postgresql://[USER@][HOST[:PORT],...]/DATABASE[?...] of at "
			"most %d octets",
			STORE_URL_MAX);
	if (split_url(text, &url, fault) < 0)
		return -1;
	hosts = strrchr(url.authority, '@');
	if (hosts != NULL && memchr(url.authority, ':', (size_t)(hosts - url.authority)) != NULL)
		return refuse_password(fault);
	hosts = hosts != NULL ? hosts + 1 : url.authority;
	completion.local = all_hosts_local(hosts, true);
	if (check_hosts(url.authority, hosts, fault) < 0 ||
	    complete_parameters(&completion, url.query, fault) < 0 ||
	    check_sslmode(&completion, unverified, fault) < 0)
		return -1;
	append_format(&whole, "postgresql://%s/%s", url.authority, url.database);
	append_bytes(&whole, bytes_of_buffer(&completion.query));
	if (check_buffer(&completion.query, fault) < 0 || check_buffer(&whole, fault) < 0)
		return -1;
	*ret_url = (char *)take_buffer(&whole).data;
	return 0;
}

void append_tool_url(struct buffer *text, const char *url)
{
	static const char target[] = "target_session_attrs=";

	append_string(text, url);
	if (strstr(url, target) == NULL)
		append_format(text, "%c%sread-write", strchr(url, '?') == NULL ? '?' : '&', target);
}

void free_store_files(struct store_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	files->count = 0;
}

int list_store_files(const char *url, struct store_files *ret_files, struct fault *fault)
{
	CLEANUP(clear_url) struct store_url parts = {0};
	CLEANUP(free_store_files) struct store_files files = {0};
	char *query;

	if (split_url(url, &parts, fault) < 0)
		return -1;
	query = parts.query;
	for (char *parameter = strsep(&query, "&"); parameter != NULL;
	     parameter = strsep(&query, "&")) {
		enum parameter_kind kind = PARAMETER_PLAIN;
		char *value = strchr(parameter, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		if (find_parameter(parameter, &kind, fault) < 0 || decode_percent(value, fault) < 0)
			return -1;
		if (kind != PARAMETER_FILE || files.count == STORE_FILES_MAX)
			continue;
		files.paths[files.count] = strdup(value);
		if (files.paths[files.count++] == NULL)
			return set_memory_fault(fault);
	}
	MOVE(ret_files, files);
	return 0;
}
