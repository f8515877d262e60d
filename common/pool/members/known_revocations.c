#include "common/pool/members/known_revocations.h"

#include "common/base/hex.h"
#include "common/base/staging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 128 * 1024 * 1024, LINE_SIZE = 128, REASON_MAX = 10 };

void clear_known_revocations(struct known_revocations *revocations)
{
	free(revocations->items);
	*revocations = (struct known_revocations){0};
}

static int compare_revocations(const void *a, const void *b)
{
	return memcmp(((const struct known_revocation *)a)->serial,
		      ((const struct known_revocation *)b)->serial, SERIAL_MAX);
}

const struct known_revocation *find_known_revocation(const struct known_revocations *revocations,
						     struct bytes serial)
{
	struct known_revocation wanted = {0};

	if (serial.len != SERIAL_MAX || revocations->count == 0)
		return NULL;
	memcpy(wanted.serial, serial.data, SERIAL_MAX);
	return bsearch(&wanted, revocations->items, revocations->count, sizeof(wanted),
		       compare_revocations);
}

/* Reads a number up to `end`, in its one form. */
static bool take_number(const char **text, char end, int64_t most, int64_t *ret_number)
{
	size_t len = strspn(*text, "0123456789");

	if (len == 0 || len > 12 || ((*text)[0] == '0' && len > 1) || (*text)[len] != end)
		return false;
	*ret_number = strtoll(*text, NULL, 10);
	*text += len + (end != '\0' ? 1 : 0);
	return *ret_number <= most;
}

static bool parse_line(struct bytes line, struct known_revocation *ret_revocation)
{
	struct known_revocation revocation = {0};
	char serial[SERIAL_TEXT_SIZE] = "";
	char text[LINE_SIZE];
	const char *rest = text + SERIAL_TEXT_SIZE;
	int64_t reason;

	if (line.len < SERIAL_TEXT_SIZE || line.len >= sizeof(text) ||
	    memchr(line.data, '\0', line.len) != NULL)
		return false;
	memcpy(text, line.data, line.len);
	text[line.len] = '\0';
	memcpy(serial, text, SERIAL_TEXT_SIZE - 1);
	if (text[SERIAL_TEXT_SIZE - 1] != ' ' ||
	    !parse_hex(serial, revocation.serial, SERIAL_MAX) ||
	    !take_number(&rest, ' ', INT64_MAX, &revocation.end_s) ||
	    !take_number(&rest, ' ', INT64_MAX, &revocation.revoked_at_s) ||
	    !take_number(&rest, '\0', REASON_MAX, &reason))
		return false;
	revocation.reason = (int)reason;
	*ret_revocation = revocation;
	return true;
}

int parse_known_revocations(struct bytes text, struct known_revocations *ret_revocations,
			    struct fault *fault)
{
	CLEANUP(clear_known_revocations) struct known_revocations revocations = {0};

	if (text.len > 0 && text.data[text.len - 1] != '\n')
		return set_fault(fault, FAULT_MALFORMED, "expected a line end at the end");
	revocations.items = calloc(text.len / SERIAL_TEXT_SIZE + 1, sizeof(*revocations.items));
	if (revocations.items == NULL)
		return set_memory_fault(fault);
	while (text.len > 0) {
		struct known_revocation *next = &revocations.items[revocations.count];

		if (!parse_line(cut_line(&text), next) ||
		    (revocations.count > 0 && compare_revocations(next - 1, next) >= 0))
			return set_fault(fault, FAULT_MALFORMED,
					 "line %zu: expected \"SERIAL END REVOKED REASON\", by "
					 "rising serial",
					 revocations.count + 1);
		revocations.count++;
	}
	MOVE(ret_revocations, revocations);
	return 0;
}

int read_known_revocations(const struct layout *layout, const char *client,
			   struct known_revocations *ret_revocations, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault problem = {0};
	bool found;

	if (find_file(layout->state, REVOKED_FILE, &found, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (!found) {
		*ret_revocations = (struct known_revocations){0};
		return 0;
	}
	if (read_file(layout->state, REVOKED_FILE, FILE_MAX, &text, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (parse_known_revocations(bytes_of_buffer(&text), ret_revocations, &problem) == 0)
		return 0;
	return set_fault(fault, problem.class,
			 "%s/state/" REVOKED_FILE ": %s: run certpool keep %s, which makes it anew",
			 layout->path, problem.text, client);
}

/* A CRL's UTCTime may be before 1970, for which the file has no form. */
static struct known_revocation from_1970(struct known_revocation item)
{
	item.revoked_at_s = item.revoked_at_s > 0 ? item.revoked_at_s : 0;
	return item;
}

/* Sorted, the first of each serial, without those that have ended. *ret_changed: they are not what
   was known before. */
static int merge_revocations(const struct known_revocations *known,
			     const struct known_revocations *news, int64_t now_s,
			     struct known_revocations *ret_all, bool *ret_changed,
			     struct fault *fault)
{
	CLEANUP(clear_known_revocations) struct known_revocations all = {0};
	size_t kept = 0;

	all.items = calloc(known->count + news->count + 1, sizeof(*all.items));
	if (all.items == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < known->count; i++)
		all.items[all.count++] = known->items[i];
	for (size_t i = 0; i < news->count; i++)
		if (find_known_revocation(
			    known, (struct bytes){news->items[i].serial, SERIAL_MAX}) == NULL)
			all.items[all.count++] = from_1970(news->items[i]);
	qsort(all.items, all.count, sizeof(*all.items), compare_revocations);
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i].end_s >= now_s &&
		    (kept == 0 || compare_revocations(&all.items[kept - 1], &all.items[i]) != 0))
			all.items[kept++] = all.items[i];
	*ret_changed = all.count > known->count || kept < known->count;
	all.count = kept;
	MOVE(ret_all, all);
	return 0;
}

static int write_revocations(const struct layout *layout,
			     const struct known_revocations *revocations, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	append_string(&text, "");
	for (size_t i = 0; i < revocations->count; i++) {
		const struct known_revocation *item = &revocations->items[i];

		append_hex(&text, (struct bytes){item->serial, SERIAL_MAX});
		append_format(&text, " %" PRId64 " %" PRId64 " %d\n", item->end_s,
			      item->revoked_at_s, item->reason);
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	if (write_file(layout->state, REVOKED_FILE, STAGE_REPLACE, 0600, bytes_of_buffer(&text),
		       fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

int add_known_revocations(const struct layout *layout, const char *client, enum known_mode mode,
			  const struct known_revocations *news, int64_t now_s, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(clear_known_revocations) struct known_revocations known = {0};
	CLEANUP(clear_known_revocations) struct known_revocations all = {0};
	struct fault failure = {0};
	bool changed = false;

	/* Not the layout's lock, which a long enrolment holds: a revocation is noted at once. */
	if (lock_directory(layout->state, ".", &lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (read_known_revocations(layout, client, &known, &failure) < 0 &&
	    (mode != KNOWN_LEARN || failure.class != FAULT_MALFORMED))
		return pass_fault(&failure, fault);
	if (merge_revocations(&known, news, now_s, &all, &changed, fault) < 0)
		return -1;
	return changed || failure.class != FAULT_NONE ? write_revocations(layout, &all, fault) : 0;
}
