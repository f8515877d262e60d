/*
 * Finds out what a word names. All kinds that the word fits are collected first; only a word that
 * fits several costs a look into the record. So a mistyped serial is never taken for a client.
 */
#include "tools/certificate_selector.h"

#include "common/ca/store/clients.h"
#include "common/x509/serial.h"
#include "tools/input.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CANDIDATES_MAX = 4 };

/* All kinds of selector that the word fits. */
struct candidates {
	struct certificate_selector selectors[CANDIDATES_MAX];
	size_t count;
};

static struct certificate_selector *add_candidate(struct candidates *candidates,
						  enum selector_kind kind, const char *text)
{
	struct certificate_selector *selector = &candidates->selectors[candidates->count++];

	*selector = (struct certificate_selector){.kind = kind, .text = text};
	return selector;
}

static int is_file(const char *path, bool *ret_file, struct fault *fault)
{
	struct stat status;

	if (stat(path, &status) == 0)
		*ret_file = S_ISREG(status.st_mode);
	else if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
		*ret_file = false;
	else
		return set_errno_fault(fault, "%s", path);
	return 0;
}

/* Names and serials have no dot and do not begin with a slash. */
static bool is_path(const char *text)
{
	return strcmp(text, "-") == 0 || text[0] == '/' || strchr(text, '.') != NULL;
}

/* A member's number has at most 7 digits; a serial of decimal digits has 40. */
static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 8;
}

static bool copy_name_part(const char *text, size_t len, char ret_name[static NAME_SIZE])
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

/* Member 7 is recorded as key7. Members certified from a folder have names of their own. */
static bool copy_member_name(const char *text, char ret_name[static NAME_SIZE])
{
	if (!is_number(text))
		return copy_name_part(text, strlen(text), ret_name);
	(void)snprintf(ret_name, NAME_SIZE, "key%s", text);
	return text[0] != '0';
}

/* The member or client that the word names, if its parts are valid names. */
static void add_names(const char *text, const struct selector_rules *rules,
		      struct candidates *candidates)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct certificate_selector selector = {.text = text};

	if (rules->as != NULL && is_number(text)) {
		(void)snprintf(selector.client, sizeof(selector.client), "%s", rules->as);
		selector.kind = SELECTOR_MEMBER;
		if (copy_member_name(text, selector.member))
			candidates->selectors[candidates->count++] = selector;
		return;
	}
	if (!copy_name_part(text, len, selector.client))
		return;
	selector.kind = slash == NULL || slash[1] == '\0' ? SELECTOR_CLIENT : SELECTOR_MEMBER;
	if (selector.kind == SELECTOR_CLIENT || copy_member_name(slash + 1, selector.member))
		candidates->selectors[candidates->count++] = selector;
}

static int collect_candidates(const char *text, const struct selector_rules *rules,
			      struct candidates *candidates, struct fault *fault)
{
	uint8_t serial[SERIAL_MAX];
	struct fault ignored = {0};
	bool file = false;

	if (is_path(text)) {
		add_candidate(candidates, SELECTOR_FILE, text);
		return 0;
	}
	if (is_file(text, &file, fault) < 0)
		return -1;
	if (parse_serial(text, serial, &ignored) == 0)
		memcpy(add_candidate(candidates, SELECTOR_SERIAL, text)->serial, serial,
		       SERIAL_MAX);
	if (file)
		add_candidate(candidates, SELECTOR_FILE, text);
	add_names(text, rules, candidates);
	if (candidates->count == 0 && strchr(text, '/') != NULL)
		add_candidate(candidates, SELECTOR_FILE, text);
	return 0;
}

/* Removes members and clients that do not exist. */
static int drop_absent(const struct selector_rules *rules, struct candidates *candidates,
		       struct fault *fault)
{
	struct candidates existing = {0};

	for (size_t i = 0; i < candidates->count; i++) {
		const struct certificate_selector *selector = &candidates->selectors[i];
		bool exists = selector->kind == SELECTOR_SERIAL || selector->kind == SELECTOR_FILE;

		if (!exists && rules->lookup(rules->context, selector, &exists, fault) < 0)
			return -1;
		if (exists)
			existing.selectors[existing.count++] = *selector;
	}
	*candidates = existing;
	return 0;
}

/* No kind fits: an incomplete serial gets the message of parse_serial, which counts its digits. */
static int refuse_nothing(const char *text, struct fault *fault)
{
	uint8_t serial[SERIAL_MAX];
	struct fault problem = {0};

	if (is_hexadecimal(text) && parse_serial(text, serial, &problem) < 0)
		return set_fault(fault, FAULT_USAGE, "%s", problem.text);
	return set_fault(fault, FAULT_USAGE,
			 "\"%s\": expected a serial (%d hexadecimal digits), a file (./FILE), a "
			 "member (CLIENT/N) or a client",
			 text, 2 * SERIAL_MAX);
}

/* Names each kind that fits, and how to write it without doubt. */
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
			       ways[candidates->selectors[i].kind]);
	}
	return set_fault(fault, FAULT_USAGE, "\"%s\" is ambiguous: it could be %s",
			 candidates->selectors[0].text, text);
}

/* "dead" fits a client's name, but may be an incomplete serial: then the client must exist. */
static bool is_doubtful(const char *text, const struct candidates *candidates)
{
	if (candidates->count == 1 && candidates->selectors[0].kind == SELECTOR_CLIENT)
		return is_hexadecimal(text);
	return candidates->count > 1;
}

int parse_selector(const char *text, const struct selector_rules *rules,
		   struct certificate_selector *ret_selector, struct fault *fault)
{
	struct candidates candidates = {0};

	if (collect_candidates(text, rules, &candidates, fault) < 0)
		return -1;
	if (is_doubtful(text, &candidates) && drop_absent(rules, &candidates, fault) < 0)
		return -1;
	if (candidates.count == 0)
		return refuse_nothing(text, fault);
	if (candidates.count > 1)
		return refuse_several(&candidates, fault);
	*ret_selector = candidates.selectors[0];
	return 0;
}

enum { SERIALS_SHOWN = 10 };

/* The operator's selector_lookup. */
static int look_up(void *context, const struct certificate_selector *selector, bool *ret_exists,
		   struct fault *fault)
{
	struct store *store = context;
	CLEANUP(clear_client) struct client client = {0};
	const struct certificate_query query = {.client = selector->client,
						.member = selector->member};
	size_t count;

	if (selector->kind == SELECTOR_CLIENT)
		return read_client(store, selector->client, &client, ret_exists, fault);
	if (count_certificates(store, &query, &count, fault) < 0)
		return -1;
	*ret_exists = count > 0;
	return 0;
}

struct selector_rules operator_rules(struct store *store)
{
	return (struct selector_rules){.lookup = look_up, .context = store};
}

/* The octets are compared, because a file of another CA can have the same serial. */
int find_by_file(struct store *store, const char *path, struct buffer *serials,
		 struct certificate **ret_unrecorded, struct fault *fault)
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
	if (!found && ret_unrecorded != NULL) {
		*ret_unrecorded = TAKE(certificate);
		return 0;
	}
	if (!found)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s: the CA's record has no certificate with its serial, %s", path,
				 text);
	if (!equal_bytes(bytes_of_buffer(&record.der), certificate_der(certificate)))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: differs from the certificate that this CA issued under its "
				 "serial %s, to %s/%s: to name that one, give the serial",
				 path, text, record.client, record.member);
	append_bytes(serials, serial);
	return check_buffer(serials, fault);
}

/* The client that was probably meant. */
struct meant_client {
	struct nearest_name search;
	char name[NAME_SIZE];
};

/* The serials of a member's certificates, sorted by their state at a time. */
struct member_certificates {
	int64_t now_s;
	struct buffer all;
	struct buffer live;
	struct buffer revoked;
};

static void clear_member_certificates(struct member_certificates *certificates)
{
	clear_buffer(&certificates->all);
	clear_buffer(&certificates->live);
	clear_buffer(&certificates->revoked);
}

static int sort_certificate(void *context, const struct issued_certificate *record,
			    int64_t position, struct fault *fault)
{
	const struct bytes serial = {record->serial, SERIAL_MAX};
	struct member_certificates *certificates = context;

	(void)position;
	(void)fault;
	append_bytes(&certificates->all, serial);
	if (record->revoked)
		append_bytes(&certificates->revoked, serial);
	else if (record->not_after_s >= certificates->now_s)
		append_bytes(&certificates->live, serial);
	return 0;
}

static int refuse_serials(const struct certificate_selector *selector, const struct buffer *serials,
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
			 selector->client, selector->member, count, what, advice, list.data,
			 count > SERIALS_SHOWN ? ", and more" : "");
}

/* For show, which may print an ended certificate too. */
static int choose_one(const struct certificate_selector *selector,
		      const struct member_certificates *certificates, struct buffer *serials,
		      struct fault *fault)
{
	const struct buffer *chosen =
		certificates->live.len == SERIAL_MAX ? &certificates->live : &certificates->all;

	if (chosen->len > SERIAL_MAX)
		return refuse_serials(selector, chosen, "certificates", "give the serial", fault);
	append_bytes(serials, bytes_of_buffer(chosen));
	return 0;
}

/* For revoke: revoked ones are chosen last, so that a repeated command succeeds. */
static int choose_live(const struct certificate_selector *selector,
		       const struct member_certificates *certificates, bool all,
		       struct buffer *serials, struct fault *fault)
{
	const struct buffer *chosen =
		certificates->live.len > 0 ? &certificates->live : &certificates->revoked;

	if (certificates->live.len > SERIAL_MAX && !all)
		return refuse_serials(selector, chosen, "live certificates",
				      "give the serial, or --all", fault);
	if (chosen->len == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/%s: all its certificates have expired: to name one, give its "
				 "serial",
				 selector->client, selector->member);
	append_bytes(serials, bytes_of_buffer(chosen));
	return 0;
}

static int find_by_member(struct store *store, const struct certificate_selector *selector,
			  enum selector_choice choice, int64_t now_s, struct buffer *serials,
			  struct fault *fault)
{
	CLEANUP(clear_member_certificates)
	struct member_certificates certificates = {.now_s = now_s};
	const struct listing listing = {
		.query = {.client = selector->client, .member = selector->member, .now_s = now_s},
		.without_der = true,
	};

	if (list_certificates(store, &listing, sort_certificate, &certificates, NULL, fault) < 0 ||
	    check_buffer(&certificates.all, fault) < 0 ||
	    check_buffer(&certificates.live, fault) < 0 ||
	    check_buffer(&certificates.revoked, fault) < 0)
		return -1;
	if (certificates.all.len == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/%s: this CA issued no certificate to it", selector->client,
				 selector->member);
	if (choice == CHOOSE_ONE)
		return choose_one(selector, &certificates, serials, fault);
	return choose_live(selector, &certificates, choice == CHOOSE_ALL, serials, fault);
}

/* A client_function. The name is kept, as the client goes. */
static int compare_client(void *context, const struct client *client, struct fault *fault)
{
	struct meant_client *meant = context;
	size_t slips = meant->search.nearest != NULL ? meant->search.slips : SIZE_MAX;

	(void)fault;
	compare_name(&meant->search, client->name);
	if (meant->search.nearest == NULL || meant->search.slips == slips)
		return 0;
	(void)snprintf(meant->name, sizeof(meant->name), "%s", client->name);
	meant->search.nearest = meant->name;
	return 0;
}

int refuse_absent_client(struct store *store, const char *name, struct fault *fault)
{
	struct meant_client meant = {.search = {.word = name}};

	if (list_clients(store, compare_client, &meant, fault) < 0)
		return -1;
	if (meant.search.nearest != NULL)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "the CA's record has no client \"%s\": did you mean %s?", name,
				 meant.name);
	return set_fault(fault, FAULT_NOT_FOUND,
			 "the CA's record has no client \"%s\": certpool client list shows all "
			 "clients",
			 name);
}

int resolve_selector(struct store *store, const struct certificate_selector *selector,
		     enum selector_choice choice, int64_t now_s, struct buffer *serials,
		     struct fault *fault)
{
	switch (selector->kind) {
	case SELECTOR_SERIAL:
		append_bytes(serials, (struct bytes){selector->serial, SERIAL_MAX});
		break;
	case SELECTOR_FILE:
		if (find_by_file(store, selector->text, serials, NULL, fault) < 0)
			return -1;
		break;
	case SELECTOR_MEMBER:
		if (find_by_member(store, selector, choice, now_s, serials, fault) < 0)
			return -1;
		break;
	case SELECTOR_CLIENT:
		return set_fault(fault, FAULT_USAGE,
				 "%s is a client: expected one certificate, CLIENT/N, a serial or "
				 "a file",
				 selector->client);
	}
	return check_buffer(serials, fault);
}
