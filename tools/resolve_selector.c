#include "tools/resolve_selector.h"

#include "common/ca/store/clients.h"
#include "tools/input.h"

#include <stdio.h>
#include <string.h>

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
