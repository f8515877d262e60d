#include "common/pool/messages/replay_log.h"

#include "common/base/random.h"
#include "common/base/staging.h"
#include "common/crypto/digest.h"
#include "common/wire/claims.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_FILE "seen"

enum { ENTRIES_MIN = 1024, LINES_MIN = 65536, SALT_LEN = 16, SPANS_MAX = 4 };

/* More than twice REPLAY_LOG_MAX lines of at most 48 octets. */
static const size_t log_file_max = (size_t)128 * 1024 * 1024;

/* Stands for the iat of a message that was forgotten (forget_jti). */
static const int64_t forgotten_s = INT64_MIN;

struct replay_entry {
	int64_t iat_s;
	char jti[JTI_SIZE]; /* "" if the entry is free */
};

/*
 * The times of the messages that were dropped: a message of such a time may be one of them. There
 * are several spans, so that messages of a clock that was years ahead do not stand for all the
 * years between.
 */
struct time_span {
	int64_t first_s;
	int64_t last_s;
};
struct dropped_times {
	struct time_span spans[SPANS_MAX + 1]; /* disjoint, in order; at most SPANS_MAX */
	size_t count;
};

/* An open-addressing hash table, and the file that it is loaded from. */
struct replay_log {
	pthread_mutex_t lock;
	const struct layout *layout;
	int descriptor; /* of the file, opened for appending */
	off_t file_len;
	size_t line_count;
	struct replay_entry *entries;
	size_t entry_count; /* a power of two */
	size_t used_count;
	struct dropped_times dropped;
	uint8_t salt[SALT_LEN]; /* keeps a sender from choosing jti that collide */
};

void free_replay_log(struct replay_log **log_pointer)
{
	struct replay_log *log = TAKE(*log_pointer);

	if (log == NULL)
		return;
	close_descriptor(&log->descriptor);
	pthread_mutex_destroy(&log->lock);
	free(log->entries);
	free(log);
}

static size_t hash_jti(const struct replay_log *log, const char *jti)
{
	uint8_t salted[SALT_LEN + JTI_SIZE];
	uint8_t digest[SHA256_LEN];
	size_t hash;

	memcpy(salted, log->salt, SALT_LEN);
	memcpy(salted + SALT_LEN, jti, JTI_SIZE);
	digest_sha256((struct bytes){salted, sizeof(salted)}, digest);
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

/* The entry of the jti, or the free entry where it belongs. */
static struct replay_entry *find_jti(const struct replay_log *log, const char *jti)
{
	size_t mask = log->entry_count - 1;
	size_t at = hash_jti(log, jti) & mask;

	while (log->entries[at].jti[0] != '\0' && strcmp(log->entries[at].jti, jti) != 0)
		at = (at + 1) & mask;
	return &log->entries[at];
}

static bool is_in_window(const struct replay_entry *entry, int64_t now_s)
{
	return entry->jti[0] != '\0' && entry->iat_s != forgotten_s &&
	       now_s - entry->iat_s <= FRESHNESS_WINDOW_S;
}

static size_t count_in_window(const struct replay_log *log, int64_t now_s)
{
	size_t count = 0;

	for (size_t i = 0; i < log->entry_count; i++)
		count += is_in_window(&log->entries[i], now_s) ? 1 : 0;
	return count;
}

static bool was_dropped(const struct dropped_times *times, int64_t iat_s)
{
	for (size_t i = 0; i < times->count; i++)
		if (times->spans[i].first_s <= iat_s && iat_s <= times->spans[i].last_s)
			return true;
	return false;
}

/* The index of the span that is nearest to the one after it. There are at least two. */
static size_t find_narrowest_gap(const struct dropped_times *times, int64_t *ret_gap_s)
{
	size_t narrowest = 0;

	*ret_gap_s = INT64_MAX;
	for (size_t i = 0; i + 1 < times->count; i++) {
		int64_t gap_s = times->spans[i + 1].first_s - times->spans[i].last_s;

		if (gap_s >= *ret_gap_s)
			continue;
		*ret_gap_s = gap_s;
		narrowest = i;
	}
	return narrowest;
}

static void join_spans(struct dropped_times *times, size_t index)
{
	struct time_span *spans = times->spans;

	if (spans[index].last_s < spans[index + 1].last_s)
		spans[index].last_s = spans[index + 1].last_s;
	times->count--;
	memmove(&spans[index + 1], &spans[index + 2], (times->count - index - 1) * sizeof(*spans));
}

/* Adds a span. Those that are no further apart than the window become one, and the nearest ones
   when there are too many. */
static void add_dropped(struct dropped_times *times, struct time_span span)
{
	size_t at = times->count;

	for (; at > 0 && times->spans[at - 1].first_s > span.first_s; at--)
		times->spans[at] = times->spans[at - 1];
	times->spans[at] = span;
	times->count++;
	while (times->count > 1) {
		int64_t gap_s;
		size_t narrowest = find_narrowest_gap(times, &gap_s);

		if (gap_s > FRESHNESS_WINDOW_S && times->count <= SPANS_MAX)
			return;
		join_spans(times, narrowest);
	}
}

/* Moves the entries that are within the window to a new table of at least twice their number. */
static int rebuild_table(struct replay_log *log, size_t window_count, int64_t now_s,
			 struct fault *fault)
{
	struct replay_entry *old = log->entries;
	size_t old_count = log->entry_count;
	size_t entry_count = ENTRIES_MIN;
	struct replay_entry *entries;

	while (entry_count < 2 * (window_count + 1))
		entry_count *= 2;
	entries = calloc(entry_count, sizeof(*entries));
	if (entries == NULL)
		return set_memory_fault(fault);
	log->entries = entries;
	log->entry_count = entry_count;
	log->used_count = window_count;
	for (size_t i = 0; i < old_count; i++) {
		if (is_in_window(&old[i], now_s))
			*find_jti(log, old[i].jti) = old[i];
		else if (old[i].jti[0] != '\0' && old[i].iat_s != forgotten_s &&
			 !was_dropped(&log->dropped, old[i].iat_s))
			add_dropped(&log->dropped, (struct time_span){old[i].iat_s, old[i].iat_s});
	}
	free(old);
	return 0;
}

/* Replaces the file by one made from the table, and opens it for appending. */
static int rewrite_file(struct replay_log *log, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	size_t line_count = 0;
	int descriptor;

	append_string(&text, "");
	for (size_t i = 0; i < log->dropped.count; i++)
		append_format(&text, "=%" PRId64 " %" PRId64 "\n", log->dropped.spans[i].first_s,
			      log->dropped.spans[i].last_s);
	for (size_t i = 0; i < log->entry_count; i++) {
		if (log->entries[i].jti[0] == '\0' || log->entries[i].iat_s == forgotten_s)
			continue;
		append_format(&text, "%" PRId64 " %s\n", log->entries[i].iat_s,
			      log->entries[i].jti);
		line_count++;
	}
	if (check_buffer(&text, fault) < 0 ||
	    write_file(log->layout->state, LOG_FILE, STAGE_REPLACE, 0600, bytes_of_buffer(&text),
		       fault) < 0)
		return -1;
	descriptor =
		openat(log->layout->state, LOG_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return set_errno_fault(fault, LOG_FILE ": cannot be opened");
	close_descriptor(&log->descriptor);
	log->descriptor = descriptor;
	log->file_len = (off_t)text.len;
	log->line_count = line_count;
	return 0;
}

/* Makes room for one more entry. A full table drops the entries outside the window. */
static int make_room(struct replay_log *log, int64_t now_s, struct fault *fault)
{
	size_t window_count;

	if (log->used_count < REPLAY_LOG_MAX && (log->used_count + 1) * 4 <= log->entry_count * 3)
		return 0;
	window_count = count_in_window(log, now_s);
	if (window_count >= REPLAY_LOG_MAX)
		return set_fault(fault, FAULT_BUSY,
				 "%d messages were taken within %d s: try again later",
				 REPLAY_LOG_MAX, FRESHNESS_WINDOW_S);
	return rebuild_table(log, window_count, now_s, fault);
}

static int append_line(struct replay_log *log, const char *sign, int64_t iat_s, const char *jti,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer line = {0};

	append_format(&line, "%s%" PRId64 " %s\n", sign, iat_s, jti);
	if (check_buffer(&line, fault) < 0)
		return -1;
	if (write_stream(log->descriptor, LOG_FILE, bytes_of_buffer(&line), fault) < 0) {
		/* Part of a line would corrupt the next one. */
		if (ftruncate(log->descriptor, log->file_len) < 0)
			return prefix_fault(fault, "the file could not be repaired either");
		return -1;
	}
	log->file_len += (off_t)line.len;
	log->line_count++;
	return 0;
}

/* Rewrites the file once most of its lines are outside the window. */
static int compact_file(struct replay_log *log, int64_t now_s, struct fault *fault)
{
	size_t window_count;

	if (log->line_count < LINES_MIN || log->line_count < 2 * log->used_count)
		return 0;
	window_count = count_in_window(log, now_s);
	if (rebuild_table(log, window_count, now_s, fault) < 0)
		return -1;
	return rewrite_file(log, fault);
}

static int remember(struct replay_log *log, const char *jti, int64_t iat_s, int64_t now_s,
		    bool *ret_new, struct fault *fault)
{
	struct replay_entry *entry = find_jti(log, jti);
	bool known = entry->jti[0] != '\0' && entry->iat_s != forgotten_s;

	/* A message of the time of dropped ones is within the window only if the clock went back:
	   it may be one of them. */
	if (known || was_dropped(&log->dropped, iat_s)) {
		*ret_new = false;
		return 0;
	}
	if (make_room(log, now_s, fault) < 0 || compact_file(log, now_s, fault) < 0 ||
	    append_line(log, "", iat_s, jti, fault) < 0)
		return -1;
	entry = find_jti(log, jti);
	log->used_count += entry->jti[0] == '\0' ? 1 : 0;
	entry->iat_s = iat_s;
	memcpy(entry->jti, jti, JTI_SIZE);
	*ret_new = true;
	return 0;
}

int remember_jti(struct replay_log *log, const char *jti, int64_t iat_s, int64_t now_s,
		 bool *ret_new, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&log->lock);
	result = remember(log, jti, iat_s, now_s, ret_new, fault);
	pthread_mutex_unlock(&log->lock);
	return result < 0 ? prefix_fault(fault, "%s/state", log->layout->path) : 0;
}

int forget_jti(struct replay_log *log, const char *jti, struct fault *fault)
{
	struct replay_entry *entry;
	int result = 0;

	pthread_mutex_lock(&log->lock);
	entry = find_jti(log, jti);
	if (entry->jti[0] != '\0' && entry->iat_s != forgotten_s) {
		result = append_line(log, "-", entry->iat_s, jti, fault);
		entry->iat_s = forgotten_s;
	}
	pthread_mutex_unlock(&log->lock);
	return result < 0 ? prefix_fault(fault, "%s/state", log->layout->path) : 0;
}

/* Reads FIRST and LAST; false if the line is something else. */
static bool read_span(const char *text, struct time_span *ret_span)
{
	size_t first_len = strspn(text, "0123456789");
	const char *last = text + first_len + 1;
	size_t last_len;

	if (first_len == 0 || first_len > 12 || text[first_len] != ' ')
		return false;
	last_len = strspn(last, "0123456789");
	ret_span->first_s = strtoll(text, NULL, 10);
	ret_span->last_s = strtoll(last, NULL, 10);
	return last_len > 0 && last_len <= 12 && last[last_len] == '\0' &&
	       ret_span->first_s <= ret_span->last_s;
}

/* Adds one line of the file, without its line feed, to the table. */
static int read_entry(struct replay_log *log, const char *line, size_t number, int64_t now_s,
		      struct fault *fault)
{
	bool forgotten = line[0] == '-';
	const char *digits = line + (forgotten ? 1 : 0);
	size_t digit_count = strspn(digits, "0123456789");
	const char *jti = digits + digit_count + 1;
	struct replay_entry *entry;
	struct time_span span;

	if (line[0] == '=' && read_span(line + 1, &span)) {
		add_dropped(&log->dropped, span);
		return 0;
	}
	if (digit_count == 0 || digit_count > 12 || digits[digit_count] != ' ' || !valid_jti(jti))
		return set_fault(fault, FAULT_MALFORMED,
				 LOG_FILE ":%zu: expected \"IAT JTI\": if the file is moved away, "
					  "the messages of the last %d s could be taken twice",
				 number, FRESHNESS_WINDOW_S);
	if (make_room(log, now_s, fault) < 0)
		return -1;
	entry = find_jti(log, jti);
	log->used_count += entry->jti[0] == '\0' ? 1 : 0;
	entry->iat_s = forgotten ? forgotten_s : strtoll(digits, NULL, 10);
	memcpy(entry->jti, jti, JTI_SIZE);
	return 0;
}

static int load_file(struct replay_log *log, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	size_t number = 1;
	char *line;
	char *last;
	char *end;
	bool found;

	if (find_file(log->layout->state, LOG_FILE, &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	if (read_file(log->layout->state, LOG_FILE, log_file_max, &text, fault) < 0)
		return -1;
	line = (char *)text.data;
	last = line + text.len;
	/* A last line without a line feed was cut short when the process was killed. */
	while ((end = memchr(line, '\n', (size_t)(last - line))) != NULL) {
		*end = '\0';
		if (read_entry(log, line, number++, now_s, fault) < 0)
			return -1;
		line = end + 1;
	}
	return 0;
}

int open_replay_log(const struct layout *layout, int64_t now_s, struct replay_log **ret_log,
		    struct fault *fault)
{
	CLEANUP(free_replay_log) struct replay_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&log->lock, NULL);
	log->layout = layout;
	log->descriptor = -1;
	if (fill_random(log->salt, sizeof(log->salt), fault) < 0 ||
	    rebuild_table(log, 0, now_s, fault) < 0)
		return -1;
	if (sweep_staging(layout->state, fault) < 0 || load_file(log, now_s, fault) < 0 ||
	    rebuild_table(log, count_in_window(log, now_s), now_s, fault) < 0 ||
	    rewrite_file(log, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	*ret_log = TAKE(log);
	return 0;
}
