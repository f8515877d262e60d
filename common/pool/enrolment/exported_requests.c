#include "common/pool/enrolment/exported_requests.h"

#include "common/base/hex.h"
#include "common/base/staging.h"
#include "common/layout/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED_FILE "exported"

enum { EXPORTED_FILE_MAX = 64 * 1024 * 1024, IAT_DIGITS_MAX = 12, INDEX_DIGITS_MAX = 7 };

void clear_exported_requests(struct exported_requests *requests)
{
	for (size_t i = 0; i < requests->count; i++)
		free(requests->items[i].members);
	free(requests->items);
	*requests = (struct exported_requests){0};
}

static int make_room(struct exported_requests *requests, struct fault *fault)
{
	size_t capacity = requests->capacity > 0 ? requests->capacity * 2 : 16;
	struct exported_request *items;

	if (requests->count >= EXPORTED_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d requests on their way to the CA, found more: "
				 "import their answers first",
				 EXPORTED_MAX);
	if (requests->count < requests->capacity)
		return 0;
	items = reallocarray(requests->items, capacity, sizeof(*items));
	if (items == NULL)
		return set_memory_fault(fault);
	requests->items = items;
	requests->capacity = capacity;
	return 0;
}

int add_exported_request(struct exported_requests *requests, struct exported_request *request,
			 struct fault *fault)
{
	if (make_room(requests, fault) < 0) {
		free(TAKE(request->members));
		return -1;
	}
	requests->items[requests->count++] = *request;
	request->members = NULL;
	return 0;
}

const struct exported_request *find_exported_request(const struct exported_requests *requests,
						     const char *jti)
{
	for (size_t i = 0; i < requests->count; i++)
		if (strcmp(requests->items[i].jti, jti) == 0)
			return &requests->items[i];
	return NULL;
}

static void remove_at(struct exported_requests *requests, size_t index)
{
	free(requests->items[index].members);
	requests->count--;
	memmove(&requests->items[index], &requests->items[index + 1],
		(requests->count - index) * sizeof(*requests->items));
}

void remove_exported_request(struct exported_requests *requests, const char *jti)
{
	const struct exported_request *request = find_exported_request(requests, jti);

	if (request != NULL)
		remove_at(requests, (size_t)(request - requests->items));
}

void drop_old_exported_requests(struct exported_requests *requests, int64_t now_s)
{
	for (size_t i = requests->count; i > 0; i--)
		if (now_s - requests->items[i - 1].iat_s > EXPORTED_EXPIRY_S)
			remove_at(requests, i - 1);
}

/* The rest of the line that is being parsed. */
struct cursor {
	const char *text;
};

static bool take_number(struct cursor *cursor, size_t most_digits, int64_t *ret_number)
{
	size_t len = strspn(cursor->text, "0123456789");

	if (len == 0 || len > most_digits || cursor->text[0] == '0')
		return false;
	*ret_number = strtoll(cursor->text, NULL, 10);
	cursor->text += len;
	return true;
}

static bool take_character(struct cursor *cursor, char character)
{
	if (cursor->text[0] != character)
		return false;
	cursor->text++;
	return true;
}

static bool take_jti(struct cursor *cursor, char ret_jti[static JTI_SIZE])
{
	if (strcspn(cursor->text, " ") != JTI_SIZE - 1)
		return false;
	memcpy(ret_jti, cursor->text, JTI_SIZE - 1);
	ret_jti[JTI_SIZE - 1] = '\0';
	cursor->text += JTI_SIZE - 1;
	return valid_jti(ret_jti);
}

static bool take_sha256(struct cursor *cursor, uint8_t ret_sha256[static SHA256_LEN])
{
	char text[2 * SHA256_LEN + 1];

	(void)snprintf(text, sizeof(text), "%s", cursor->text);
	if (!parse_hex(text, ret_sha256, SHA256_LEN))
		return false;
	cursor->text += 2 * (size_t)SHA256_LEN;
	return true;
}

/* "7" or "7-12": comes after the request's last member, and fits into BATCH_SIZE_MAX members. */
static bool take_range(struct cursor *cursor, struct exported_request *request)
{
	size_t last = request->count > 0 ? request->members[request->count - 1] : 0;
	int64_t begin;
	int64_t end;

	if (!take_number(cursor, INDEX_DIGITS_MAX, &begin))
		return false;
	end = begin;
	if (take_character(cursor, '-') && !take_number(cursor, INDEX_DIGITS_MAX, &end))
		return false;
	if ((size_t)begin <= last || end < begin || end > POOL_SIZE_MAX ||
	    (size_t)(end - begin) >= BATCH_SIZE_MAX - request->count)
		return false;
	for (int64_t i = begin; i <= end; i++)
		request->members[request->count++] = (size_t)i;
	return true;
}

static bool take_members(struct cursor *cursor, struct exported_request *request)
{
	do {
		if (request->count == BATCH_SIZE_MAX || !take_range(cursor, request))
			return false;
	} while (take_character(cursor, ','));
	return *cursor->text == '\0';
}

static int parse_line(const char *line, size_t number, struct exported_requests *requests,
		      struct fault *fault)
{
	struct cursor cursor = {line};
	struct exported_request request = {0};

	request.members = calloc(BATCH_SIZE_MAX, sizeof(*request.members));
	if (request.members == NULL)
		return set_memory_fault(fault);
	if (take_number(&cursor, IAT_DIGITS_MAX, &request.iat_s) && take_character(&cursor, ' ') &&
	    take_jti(&cursor, request.jti) && take_character(&cursor, ' ') &&
	    take_sha256(&cursor, request.sha256) && take_character(&cursor, ' ') &&
	    take_members(&cursor, &request) && find_exported_request(requests, request.jti) == NULL)
		return add_exported_request(requests, &request, fault);
	free(request.members);
	return set_fault(
		fault, FAULT_MALFORMED,
		"line %zu: expected \"IAT JTI SHA256 MEMBERS\": if the file is moved away, "
		"export again",
		number);
}

int parse_exported_requests(struct bytes text, struct exported_requests *ret_requests,
			    struct fault *fault)
{
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};
	CLEANUP(clear_buffer) struct buffer line = {0};
	size_t number = 0;

	while (text.len > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

		line.len = 0;
		append_bytes(&line, (struct bytes){text.data, len});
		append_string(&line, "");
		if (check_buffer(&line, fault) < 0)
			return -1;
		number++;
		if (end == NULL || memchr(text.data, '\0', len) != NULL)
			return set_fault(fault, FAULT_MALFORMED,
					 "line %zu: expected text and a line end", number);
		if (parse_line((const char *)line.data, number, &requests, fault) < 0)
			return -1;
		text.data += len + 1;
		text.len -= len + 1;
	}
	MOVE(ret_requests, requests);
	return 0;
}

static void append_members(struct buffer *text, const struct exported_request *request)
{
	for (size_t i = 0; i < request->count;) {
		size_t last = i;

		while (last + 1 < request->count &&
		       request->members[last + 1] == request->members[last] + 1)
			last++;
		append_format(text, "%s%zu", i > 0 ? "," : "", request->members[i]);
		if (last > i)
			append_format(text, "-%zu", request->members[last]);
		i = last + 1;
	}
}

int format_exported_requests(const struct exported_requests *requests, struct buffer *ret_text,
			     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_string(&text, "");
	for (size_t i = 0; i < requests->count; i++) {
		const struct exported_request *request = &requests->items[i];

		append_format(&text, "%" PRId64 " %s ", request->iat_s, request->jti);
		append_hex(&text, (struct bytes){request->sha256, SHA256_LEN});
		append_string(&text, " ");
		append_members(&text, request);
		append_string(&text, "\n");
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}

int read_exported_requests(const struct layout *layout, struct exported_requests *ret_requests,
			   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	bool found;

	if (find_file(layout->state, EXPORTED_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (!found) {
		*ret_requests = (struct exported_requests){0};
		return 0;
	}
	if (read_file(layout->state, EXPORTED_FILE, EXPORTED_FILE_MAX, &text, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (parse_exported_requests(bytes_of_buffer(&text), ret_requests, fault) < 0)
		return prefix_fault(fault, "%s/state/" EXPORTED_FILE, layout->path);
	return 0;
}

int write_exported_requests(const struct layout *layout, const struct exported_requests *requests,
			    struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (format_exported_requests(requests, &text, fault) < 0)
		return -1;
	if (write_file(layout->state, EXPORTED_FILE, STAGE_REPLACE, 0600, bytes_of_buffer(&text),
		       fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}
