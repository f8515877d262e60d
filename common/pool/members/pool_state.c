#include "common/pool/members/pool_state.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/staging.h"
#include "common/pool/members/pool_state_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define HEAD_FORMAT "certpool pool 1 %020" PRIu64 " %020" PRIu64 "\n"

#define STATE_TIME_MAX (INT64_MAX / 2) /* so that a duration can be added */

enum { STATE_MAX = 64 * 1024 * 1024, HEAD_LEN = 58, LINE_SIZE = 640 };

/* The file's number and time of birth, which no copy of it has. 0 where the file system knows no
   time of birth. */
struct identity {
	uint64_t inode;
	uint64_t born_ns;
};

static int identify(int file, struct identity *ret_identity, struct fault *fault)
{
	struct statx status;

	if (statx(file, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) < 0)
		return set_errno_fault(fault, POOL_STATE_FILE);
	*ret_identity = (struct identity){.inode = status.stx_ino};
	if ((status.stx_mask & STATX_BTIME) != 0)
		ret_identity->born_ns = (uint64_t)status.stx_btime.tv_sec * UINT64_C(1000000000) +
					status.stx_btime.tv_nsec;
	return 0;
}

int read_boot(char ret_boot[static BOOT_SIZE], struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct fault unread = {0};

	if (read_file(AT_FDCWD, BOOT_FILE, BOOT_SIZE, &text, &unread) < 0 &&
	    unread.class != FAULT_NOT_FOUND)
		return pass_fault(&unread, fault);
	append_string(&text, ""); /* with its end, also without a file */
	if (check_buffer(&text, fault) < 0)
		return -1;
	(void)snprintf(ret_boot, BOOT_SIZE, "%-36.36s", (const char *)text.data);
	for (size_t i = 0; i + 1 < BOOT_SIZE; i++)
		if (hex_value(ret_boot[i]) < 0)
			ret_boot[i] = '-';
	return 0;
}

void clear_pool_state(struct pool_state *state)
{
	free(state->peers);
	free(state->marks);
	*state = (struct pool_state){0};
}

static bool parse_order(const char *text, struct pool_order *ret_order)
{
	struct pool_order order = {0};
	char seed[2 * SEED_LEN + 1];
	uint64_t count;
	uint64_t hold;

	if (!cut_word(&text, "order") || strcspn(text, " ") != BOOT_SIZE - 1)
		return false;
	memcpy(order.boot, text, BOOT_SIZE - 1);
	text += BOOT_SIZE;
	if (strcspn(text, " ") != sizeof(seed) - 1)
		return false;
	memcpy(seed, text, sizeof(seed) - 1);
	seed[sizeof(seed) - 1] = '\0';
	text += sizeof(seed);
	if (!parse_hex(seed, order.seed, SEED_LEN) ||
	    !cut_number(&text, ' ', POOL_SIZE_MAX, &count) ||
	    !cut_number(&text, ' ', HOLD_MESSAGES_MAX, &hold) ||
	    !cut_number(&text, '\0', count * hold, &order.position))
		return false;
	order.count = (size_t)count;
	order.hold = (size_t)hold;
	*ret_order = order;
	return true;
}

static void format_order(const struct pool_order *order, char ret_text[static LINE_SIZE])
{
	char seed[2 * SEED_LEN + 1];

	format_hex((struct bytes){order->seed, SEED_LEN}, seed);
	(void)snprintf(ret_text, LINE_SIZE, "order %-36.36s %s %010zu %010zu %020" PRIu64 "\n",
		       order->boot[0] != '\0' ? order->boot
					      : "------------------------------------",
		       seed, order->count, order->hold, order->position);
}

static bool parse_current(const char *text, struct pool_state *state)
{
	uint64_t since;

	if (state->current != 0 || !cut_word(&text, "current") ||
	    !cut_member(&text, ' ', &state->current) ||
	    !cut_number(&text, '\0', STATE_TIME_MAX, &since))
		return false;
	state->current_since_s = (int64_t)since;
	return true;
}

static int parse_peer(const char *text, struct pool_state *state, bool *ret_valid,
		      struct fault *fault)
{
	char name[NAME_SIZE] = "";
	size_t len;
	size_t member;

	*ret_valid = false;
	if (!cut_word(&text, "peer"))
		return 0;
	len = strcspn(text, " ");
	if (len >= sizeof(name) || text[len] != ' ')
		return 0;
	memcpy(name, text, len);
	text += len + 1;
	if (!valid_name(name) || !cut_member(&text, '\0', &member))
		return 0;
	*ret_valid = true;
	return add_pool_peer(state, name, member, fault);
}

static int parse_last(const char *text, struct pool_state *state, bool *ret_valid,
		      struct fault *fault)
{
	size_t last;

	*ret_valid = state->last == 0 && cut_word(&text, "last") && cut_member(&text, '\0', &last);
	return *ret_valid ? extend_numbers(state, last, fault) : 0;
}

static bool parse_windows(const char *text, struct pool_state *state)
{
	struct pool_windows windows = {0};
	uint64_t begin;
	uint64_t every;
	uint64_t overlap;

	if (state->window_numbers.first != 0 || !cut_word(&text, "windows") ||
	    !cut_number(&text, ' ', STATE_TIME_MAX, &begin) ||
	    !cut_number(&text, ' ', CENTURY_S, &every) || every == 0 || begin % every != 0 ||
	    !cut_number(&text, ' ', every - 1, &overlap) ||
	    !cut_member(&text, ' ', &windows.members) ||
	    !cut_member(&text, '\0', &state->window_numbers.first))
		return false;
	windows.every_s = (int64_t)every;
	windows.overlap_s = (int64_t)overlap;
	state->windows = windows;
	state->window_numbers.begin_s = (int64_t)begin;
	return true;
}

static bool parse_doubtful(const char *text, struct pool_state *state)
{
	bool found = strcmp(text, "doubtful") == 0;

	state->doubtful = state->doubtful || found;
	return found;
}

static bool parse_since(const char *text, struct pool_state *state)
{
	uint64_t time;

	if (state->first_used_s != 0 || !cut_word(&text, "since") ||
	    !cut_number(&text, '\0', STATE_TIME_MAX, &time))
		return false;
	state->first_used_s = (int64_t)time;
	return true;
}

static bool parse_failed(const char *text, struct pool_state *state)
{
	uint64_t time;
	uint64_t count;

	if (state->failures > 0 || !cut_word(&text, "failed") ||
	    !cut_number(&text, ' ', STATE_TIME_MAX, &time) ||
	    !cut_number(&text, ' ', FAILURES_MAX, &count) || count == 0)
		return false;
	state->failed_at_s = (int64_t)time;
	state->failures = (size_t)count;
	(void)snprintf(state->failure, sizeof(state->failure), "%.511s", text);
	return true;
}

static int parse_line(const char *line, size_t number, struct pool_state *state,
		      struct fault *fault)
{
	bool valid;

	if (number == 1 ? parse_order(line, &state->order)
			: parse_current(line, state) || parse_marks(line, state) ||
				  parse_windows(line, state) || parse_doubtful(line, state) ||
				  parse_since(line, state) || parse_failed(line, state))
		return 0;
	if (number > 1) {
		if (parse_peer(line, state, &valid, fault) < 0 ||
		    (!valid && parse_last(line, state, &valid, fault) < 0))
			return -1;
		if (valid)
			return 0;
	}
	return set_fault(fault, FAULT_MALFORMED, "line %zu: expected \"%s\", found \"%.80s\"",
			 number + 1,
			 number == 1 ? "order BOOT SEED COUNT HOLD POSITION"
				     : "current MEMBER SINCE\", \"peer NAME MEMBER\", \"last "
				       "NUMBER\", \"used FIRST LAST\", \"retired FIRST LAST\", "
				       "\"marks FIRST MARKS\", "
				       "\"windows BEGIN EVERY OVERLAP MEMBERS FIRST\", "
				       "\"doubtful\", \"since TIME\" or \"failed TIME COUNT REASON",
			 line);
}

int parse_pool_state(struct bytes text, struct pool_state *ret_state, struct fault *fault)
{
	CLEANUP(clear_pool_state) struct pool_state state = {0};
	char line[LINE_SIZE];

	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return set_fault(fault, FAULT_MALFORMED, "expected a line end at the end");
	for (size_t number = 1; text.len > 0; number++) {
		struct bytes next = cut_line(&text);

		if (next.len >= sizeof(line) || memchr(next.data, '\0', next.len) != NULL)
			return set_fault(fault, FAULT_MALFORMED,
					 "line %zu: expected at most %zu characters", number + 1,
					 sizeof(line) - 1);
		memcpy(line, next.data, next.len);
		line[next.len] = '\0';
		if (parse_line(line, number, &state, fault) < 0)
			return -1;
	}
	MOVE(ret_state, state);
	return 0;
}

/* Reads the first line, which every certpool writes in this form. */
static int parse_head(struct bytes *text, struct identity *ret_identity, struct fault *fault)
{
	char line[HEAD_LEN] = "";
	const char *rest = line;

	if (text->len >= HEAD_LEN && text->data[HEAD_LEN - 1] == '\n')
		memcpy(line, text->data, HEAD_LEN - 1);
	if (!cut_word(&rest, "certpool") || !cut_word(&rest, "pool") || !cut_word(&rest, "1") ||
	    !cut_number(&rest, ' ', UINT64_MAX, &ret_identity->inode) ||
	    !cut_number(&rest, '\0', UINT64_MAX, &ret_identity->born_ns))
		return set_fault(fault, FAULT_MALFORMED,
				 "line 1: expected \"certpool pool 1 INODE BORN\", found \"%s\"",
				 line);
	text->data += HEAD_LEN;
	text->len -= HEAD_LEN;
	return 0;
}

int lock_pool_state(const struct layout *layout, int *ret_lock, struct fault *fault)
{
	if (lock_directory(layout->state, ".", ret_lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

int begin_turn(const struct layout *layout, int *lock, struct fault *fault)
{
	if (*lock < 0)
		return lock_pool_state(layout, lock, fault);
	while (flock(*lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return set_errno_fault(fault, "%s/state: cannot be locked", layout->path);
	return 0;
}

void end_turn(int lock)
{
	(void)flock(lock, LOCK_UN);
}

/* *ret_file is -1 if there is none. */
static int open_state(const struct layout *layout, int flags, int *ret_file, struct fault *fault)
{
	int file = openat(layout->state, POOL_STATE_FILE,
			  flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (file < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s/state/" POOL_STATE_FILE, layout->path);
	*ret_file = file;
	return 0;
}

int read_pool_state(const struct layout *layout, const char *client, struct pool_state *ret_state,
		    struct fault *fault)
{
	CLEANUP(close_descriptor) int file = -1;
	CLEANUP(clear_buffer) struct buffer content = {0};
	struct identity written;
	struct identity own;
	struct fault problem = {0};
	struct bytes text;

	if (open_state(layout, O_RDONLY, &file, fault) < 0)
		return -1;
	if (file < 0) {
		*ret_state = (struct pool_state){0};
		return 0;
	}
	if (identify(file, &own, fault) < 0 ||
	    read_stream(file, POOL_STATE_FILE, STATE_MAX, &content, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	text = bytes_of_buffer(&content);
	if (parse_head(&text, &written, &problem) < 0 ||
	    parse_pool_state(text, ret_state, &problem) < 0)
		return set_fault(fault, problem.class,
				 "%s/state/" POOL_STATE_FILE
				 ": %s: it says which members of %s have signed; put a whole one "
				 "back, or remove it: without it receivers get other members, and "
				 "with once_only all count as used",
				 layout->path, problem.text, client);
	ret_state->copied = written.inode != own.inode || written.born_ns != own.born_ns;
	if (ret_state->copied)
		ret_state->order = (struct pool_order){0};
	if (ret_state->copied && ret_state->last > 0)
		ret_state->doubtful = true;
	return 0;
}

static void append_state(const struct pool_state *state, struct buffer *text)
{
	char order[LINE_SIZE];

	format_order(&state->order, order);
	append_string(text, order);
	if (state->current != 0)
		append_format(text, "current %zu %" PRId64 "\n", state->current,
			      state->current_since_s);
	for (size_t i = 0; i < state->peer_count; i++)
		append_format(text, "peer %s %zu\n", state->peers[i].name, state->peers[i].member);
	if (state->last > 0)
		append_format(text, "last %zu\n", state->last);
	append_marks(state, text);
	if (state->window_numbers.first > 0)
		append_format(text, "windows %" PRId64 " %" PRId64 " %" PRId64 " %zu %zu\n",
			      state->window_numbers.begin_s, state->windows.every_s,
			      state->windows.overlap_s, state->windows.members,
			      state->window_numbers.first);
	if (state->doubtful)
		append_string(text, "doubtful\n");
	if (state->first_used_s > 0)
		append_format(text, "since %" PRId64 "\n", state->first_used_s);
	if (state->failures > 0)
		append_format(text, "failed %" PRId64 " %zu %s\n", state->failed_at_s,
			      state->failures, state->failure);
}

int write_pool_state(const struct layout *layout, const struct pool_state *state,
		     struct fault *fault)
{
	CLEANUP(free_staging) struct staging *staging = NULL;
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(close_descriptor) int file = -1;
	struct identity own;

	if (new_staging(&staging, fault) < 0 ||
	    stage_unnamed(staging, layout->state, POOL_STATE_FILE, STAGE_REPLACE, 0600, &file,
			  fault) < 0 ||
	    identify(file, &own, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	append_format(&text, HEAD_FORMAT, own.inode, own.born_ns);
	append_state(state, &text);
	if (check_buffer(&text, fault) < 0 ||
	    write_stream(file, POOL_STATE_FILE, bytes_of_buffer(&text), fault) < 0 ||
	    commit_staging(staging, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

int open_pool_order(const struct layout *layout, int *ret_file, struct fault *fault)
{
	return open_state(layout, O_RDWR, ret_file, fault);
}

int find_pool_state(const struct layout *layout, int file, bool *ret_same, struct fault *fault)
{
	struct stat named = {0};
	struct stat own = {0};

	if (fstatat(layout->state, POOL_STATE_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT)
		return set_errno_fault(fault, "%s/state/" POOL_STATE_FILE, layout->path);
	if (file >= 0 && fstat(file, &own) < 0)
		return set_errno_fault(fault, "%s/state/" POOL_STATE_FILE, layout->path);
	*ret_same = file >= 0 && named.st_ino == own.st_ino && named.st_dev == own.st_dev;
	return 0;
}

int read_pool_order(int file, struct pool_order *ret_order, struct fault *fault)
{
	char text[LINE_SIZE];
	ssize_t len = pread(file, text, sizeof(text) - 1, HEAD_LEN);

	if (len < 0)
		return set_errno_fault(fault, "state/" POOL_STATE_FILE);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!parse_order(text, ret_order))
		return set_fault(fault, FAULT_MALFORMED,
				 "state/" POOL_STATE_FILE ": line 2: expected \"order BOOT SEED "
				 "COUNT HOLD POSITION\"");
	return 0;
}

int write_pool_order(int file, const struct pool_order *order, struct fault *fault)
{
	char text[LINE_SIZE];
	size_t len;

	format_order(order, text);
	len = strlen(text);
	if (pwrite(file, text, len, HEAD_LEN) != (ssize_t)len)
		return set_errno_fault(fault, "state/" POOL_STATE_FILE);
	return 0;
}
