#include "common/ca/signer/signed_log.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/staging.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/issuers.h"
#include "common/x509/certificate_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char lock_name[] = "signed";
static const char log_name[] = SIGNED_LOG_FILE;

static const char *const kind_names[SIGNED_KIND_COUNT] = {
	[SIGNED_CERTIFICATE] = "certificate",
	[SIGNED_RESPONDER] = "responder",
	[SIGNED_AUTHORITY] = "authority",
	[SIGNED_CRL] = "crl",
};

enum { LINE_MAX_LEN = 256 };

static int set_log_fault(const struct layout *layout, const char *what, struct fault *fault)
{
	return set_errno_fault(fault, "%s/state/%s: %s", layout->path, log_name, what);
}

static int lock_log(const struct layout *layout, int *ret_lock, struct fault *fault)
{
	if (lock_file(layout->state, lock_name, LOCK_WAIT, ret_lock, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

/* --- a line --- */

static void append_line(struct buffer *text, const struct signed_line *line)
{
	char time[TIME_TEXT_SIZE];
	char end[TIME_TEXT_SIZE];
	char number[SERIAL_TEXT_SIZE];
	char digest[SHA256_TEXT_SIZE];

	format_time(line->time_s, time);
	format_time(line->end_s, end);
	format_hex((struct bytes){line->number, SERIAL_MAX}, number);
	format_sha256(line->sha256, digest);
	append_format(text, "%s %s %s %s %s\n", time, kind_names[line->kind], number, end, digest);
}

static bool parse_kind(const char *name, enum signed_kind *ret_kind)
{
	for (int kind = 0; kind < SIGNED_KIND_COUNT; kind++)
		if (strcmp(kind_names[kind], name) == 0) {
			*ret_kind = (enum signed_kind)kind;
			return true;
		}
	return false;
}

/* Shape: text is a line without its line end. */
static bool parse_line(char *text, struct signed_line *ret_line)
{
	enum { FIELDS = 5 };
	char *fields[FIELDS];
	struct fault ignored = {0};

	for (int i = 0; i < FIELDS; i++) {
		fields[i] = text;
		text = strchrnul(text, ' ');
		if ((*text == '\0') != (i == FIELDS - 1))
			return false;
		if (*text == ' ')
			*text++ = '\0';
	}
	return parse_time(fields[0], &ret_line->time_s, &ignored) == 0 &&
	       parse_kind(fields[1], &ret_line->kind) &&
	       parse_hex(fields[2], ret_line->number, SERIAL_MAX) &&
	       parse_time(fields[3], &ret_line->end_s, &ignored) == 0 &&
	       parse_hex(fields[4], ret_line->sha256, SHA256_LEN);
}

/* --- appending --- */

/* The length of the log up to its last line end: a crash may have left a part of a line, or zeros.
 */
static int find_whole_lines(const struct layout *layout, int log, off_t *ret_len,
			    struct fault *fault)
{
	char step[LINE_MAX_LEN];
	struct stat status;
	off_t end;

	if (fstat(log, &status) < 0)
		return set_log_fault(layout, "cannot be read", fault);
	end = status.st_size;
	while (end > 0) {
		off_t from = end > LINE_MAX_LEN ? end - LINE_MAX_LEN : 0;
		ssize_t got = pread(log, step, (size_t)(end - from), from);

		if (got != end - from)
			return set_log_fault(layout, "cannot be read", fault);
		while (got > 0 && step[got - 1] != '\n')
			got--;
		end = from + got;
		if (got > 0)
			break;
	}
	*ret_len = end;
	return 0;
}

/* A failure leaves the log as long as it was. */
static int append_text(const struct layout *layout, int log, off_t len, struct bytes text,
		       struct fault *fault)
{
	if (write_stream(log, log_name, text, fault) < 0) {
		(void)!ftruncate(log, len);
		return prefix_fault(fault, "%s/state", layout->path);
	}
	return fdatasync(log) < 0 ? set_log_fault(layout, "cannot be made durable", fault) : 0;
}

/* A new log's name must be durable, too. */
static int open_for_append(const struct layout *layout, int *ret_log, off_t *ret_len,
			   struct fault *fault)
{
	const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP(close_descriptor) int log = openat(layout->state, log_name, flags);
	off_t len = 0;

	if (log < 0 && errno == ENOENT) {
		log = openat(layout->state, log_name, flags | O_CREAT | O_EXCL, 0600);
		if (log >= 0 && sync_directory(layout->state, fault) < 0)
			return prefix_fault(fault, "%s/state", layout->path);
	}
	if (log < 0)
		return set_log_fault(layout, "cannot be opened", fault);
	if (find_whole_lines(layout, log, &len, fault) < 0)
		return -1;
	if (lseek(log, 0, SEEK_END) != len && ftruncate(log, len) < 0)
		return set_log_fault(layout, "cannot be mended", fault);
	*ret_len = len;
	*ret_log = log;
	log = -1;
	return 0;
}

int append_signed_lines(const struct layout *layout, const struct signed_line *lines, size_t count,
			struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(close_descriptor) int log = -1;
	CLEANUP(clear_buffer) struct buffer text = {0};
	off_t len = 0;

	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		append_line(&text, &lines[i]);
	if (check_buffer(&text, fault) < 0 || lock_log(layout, &lock, fault) < 0 ||
	    open_for_append(layout, &log, &len, fault) < 0)
		return -1;
	return append_text(layout, log, len, bytes_of_buffer(&text), fault);
}

int append_signed_authority(const struct layout *layout, struct bytes der, int64_t now_s,
			    struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct signed_line line = {.time_s = now_s, .kind = SIGNED_AUTHORITY};
	struct bytes serial;

	if (parse_certificate_der(der, &certificate, fault) < 0)
		return -1;
	serial = certificate_serial(certificate);
	memcpy(line.number + SERIAL_MAX - serial.len, serial.data, serial.len);
	line.end_s = certificate_not_after(certificate);
	digest_sha256(certificate_fields(certificate)->signed_object.body, line.sha256);
	return append_signed_lines(layout, &line, 1, fault);
}

/* --- reading --- */

static void close_stream(FILE **stream)
{
	if (*stream != NULL)
		(void)fclose(*stream);
}

/* *ret_stream is NULL when there is no log; *ret_len is that of its whole lines now. */
static int open_for_reading(const struct layout *layout, FILE **ret_stream, off_t *ret_len,
			    struct fault *fault)
{
	CLEANUP(close_descriptor)
	int log = openat(layout->state, log_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *stream;

	if (log < 0 && errno == ENOENT) {
		*ret_stream = NULL;
		return 0;
	}
	if (log < 0)
		return set_log_fault(layout, "cannot be read", fault);
	if (find_whole_lines(layout, log, ret_len, fault) < 0)
		return -1;
	stream = fdopen(log, "r");
	if (stream == NULL)
		return set_log_fault(layout, "cannot be read", fault);
	log = -1;
	*ret_stream = stream;
	return 0;
}

/* Reads the next line. */
static int read_line(const struct layout *layout, FILE *stream, size_t number,
		     struct signed_line *ret_line, struct fault *fault)
{
	char text[LINE_MAX_LEN + 1];
	size_t len;

	if (fgets(text, sizeof(text), stream) == NULL)
		return set_log_fault(layout, "cannot be read", fault);
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\n') {
		text[len - 1] = '\0';
		if (parse_line(text, ret_line))
			return 0;
	}
	return set_fault(
		fault, FAULT_MALFORMED,
		"%s/state/%s: line %zu: expected time, kind, serial, end and SHA-256, found "
		"something else: put the log back from a backup",
		layout->path, log_name, number);
}

int read_signed_log(const struct layout *layout, signed_line_function *function, void *context,
		    bool *ret_exists, struct fault *fault)
{
	CLEANUP(close_stream) FILE *stream = NULL;
	off_t len = 0;
	int result = 0;

	if (open_for_reading(layout, &stream, &len, fault) < 0)
		return -1;
	if (ret_exists != NULL)
		*ret_exists = stream != NULL;
	for (size_t number = 1; stream != NULL && result == 0 && ftello(stream) < len; number++) {
		struct signed_line line = {0};

		if (read_line(layout, stream, number, &line, fault) < 0)
			return -1;
		result = function(context, &line, fault);
	}
	return result < 0 ? -1 : 0;
}

/* --- what the record lacks --- */

struct unrecorded_context {
	struct store *store;
	int64_t ends_from_s;
	signed_line_function *function;
	void *context;
};

static int look_up_line(void *context, const struct signed_line *line, struct fault *fault)
{
	const struct unrecorded_context *search = context;
	struct certificate_status status;

	if ((line->kind != SIGNED_CERTIFICATE && line->kind != SIGNED_RESPONDER) ||
	    line->end_s < search->ends_from_s)
		return 0;
	if (read_certificate_status(search->store, ANY_ISSUER,
				    (struct bytes){line->number, SERIAL_MAX}, &status, fault) < 0)
		return -1;
	return status.found ? 0 : search->function(search->context, line, fault);
}

int list_unrecorded(const struct layout *layout, struct store *store, int64_t ends_from_s,
		    signed_line_function *function, void *context, struct fault *fault)
{
	struct unrecorded_context search = {store, ends_from_s, function, context};

	return read_signed_log(layout, look_up_line, &search, NULL, fault);
}

/* --- trimming --- */

struct trim_context {
	int64_t ended_before_s;
	struct signed_line last_crl; /* end_s 0: none yet */
	struct buffer kept;
	size_t removed;
};

static int keep_line(void *context, const struct signed_line *line, struct fault *fault)
{
	struct trim_context *trim = context;

	if (line->kind == SIGNED_CRL)
		trim->last_crl = *line;
	if (line->kind != SIGNED_AUTHORITY && line->end_s < trim->ended_before_s) {
		trim->removed++;
		return 0;
	}
	append_line(&trim->kept, line);
	return check_buffer(&trim->kept, fault);
}

static void clear_trim_context(struct trim_context *trim)
{
	clear_buffer(&trim->kept);
}

int trim_signed_log(const struct layout *layout, int64_t ended_before_s, size_t *ret_removed,
		    struct fault *fault)
{
	CLEANUP(clear_trim_context) struct trim_context trim = {.ended_before_s = ended_before_s};
	CLEANUP(close_descriptor) int lock = -1;

	if (lock_log(layout, &lock, fault) < 0 ||
	    read_signed_log(layout, keep_line, &trim, NULL, fault) < 0)
		return -1;
	if (trim.last_crl.end_s != 0 && trim.last_crl.end_s < ended_before_s) {
		append_line(&trim.kept, &trim.last_crl);
		trim.removed--;
	}
	if (trim.removed > 0 && (check_buffer(&trim.kept, fault) < 0 ||
				 write_file(layout->state, log_name, STAGE_REPLACE, 0600,
					    bytes_of_buffer(&trim.kept), fault) < 0))
		return prefix_fault(fault, "%s/state", layout->path);
	*ret_removed = trim.removed;
	return 0;
}

int open_signed_log(const struct layout *layout, int *ret_descriptor, size_t *ret_len,
		    struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	CLEANUP(close_descriptor) int log = -1;
	off_t len = 0;

	if (lock_log(layout, &lock, fault) < 0)
		return -1;
	log = openat(layout->state, log_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (log < 0 && errno != ENOENT)
		return set_log_fault(layout, "cannot be read", fault);
	if (log >= 0 && find_whole_lines(layout, log, &len, fault) < 0)
		return -1;
	*ret_len = (size_t)len;
	*ret_descriptor = log;
	log = -1;
	return 0;
}
