#include "tools/certificate_selector.h"

#include "common/ca/store/clients.h"
#include "common/x509/serial.h"
#include "tools/input.h"

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

enum { SERIALS_SHOWN = 10 };

static int look_up(void *context, const struct certificate_selector *target, bool *ret_exists,
		   struct fault *fault)
{
	struct store *store = context;
	CLEANUP(clear_client) struct client client = {0};
	const struct certificate_query query = {.client = target->client, .member = target->member};
	size_t count;

	if (target->kind == SELECTOR_CLIENT)
		return read_client(store, target->client, &client, ret_exists, fault);
	if (count_certificates(store, &query, &count, fault) < 0)
		return -1;
	*ret_exists = count > 0;
	return 0;
}

struct selector_rules operator_rules(struct store *store)
{
	return (struct selector_rules){.lookup = look_up, .context = store};
}

static int find_file(struct store *store, const char *path, struct buffer *serials,
		     struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	char text[SERIAL_TEXT_SIZE];
	struct bytes serial;
	bool found = false;

	if (read_certificate(path, &certificate, fault) < 0)
		return -1;
	serial = certificate_serial(certificate);
	format_serial(serial, text);
	if (serial.len == SERIAL_MAX &&
	    find_by_serial(store, serial.data, &record, &found, fault) < 0)
		return -1;
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: this CA never issued a certificate with its serial, %s", path,
				 text);
	if (!equal_bytes(bytes_of_buffer(&record.der), certificate_der(certificate)))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: is not the certificate that this CA issued under the serial "
				 "%s, which is %s/%s's: to name that one, give the serial",
				 path, text, record.client, record.member);
	append_bytes(serials, serial);
	return 0;
}

/* A member's certificates, by what they are at a time. */
struct sorting {
	int64_t now_s;
	struct buffer all;
	struct buffer live;
	struct buffer revoked;
};

static void clear_sorting(struct sorting *sorting)
{
	clear_buffer(&sorting->all);
	clear_buffer(&sorting->live);
	clear_buffer(&sorting->revoked);
}

static int sort_record(void *context, const struct issued_certificate *record, int64_t position,
		       struct fault *fault)
{
	const struct bytes serial = {record->serial, SERIAL_MAX};
	struct sorting *sorting = context;

	(void)position;
	(void)fault;
	append_bytes(&sorting->all, serial);
	if (record->revoked)
		append_bytes(&sorting->revoked, serial);
	else if (record->not_after_s >= sorting->now_s)
		append_bytes(&sorting->live, serial);
	return 0;
}

static int refuse_serials(const struct certificate_selector *target, const struct buffer *serials,
			  const char *what, const char *advice, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer list = {0};
	size_t count = serials->len / SERIAL_MAX;

	for (size_t i = 0; i < count && i < SERIALS_SHOWN; i++) {
		char text[SERIAL_TEXT_SIZE];

		format_serial((struct bytes){serials->data + i * SERIAL_MAX, SERIAL_MAX}, text);
		append_format(&list, "%s%s", i > 0 ? ", " : "", text);
	}
	if (check_buffer(&list, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_USAGE, "%s/%s has %zu %s, and is ambiguous: %s: %s%s",
			 target->client, target->member, count, what, advice, list.data,
			 count > SERIALS_SHOWN ? ", and more" : "");
}

static int find_one(const struct certificate_selector *target, const struct sorting *sorting,
		    struct buffer *serials, struct fault *fault)
{
	const struct buffer *chosen =
		sorting->live.len == SERIAL_MAX ? &sorting->live : &sorting->all;

	if (chosen->len > SERIAL_MAX)
		return refuse_serials(target, chosen, "certificates", "give the serial", fault);
	append_bytes(serials, bytes_of_buffer(chosen));
	return 0;
}

static int find_live(const struct certificate_selector *target, const struct sorting *sorting,
		     bool all, struct buffer *serials, struct fault *fault)
{
	const struct buffer *chosen = sorting->live.len > 0 ? &sorting->live : &sorting->revoked;

	if (sorting->live.len > SERIAL_MAX && !all)
		return refuse_serials(target, chosen, "live certificates",
				      "give the serial, or --all", fault);
	if (chosen->len == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/%s has expired certificates alone: to name one all the same, "
				 "give its serial",
				 target->client, target->member);
	append_bytes(serials, bytes_of_buffer(chosen));
	return 0;
}

static int find_member(struct store *store, const struct certificate_selector *target,
		       enum selector_choice choice, int64_t now_s, struct buffer *serials,
		       struct fault *fault)
{
	CLEANUP(clear_sorting) struct sorting sorting = {.now_s = now_s};
	const struct listing listing = {
		.query = {.client = target->client, .member = target->member, .now_s = now_s},
		.without_der = true,
	};

	if (list_certificates(store, &listing, sort_record, &sorting, NULL, fault) < 0 ||
	    check_buffer(&sorting.all, fault) < 0 || check_buffer(&sorting.live, fault) < 0 ||
	    check_buffer(&sorting.revoked, fault) < 0)
		return -1;
	if (sorting.all.len == 0)
		return set_fault(fault, FAULT_NOT_FOUND, "%s/%s: no certificate was issued to it",
				 target->client, target->member);
	if (choice == CHOOSE_ONE)
		return find_one(target, &sorting, serials, fault);
	return find_live(target, &sorting, choice == CHOOSE_ALL, serials, fault);
}

int resolve_selector(struct store *store, const struct certificate_selector *target,
		     enum selector_choice choice, int64_t now_s, struct buffer *serials,
		     struct fault *fault)
{
	switch (target->kind) {
	case SELECTOR_SERIAL:
		append_bytes(serials, (struct bytes){target->serial, SERIAL_MAX});
		break;
	case SELECTOR_FILE:
		if (find_file(store, target->text, serials, fault) < 0)
			return -1;
		break;
	case SELECTOR_MEMBER:
		if (find_member(store, target, choice, now_s, serials, fault) < 0)
			return -1;
		break;
	case SELECTOR_CLIENT:
		return set_fault(fault, FAULT_USAGE,
				 "%s is a client: expected one certificate, CLIENT/N, a serial or "
				 "a file",
				 target->client);
	}
	return check_buffer(serials, fault);
}
