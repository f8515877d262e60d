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

#define SEEN_FILE "seen"

enum { LEAST_SLOTS = 1024, LEAST_LINES = 65536, SALT_LEN = 16 };

/* Twice SEEN_MAX lines and some, of at most 48 octets each. */
static const size_t seen_file_max = (size_t)128 * 1024 * 1024;

/* The iat of a message that was taken back. */
static const int64_t forgotten_s = INT64_MIN;

struct slot {
	int64_t iat_s;
	char jti[JTI_SIZE]; /* "" when the slot is free */
};

/* An open-addressing table in memory, and the file that it can be made from again. */
struct replay_log {
	pthread_mutex_t lock;
	const struct layout *layout;
	int descriptor; /* of the file, for appending */
	off_t file_len;
	size_t line_count;
	struct slot *slots;
	size_t slot_count; /* a power of two */
	size_t used;
	int64_t dropped_until_s; /* the latest iat of those that were dropped */
	uint8_t salt[SALT_LEN];  /* so that nobody can choose jti that collide */
};

void free_replay_log(struct replay_log **seen_pointer)
{
	struct replay_log *seen = TAKE(*seen_pointer);

	if (seen == NULL)
		return;
	close_descriptor(&seen->descriptor);
	pthread_mutex_destroy(&seen->lock);
	free(seen->slots);
	free(seen);
}

static size_t hash_jti(const struct replay_log *seen, const char *jti)
{
	uint8_t salted[SALT_LEN + JTI_SIZE];
	uint8_t digest[SHA256_LEN];
	size_t hash;

	memcpy(salted, seen->salt, SALT_LEN);
	memcpy(salted + SALT_LEN, jti, JTI_SIZE);
	digest_sha256((struct bytes){salted, sizeof(salted)}, digest);
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

/* The slot that has the jti, or the free one where it belongs. */
static struct slot *find_slot(const struct replay_log *seen, const char *jti)
{
	size_t mask = seen->slot_count - 1;
	size_t at = hash_jti(seen, jti) & mask;

	while (seen->slots[at].jti[0] != '\0' && strcmp(seen->slots[at].jti, jti) != 0)
		at = (at + 1) & mask;
	return &seen->slots[at];
}

static bool is_live(const struct slot *slot, int64_t now_s)
{
	return slot->jti[0] != '\0' && slot->iat_s != forgotten_s &&
	       now_s - slot->iat_s <= FRESHNESS_WINDOW_S;
}

static size_t count_live(const struct replay_log *seen, int64_t now_s)
{
	size_t count = 0;

	for (size_t i = 0; i < seen->slot_count; i++)
		count += is_live(&seen->slots[i], now_s) ? 1 : 0;
	return count;
}

/* Moves what is still within the window to a new table of at least twice the size. */
static int rebuild_table(struct replay_log *seen, size_t live_count, int64_t now_s,
			 struct fault *fault)
{
	struct slot *old = seen->slots;
	size_t old_count = seen->slot_count;
	size_t slot_count = LEAST_SLOTS;
	struct slot *slots;

	while (slot_count < 2 * (live_count + 1))
		slot_count *= 2;
	slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return set_memory_fault(fault);
	seen->slots = slots;
	seen->slot_count = slot_count;
	seen->used = live_count;
	for (size_t i = 0; i < old_count; i++) {
		if (is_live(&old[i], now_s))
			*find_slot(seen, old[i].jti) = old[i];
		else if (old[i].jti[0] != '\0' && old[i].iat_s > seen->dropped_until_s)
			seen->dropped_until_s = old[i].iat_s;
	}
	free(old);
	return 0;
}

/* Writes the file anew from the table, and opens it for appending. */
static int rewrite_file(struct replay_log *seen, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	size_t line_count = 0;
	int descriptor;

	append_string(&text, "");
	for (size_t i = 0; i < seen->slot_count; i++) {
		if (seen->slots[i].jti[0] == '\0' || seen->slots[i].iat_s == forgotten_s)
			continue;
		append_format(&text, "%" PRId64 " %s\n", seen->slots[i].iat_s, seen->slots[i].jti);
		line_count++;
	}
	if (check_buffer(&text, fault) < 0 ||
	    write_file(seen->layout->state, SEEN_FILE, STAGE_REPLACE, 0600, bytes_of_buffer(&text),
		       fault) < 0)
		return -1;
	descriptor = openat(seen->layout->state, SEEN_FILE,
			    O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return set_errno_fault(fault, SEEN_FILE ": cannot be opened");
	close_descriptor(&seen->descriptor);
	seen->descriptor = descriptor;
	seen->file_len = (off_t)text.len;
	seen->line_count = line_count;
	return 0;
}

/* Sees to it that one more fits; what has left the window goes when there is no room. */
static int make_room(struct replay_log *seen, int64_t now_s, struct fault *fault)
{
	size_t live_count;

	if (seen->used < SEEN_MAX && (seen->used + 1) * 4 <= seen->slot_count * 3)
		return 0;
	live_count = count_live(seen, now_s);
	if (live_count >= SEEN_MAX)
		return set_fault(fault, FAULT_BUSY,
				 "%d messages were taken within %d s: try again later", SEEN_MAX,
				 FRESHNESS_WINDOW_S);
	return rebuild_table(seen, live_count, now_s, fault);
}

static int append_line(struct replay_log *seen, const char *sign, int64_t iat_s, const char *jti,
		       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer line = {0};

	append_format(&line, "%s%" PRId64 " %s\n", sign, iat_s, jti);
	if (check_buffer(&line, fault) < 0)
		return -1;
	if (write_stream(seen->descriptor, SEEN_FILE, bytes_of_buffer(&line), fault) < 0) {
		/* Half a line would spoil the next one. */
		if (ftruncate(seen->descriptor, seen->file_len) < 0)
			return prefix_fault(fault, "the file could not be mended either");
		return -1;
	}
	seen->file_len += (off_t)line.len;
	seen->line_count++;
	return 0;
}

/* The file keeps what has left the window until it is mostly that. */
static int compact_file(struct replay_log *seen, int64_t now_s, struct fault *fault)
{
	size_t live_count;

	if (seen->line_count < LEAST_LINES || seen->line_count < 2 * seen->used)
		return 0;
	live_count = count_live(seen, now_s);
	if (rebuild_table(seen, live_count, now_s, fault) < 0)
		return -1;
	return rewrite_file(seen, fault);
}

static int remember(struct replay_log *seen, const char *jti, int64_t iat_s, int64_t now_s,
		    bool *ret_new, struct fault *fault)
{
	struct slot *slot = find_slot(seen, jti);
	bool known = slot->jti[0] != '\0' && slot->iat_s != forgotten_s;

	/*
	 * One as old as those that were dropped is within the window only when the clock went
	 * back: it may have been among them.
	 */
	if (known || iat_s <= seen->dropped_until_s) {
		*ret_new = false;
		return 0;
	}
	if (make_room(seen, now_s, fault) < 0 || compact_file(seen, now_s, fault) < 0 ||
	    append_line(seen, "", iat_s, jti, fault) < 0)
		return -1;
	slot = find_slot(seen, jti);
	seen->used += slot->jti[0] == '\0' ? 1 : 0;
	slot->iat_s = iat_s;
	memcpy(slot->jti, jti, JTI_SIZE);
	*ret_new = true;
	return 0;
}

int remember_jti(struct replay_log *seen, const char *jti, int64_t iat_s, int64_t now_s,
		 bool *ret_new, struct fault *fault)
{
	int result;

	pthread_mutex_lock(&seen->lock);
	result = remember(seen, jti, iat_s, now_s, ret_new, fault);
	pthread_mutex_unlock(&seen->lock);
	return result < 0 ? prefix_fault(fault, "%s/state", seen->layout->path) : 0;
}

int forget_jti(struct replay_log *seen, const char *jti, struct fault *fault)
{
	struct slot *slot;
	int result = 0;

	pthread_mutex_lock(&seen->lock);
	slot = find_slot(seen, jti);
	if (slot->jti[0] != '\0' && slot->iat_s != forgotten_s) {
		result = append_line(seen, "-", slot->iat_s, jti, fault);
		slot->iat_s = forgotten_s;
	}
	pthread_mutex_unlock(&seen->lock);
	return result < 0 ? prefix_fault(fault, "%s/state", seen->layout->path) : 0;
}

/* Takes one line of the file, without its line feed, into the table. */
static int read_entry(struct replay_log *seen, const char *line, size_t number, int64_t now_s,
		      struct fault *fault)
{
	bool forgotten = line[0] == '-';
	const char *digits = line + (forgotten ? 1 : 0);
	size_t digit_count = strspn(digits, "0123456789");
	const char *jti = digits + digit_count + 1;
	struct slot *slot;

	if (digit_count == 0 || digit_count > 12 || digits[digit_count] != ' ' || !valid_jti(jti))
		return set_fault(fault, FAULT_MALFORMED,
				 SEEN_FILE ":%zu: expected \"IAT JTI\": if the file is moved away, "
					   "the messages of the last %d s could be taken twice",
				 number, FRESHNESS_WINDOW_S);
	if (make_room(seen, now_s, fault) < 0)
		return -1;
	slot = find_slot(seen, jti);
	seen->used += slot->jti[0] == '\0' ? 1 : 0;
	slot->iat_s = forgotten ? forgotten_s : strtoll(digits, NULL, 10);
	memcpy(slot->jti, jti, JTI_SIZE);
	return 0;
}

static int load_file(struct replay_log *seen, int64_t now_s, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	size_t number = 1;
	char *line;
	char *last;
	char *end;

	if (!file_exists(seen->layout->state, SEEN_FILE))
		return 0;
	if (read_file(seen->layout->state, SEEN_FILE, seen_file_max, &text, fault) < 0)
		return -1;
	line = (char *)text.data;
	last = line + text.len;
	/* What follows the last line feed was being written when the process was killed. */
	while ((end = memchr(line, '\n', (size_t)(last - line))) != NULL) {
		*end = '\0';
		if (read_entry(seen, line, number++, now_s, fault) < 0)
			return -1;
		line = end + 1;
	}
	return 0;
}

int open_replay_log(const struct layout *layout, int64_t now_s, struct replay_log **ret_seen,
		    struct fault *fault)
{
	CLEANUP(free_replay_log) struct replay_log *seen = calloc(1, sizeof(*seen));

	if (seen == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&seen->lock, NULL);
	seen->layout = layout;
	seen->descriptor = -1;
	seen->dropped_until_s = forgotten_s;
	if (fill_random(seen->salt, sizeof(seen->salt), fault) < 0 ||
	    rebuild_table(seen, 0, now_s, fault) < 0)
		return -1;
	if (sweep_staging(layout->state, fault) < 0 || load_file(seen, now_s, fault) < 0 ||
	    rebuild_table(seen, count_live(seen, now_s), now_s, fault) < 0 ||
	    rewrite_file(seen, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	*ret_seen = TAKE(seen);
	return 0;
}
