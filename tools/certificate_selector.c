#include "tools/certificate_selector.h"

#include "common/x509/serial.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CANDIDATES_MAX = 4 };

/* What the word could be. */
struct candidates {
	struct certificate_selector targets[CANDIDATES_MAX];
	size_t count;
};

static struct certificate_selector *add_candidate(struct candidates *candidates,
						  enum selector_kind kind, const char *text)
{
	struct certificate_selector *target = &candidates->targets[candidates->count++];

	*target = (struct certificate_selector){.kind = kind, .text = text};
	return target;
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* No name of a client or member, and no serial, has a dot or begins with a slash. */
static bool is_path(const char *text)
{
	return strcmp(text, "-") == 0 || text[0] == '/' || strchr(text, '.') != NULL;
}

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 8;
}

static bool copy_part(const char *text, size_t len, char ret_name[static NAME_SIZE])
{
	char name[NAME_SIZE];

	if (len >= NAME_SIZE)
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, text);
	if (!valid_name(name))
		return false;
	memcpy(ret_name, name, sizeof(name));
	return true;
}

/* Members are numbered, and called key1, key2, …; the CA's own have other names. */
static bool copy_member(const char *text, char ret_name[static NAME_SIZE])
{
	if (!is_number(text))
		return copy_part(text, strlen(text), ret_name);
	(void)snprintf(ret_name, NAME_SIZE, "key%s", text);
	return text[0] != '0';
}

static void add_names(const char *text, const struct selector_rules *rules,
		      struct candidates *candidates)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct certificate_selector target = {.text = text};

	if (rules->as != NULL && is_number(text)) {
		(void)snprintf(target.client, sizeof(target.client), "%s", rules->as);
		target.kind = SELECTOR_MEMBER;
		if (copy_member(text, target.member))
			candidates->targets[candidates->count++] = target;
		return;
	}
	if (!copy_part(text, len, target.client))
		return;
	target.kind = slash == NULL || slash[1] == '\0' ? SELECTOR_CLIENT : SELECTOR_MEMBER;
	if (target.kind == SELECTOR_CLIENT || copy_member(slash + 1, target.member))
		candidates->targets[candidates->count++] = target;
}

static void collect(const char *text, const struct selector_rules *rules,
		    struct candidates *candidates)
{
	uint8_t serial[SERIAL_MAX];
	struct fault none = {0};

	if (is_path(text)) {
		add_candidate(candidates, SELECTOR_FILE, text);
		return;
	}
	if (parse_serial(text, serial, &none) == 0)
		memcpy(add_candidate(candidates, SELECTOR_SERIAL, text)->serial, serial,
		       SERIAL_MAX);
	if (is_file(text))
		add_candidate(candidates, SELECTOR_FILE, text);
	add_names(text, rules, candidates);
	if (candidates->count == 0 && strchr(text, '/') != NULL)
		add_candidate(candidates, SELECTOR_FILE, text);
}

/* Takes out the members and clients that there are not. */
static int drop_absent(const struct selector_rules *rules, struct candidates *candidates,
		       struct fault *fault)
{
	struct candidates kept = {0};

	for (size_t i = 0; i < candidates->count; i++) {
		const struct certificate_selector *target = &candidates->targets[i];
		bool exists = target->kind == SELECTOR_SERIAL || target->kind == SELECTOR_FILE;

		if (!exists && rules->lookup(rules->context, target, &exists, fault) < 0)
			return -1;
		if (exists)
			kept.targets[kept.count++] = *target;
	}
	*candidates = kept;
	return 0;
}

static int refuse_nothing(const char *text, struct fault *fault)
{
	uint8_t serial[SERIAL_MAX];
	struct fault found = {0};

	if (is_hexadecimal(text) && parse_serial(text, serial, &found) < 0)
		return set_fault(fault, FAULT_USAGE, "%s", found.text);
	return set_fault(fault, FAULT_USAGE,
			 "\"%s\": expected a serial (%d hexadecimal digits), a file (./FILE), a "
			 "member (CLIENT/N) or a client",
			 text, 2 * SERIAL_MAX);
}

static int refuse_several(const struct candidates *candidates, struct fault *fault)
{
	static const char *const ways[] = {
		[SELECTOR_SERIAL] = "the certificate of that serial (say it with colons)",
		[SELECTOR_FILE] = "the file (say ./FILE)",
		[SELECTOR_MEMBER] = "the member (give its certificate's serial)",
		[SELECTOR_CLIENT] = "the client (say CLIENT/)",
	};
	char text[256] = "";

	for (size_t i = 0; i < candidates->count; i++) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? ", or " : "",
			       ways[candidates->targets[i].kind]);
	}
	return set_fault(fault, FAULT_USAGE, "\"%s\" is ambiguous: it could be %s",
			 candidates->targets[0].text, text);
}

/* A serial that lacks digits is not to be taken for a client that is not there. */
static bool is_doubtful(const char *text, const struct candidates *candidates)
{
	if (candidates->count == 1 && candidates->targets[0].kind == SELECTOR_CLIENT)
		return is_hexadecimal(text);
	return candidates->count > 1;
}

int parse_selector(const char *text, const struct selector_rules *rules,
		   struct certificate_selector *ret_target, struct fault *fault)
{
	struct candidates candidates = {0};

	collect(text, rules, &candidates);
	if (is_doubtful(text, &candidates) && drop_absent(rules, &candidates, fault) < 0)
		return -1;
	if (candidates.count == 0)
		return refuse_nothing(text, fault);
	if (candidates.count > 1)
		return refuse_several(&candidates, fault);
	*ret_target = candidates.targets[0];
	return 0;
}
