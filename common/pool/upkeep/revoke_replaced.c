#include "common/pool/upkeep/revoke_replaced.h"

#include "common/pool/members/set_aside.h"
#include "common/pool/members/survey.h"
#include "common/pool/revocation/ask_revocation.h"
#include "common/pool/revocation/ask_statuses.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdlib.h>
#include <string.h>

/* A certificate that is set aside. */
struct replaced {
	uint8_t serial[SERIAL_MAX];
	bool done; /* its file is not needed any more */
	bool unknown;
	char name[FILE_NAME_SIZE];
};

struct replaced_list {
	struct buffer items; /* struct replaced */
	struct replaced *of;
	size_t count;
};

static void clear_replaced_list(struct replaced_list *list)
{
	clear_buffer(&list->items);
}

static int add_replaced(const struct layout *layout, const char *name, int64_t now_s,
			struct replaced_list *list, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct replaced replaced = {0};
	struct fault unread = {0};
	struct bytes serial;

	/* What is damaged, or another CA's, stays where it is. */
	if (read_certificate_file(layout, name, &certificate, &unread) < 0)
		return pass_failure(&unread, fault);
	serial = certificate_serial(certificate);
	if (serial.len != SERIAL_MAX)
		return 0;
	memcpy(replaced.serial, serial.data, SERIAL_MAX);
	memcpy(replaced.name, name, strlen(name) + 1);
	replaced.done = certificate_not_after(certificate) < now_s;
	append_bytes(&list->items, (struct bytes){(const uint8_t *)&replaced, sizeof(replaced)});
	return check_buffer(&list->items, fault);
}

static int compare_replaced(const void *a, const void *b)
{
	return memcmp(((const struct replaced *)a)->serial, ((const struct replaced *)b)->serial,
		      SERIAL_MAX);
}

/* By rising serial. */
static int list_replaced(const struct layout *layout, int64_t now_s, struct replaced_list *list,
			 struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const char *name = NULL;

	if (open_listing(layout->cert, &listing, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	do {
		if (read_listing(listing, &name, fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
		if (name != NULL && is_set_aside(name) && strlen(name) < FILE_NAME_SIZE &&
		    add_replaced(layout, name, now_s, list, fault) < 0)
			return -1;
	} while (name != NULL);
	list->of = (void *)list->items.data;
	list->count = list->items.len / sizeof(*list->of);
	if (list->count > 0)
		qsort(list->of, list->count, sizeof(*list->of), compare_replaced);
	return 0;
}

enum mark { MARK_DONE, MARK_UNKNOWN };

/* Marks all files of that serial: a certificate may have been set aside twice. */
static void mark(struct replaced_list *list, const uint8_t serial[static SERIAL_MAX], enum mark as)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(list->of[middle].serial, serial, SERIAL_MAX) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < list->count && memcmp(list->of[low].serial, serial, SERIAL_MAX) == 0; low++) {
		if (as == MARK_DONE)
			list->of[low].done = true;
		else
			list->of[low].unknown = true;
	}
}

/* A survey_function: a member's certificate may have been set aside in another member's name. */
static int spare_current(void *argument, const struct member_view *view, struct fault *fault)
{
	struct bytes serial;

	(void)fault;
	if (view->certificate == NULL)
		return 0;
	serial = certificate_serial(view->certificate);
	if (serial.len == SERIAL_MAX)
		mark(argument, serial.data, MARK_DONE);
	return 0;
}

/* Marks those of which the CA says that it does not know them, which it would refuse to revoke, and
   those that are revoked. An older CA cannot be asked. */
static int sort_out(const struct learning *learning, const uint8_t (*serials)[SERIAL_MAX],
		    size_t count, int64_t now_s, struct replaced_list *list, struct fault *fault)
{
	const struct statuses_question question = {.layout = learning->layout,
						   .client = learning->client->name,
						   .ca = learning->ca,
						   .serials = serials,
						   .serial_count = count};
	CLEANUP(clear_statuses_answer) struct statuses_answer answer = {0};
	bool known;

	if (ask_statuses(&question, now_s, &answer, &known, fault) < 0)
		return -1;
	for (size_t i = 0; i < answer.revoked_count; i++)
		mark(list, answer.revoked[i].serial, MARK_DONE);
	for (size_t i = 0; i < answer.unknown_count; i++)
		mark(list, answer.unknown[i], MARK_UNKNOWN);
	return 0;
}

/* The serials of up to `most` that are neither done nor unknown, each once. */
static size_t collect_open(const struct replaced_list *list, size_t *at,
			   uint8_t (*serials)[SERIAL_MAX], size_t most)
{
	size_t count = 0;

	for (; *at < list->count && count < most; (*at)++) {
		const struct replaced *replaced = &list->of[*at];

		if (!replaced->done && !replaced->unknown &&
		    (count == 0 || memcmp(serials[count - 1], replaced->serial, SERIAL_MAX) != 0))
			memcpy(serials[count++], replaced->serial, SERIAL_MAX);
	}
	return count;
}

static int revoke_batch(const struct learning *learning, const uint8_t (*serials)[SERIAL_MAX],
			size_t count, int64_t now_s, struct replaced_list *list,
			struct fault *fault)
{
	const struct revocation_options options = {.layout = learning->layout,
						   .client = learning->client->name,
						   .ca = learning->ca,
						   .serials = serials,
						   .serial_count = count,
						   .reason = REASON_SUPERSEDED};
	CLEANUP(clear_revocation_answer) struct revocation_answer answer = {0};

	if (ask_revocation(&options, now_s, &answer, fault) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		mark(list, serials[i], MARK_DONE);
	return 0;
}

static int remove_done(const struct layout *layout, const struct replaced_list *list,
		       struct fault *fault)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->of[i].done && remove_file(layout->cert, list->of[i].name, fault) < 0)
			return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

int revoke_replaced(const struct learning *learning, int64_t now_s,
		    struct revoked_replaced *ret_revoked, struct fault *fault)
{
	const struct layout *layout = learning->layout;
	CLEANUP(clear_replaced_list) struct replaced_list list = {0};
	struct revoked_replaced revoked = {0};
	uint8_t serials[REVOCATIONS_MAX][SERIAL_MAX];
	const struct survey survey = {.layout = layout,
				      .client = learning->client,
				      .certificates_only = true,
				      .function = spare_current,
				      .context = &list};
	size_t count;

	if (list_replaced(layout, now_s, &list, fault) < 0)
		return -1;
	if (list.count > 0 && survey_pool(&survey, fault) < 0)
		return -1;
	for (size_t at = 0; (count = collect_open(&list, &at, serials, REVOCATIONS_MAX)) > 0;)
		if (sort_out(learning, (const uint8_t(*)[SERIAL_MAX])serials, count, now_s, &list,
			     fault) < 0)
			return -1;
	for (size_t at = 0; (count = collect_open(&list, &at, serials, REVOCATIONS_MAX)) > 0;) {
		if (revoke_batch(learning, (const uint8_t(*)[SERIAL_MAX])serials, count, now_s,
				 &list, fault) < 0)
			return -1;
		revoked.revoked += count;
	}
	for (size_t i = 0; i < list.count; i++)
		revoked.left += list.of[i].unknown ? 1 : 0;
	if (remove_done(layout, &list, fault) < 0)
		return -1;
	*ret_revoked = revoked;
	return 0;
}
