#include "common/wire/event.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/wire/json.h"

#include <stdlib.h>
#include <string.h>

enum { DIGEST_TEXT_SIZE = 2 * SHA256_LEN + 1 };

static const char *const kinds[EVENT_KIND_COUNT] = {
	[EVENT_STARTED] = "started",
	[EVENT_STOPPED] = "stopped",
	[EVENT_CERTIFIED] = "certified",
	[EVENT_REFUSED] = "refused",
	[EVENT_REVOKED] = "revoked",
	[EVENT_POLICY] = "policy",
	[EVENT_CRL] = "crl",
	[EVENT_PRUNED] = "pruned",
	[EVENT_BACKUP] = "backup",
	[EVENT_RESTORED] = "restored",
	[EVENT_EXPORTED] = "exported",
	[EVENT_TRIMMED] = "trimmed",
	[EVENT_KEY] = "key",
	[EVENT_ROOT] = "root",
	[EVENT_ISSUER] = "issuer",
	[EVENT_FRONT_END] = "front-end",
	[EVENT_CHECKPOINT] = "checkpoint",
	[EVENT_ACCOUNT] = "account",
	[EVENT_COPIED] = "copied",
};

const char *format_event_kind(enum event_kind kind)
{
	return kinds[kind];
}

/* Text from a client may not be UTF-8, which JSON requires: other octets become '?'. */
static json_t *new_text(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string != NULL)
		return string;
	ascii = strdup(text);
	for (char *c = ascii; c != NULL && *c != '\0'; c++)
		if ((*c & 0x80) != 0)
			*c = '?';
	string = ascii != NULL ? json_string(ascii) : NULL;
	free(ascii);
	return string;
}

static int add_text(json_t *object, const char *name, const char *text)
{
	return text == NULL || text[0] == '\0' ? 0
					       : json_object_set_new(object, name, new_text(text));
}

static int add_time(json_t *object, int64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	format_time(time_s, text);
	return json_object_set_new(object, "time", json_string(text));
}

static int add_serials(json_t *object, const struct event *event)
{
	json_t *serials = json_array();
	int failed = serials == NULL;

	for (size_t i = 0; i < event->serial_count && !failed; i++) {
		char text[SERIAL_TEXT_SIZE];

		format_serial((struct bytes){event->serials[i], SERIAL_MAX}, text);
		failed |= json_array_append_new(serials, json_string(text));
	}
	return json_object_set_new(object, "serials", serials) | failed;
}

static int add_digest(json_t *object, const char *name, const uint8_t digest[static SHA256_LEN])
{
	char text[DIGEST_TEXT_SIZE];

	format_hex((struct bytes){digest, SHA256_LEN}, text);
	return json_object_set_new(object, name, json_string(text));
}

static int add_heads(json_t *object, const struct event *event)
{
	json_t *heads = json_array();
	int failed = heads == NULL;

	for (size_t i = 0; i < event->head_count && !failed; i++) {
		const struct chain_head *head = &event->heads[i];
		json_t *item = json_object();

		failed |= json_object_set_new(item, "front_end", json_integer(head->front_end));
		failed |= json_object_set_new(item, "sequence", json_integer(head->sequence));
		failed |= add_digest(item, "sha256", head->sha256);
		failed |= json_array_append_new(heads, item);
	}
	return json_object_set_new(object, "heads", heads) | failed;
}

static int fill_event(json_t *object, const struct event *event)
{
	int failed = json_object_set_new(object, "sequence", json_integer(event->sequence));

	if (event->front_end > FIRST_FRONT_END)
		failed |= json_object_set_new(object, "front_end", json_integer(event->front_end));
	failed |= add_time(object, event->time_s);
	failed |= json_object_set_new(object, "event", json_string(kinds[event->kind]));
	failed |= add_text(object, "by", event->by);
	failed |= add_text(object, "client", event->client);
	failed |= add_text(object, "member", event->member);
	failed |= add_text(object, "type", event->type);
	failed |= add_text(object, "detail", event->detail);
	if (event->number != 0)
		failed |= json_object_set_new(object, "number", json_integer(event->number));
	if (event->count != 0)
		failed |= json_object_set_new(object, "count", json_integer(event->count));
	if (event->serial_count > 0)
		failed |= add_serials(object, event);
	if (event->head_count > 0)
		failed |= add_heads(object, event);
	return failed | add_digest(object, "previous", event->previous);
}

static void free_heads(struct chain_head **heads)
{
	free(*heads);
}

int format_event(const struct event *event, struct buffer *ret_line, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = json_object();
	CLEANUP(clear_secret) struct secret text = {0};
	CLEANUP(clear_buffer) struct buffer line = {0};

	if (object == NULL || fill_event(object, event) != 0)
		return set_memory_fault(fault);
	if (format_json(object, &text, fault) < 0)
		return -1;
	append_bytes(&line, bytes_of_secret(&text));
	if (check_buffer(&line, fault) < 0)
		return -1;
	*ret_line = take_buffer(&line);
	return 0;
}

static int copy_digest(const json_t *object, const char *name,
		       uint8_t ret_digest[static SHA256_LEN], struct fault *fault)
{
	const char *text = get_string(object, name);

	if (text == NULL || !parse_hex(text, ret_digest, SHA256_LEN))
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"%s\": expected %d lower-case hex digits", name,
				 DIGEST_TEXT_SIZE - 1);
	return 0;
}

int parse_event_link(struct bytes line, struct event_link *ret_link, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	struct event_link link = {0};
	const json_t *sequence;
	const json_t *front_end;
	const char *kind;

	if (parse_json_object(line, "audit line", &object, fault) < 0 ||
	    copy_digest(object, "previous", link.previous, fault) < 0)
		return -1;
	kind = get_string(object, "event");
	link.checkpoint = kind != NULL && strcmp(kind, kinds[EVENT_CHECKPOINT]) == 0;
	front_end = json_object_get(object, "front_end");
	if (front_end != NULL && json_integer_value(front_end) <= FIRST_FRONT_END)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"front_end\": expected a number from 2");
	link.front_end = front_end != NULL ? json_integer_value(front_end) : FIRST_FRONT_END;
	sequence = json_object_get(object, "sequence");
	if (!json_is_integer(sequence))
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"sequence\": expected the line's number");
	link.sequence = json_integer_value(sequence);
	*ret_link = link;
	return 0;
}

static int parse_head(const json_t *item, struct chain_head *ret_head, struct fault *fault)
{
	ret_head->front_end = json_integer_value(json_object_get(item, "front_end"));
	ret_head->sequence = json_integer_value(json_object_get(item, "sequence"));
	if (ret_head->front_end < FIRST_FRONT_END || ret_head->sequence < 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"heads\": expected the last line of each front end");
	return copy_digest(item, "sha256", ret_head->sha256, fault);
}

int parse_checkpoint(struct bytes line, struct chain_head **ret_heads, size_t *ret_count,
		     struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(free_heads) struct chain_head *heads = NULL;
	const json_t *list;
	size_t count;

	if (parse_json_object(line, "audit line", &object, fault) < 0)
		return -1;
	list = json_object_get(object, "heads");
	count = json_array_size(list);
	if (count == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"heads\": expected the last line of each front end");
	heads = calloc(count, sizeof(*heads));
	if (heads == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < count; i++)
		if (parse_head(json_array_get(list, i), &heads[i], fault) < 0)
			return -1;
	*ret_heads = TAKE(heads);
	*ret_count = count;
	return 0;
}

static int read_time(const json_t *object, int64_t *ret_time_s, struct fault *fault)
{
	const char *text = get_string(object, "time");
	struct fault problem = {0};

	if (text == NULL)
		return set_fault(fault, FAULT_MALFORMED, "member \"time\": expected a time");
	if (parse_time(text, ret_time_s, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "member \"time\": %s", problem.text);
	return 0;
}

int parse_event_time(struct bytes line, int64_t *ret_time_s, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;

	if (parse_json_object(line, "audit line", &object, fault) < 0)
		return -1;
	return read_time(object, ret_time_s, fault);
}

void clear_event_serials(struct event_serials *serials)
{
	free(serials->serials);
	*serials = (struct event_serials){0};
}

static int parse_kind(const json_t *object, enum event_kind *ret_kind, struct fault *fault)
{
	const char *text = get_string(object, "event");

	for (int i = 0; text != NULL && i < EVENT_KIND_COUNT; i++) {
		if (strcmp(text, kinds[i]) != 0)
			continue;
		*ret_kind = (enum event_kind)i;
		return 0;
	}
	return set_fault(fault, FAULT_MALFORMED, "member \"event\": expected a kind of event");
}

/* 40 hex digits. */
static int parse_event_serial(const json_t *text, uint8_t ret_serial[static SERIAL_MAX],
			      struct fault *fault)
{
	const char *digits = json_string_value(text);

	if (digits == NULL || !parse_hex(digits, ret_serial, SERIAL_MAX))
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"serials\": expected texts of %d lower-case hex digits",
				 SERIAL_TEXT_SIZE - 1);
	return 0;
}

int parse_event_serials(struct bytes line, struct event_serials *ret_serials, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_event_serials) struct event_serials parsed = {0};
	const json_t *list;

	if (parse_json_object(line, "audit line", &object, fault) < 0 ||
	    parse_kind(object, &parsed.kind, fault) < 0)
		return -1;
	list = json_object_get(object, "serials");
	parsed.serials = calloc(json_array_size(list) + 1, sizeof(*parsed.serials));
	if (parsed.serials == NULL)
		return set_memory_fault(fault);
	for (; parsed.count < json_array_size(list); parsed.count++)
		if (parse_event_serial(json_array_get(list, parsed.count),
				       parsed.serials[parsed.count], fault) < 0)
			return -1;
	MOVE(ret_serials, parsed);
	return 0;
}

void clear_event_text(struct event_text *text)
{
	free(text->kind);
	free(text->by);
	free(text->client);
	free(text->member);
	free(text->type);
	free(text->detail);
	*text = (struct event_text){0};
}

static int copy_member(const json_t *object, const char *name, char **ret_text, struct fault *fault)
{
	const char *text = get_string(object, name);

	if (text == NULL)
		return 0;
	*ret_text = strdup(text);
	return *ret_text != NULL ? 0 : set_memory_fault(fault);
}

static int copy_serials(const json_t *object, struct event_text *text, struct fault *fault)
{
	const json_t *list = json_object_get(object, "serials");

	text->serial_count = json_array_size(list);
	for (size_t i = 0; i < text->serial_count && i < EVENT_TEXT_SERIALS; i++)
		if (parse_event_serial(json_array_get(list, i), text->serials[i], fault) < 0)
			return -1;
	return 0;
}

int parse_event_text(struct bytes line, struct event_text *ret_text, struct fault *fault)
{
	CLEANUP(free_json) json_t *object = NULL;
	CLEANUP(clear_event_text) struct event_text text = {0};

	if (parse_json_object(line, "audit line", &object, fault) < 0 ||
	    read_time(object, &text.time_s, fault) < 0 ||
	    copy_member(object, "event", &text.kind, fault) < 0 ||
	    copy_member(object, "by", &text.by, fault) < 0 ||
	    copy_member(object, "client", &text.client, fault) < 0 ||
	    copy_member(object, "member", &text.member, fault) < 0 ||
	    copy_member(object, "type", &text.type, fault) < 0 ||
	    copy_member(object, "detail", &text.detail, fault) < 0 ||
	    copy_serials(object, &text, fault) < 0)
		return -1;
	if (text.kind == NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"event\": expected a kind of event");
	text.number = json_integer_value(json_object_get(object, "number"));
	text.count = json_integer_value(json_object_get(object, "count"));
	MOVE(ret_text, text);
	return 0;
}

/* What follows the mark; no text that is quoted in JSON has a mark in it, as its quotes are escaped
   there. NULL: the line has no such mark. */
static const char *find_mark(struct bytes line, const char *mark)
{
	const char *found = memmem(line.data, line.len, mark, strlen(mark));

	return found != NULL ? found + strlen(mark) : NULL;
}

static size_t count_serials(struct bytes line)
{
	const size_t each = SERIAL_TEXT_SIZE - 1 + strlen("\"\",");
	const char *list = find_mark(line, ",\"serials\":[");
	const char *end = (const char *)line.data + line.len;
	const char *last = list != NULL ? memchr(list, ']', (size_t)(end - list)) : NULL;

	return last != NULL ? ((size_t)(last - list) + 1) / each : 0;
}

static size_t count_refusals(struct bytes line)
{
	const char *digits = find_mark(line, ",\"count\":");
	size_t count = 0;

	if (digits == NULL)
		return 1;
	for (const char *end = (const char *)line.data + line.len;
	     digits < end && *digits >= '0' && *digits <= '9' && count < SIZE_MAX / 100; digits++)
		count = 10 * count + (size_t)(*digits - '0');
	return count;
}

/* Whether the word, and the quote that ends it, are there. */
static bool is_word(const char *text, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - text) > len && memcmp(text, word, len) == 0 && text[len] == '"';
}

bool tally_event(struct bytes line, struct event_tally *ret_tally)
{
	const char *end = (const char *)line.data + line.len;
	const char *time = find_mark(line, ",\"time\":\"");
	const char *kind = find_mark(line, ",\"event\":\"");
	struct event_tally tally = {0};
	struct fault ignored = {0};
	char text[TIME_TEXT_SIZE];
	int i = 0;

	if (time == NULL || kind == NULL || end - time < TIME_TEXT_SIZE)
		return false;
	memcpy(text, time, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (i < EVENT_KIND_COUNT && !is_word(kind, end, kinds[i]))
		i++;
	if (i == EVENT_KIND_COUNT || parse_time(text, &tally.time_s, &ignored) < 0)
		return false;
	tally.kind = (enum event_kind)i;
	tally.count = tally.kind == EVENT_REFUSED ? count_refusals(line) : count_serials(line);
	*ret_tally = tally;
	return true;
}
