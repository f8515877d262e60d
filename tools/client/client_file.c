#include "tools/client/client_file.h"

#include "common/base/utf8.h"
#include "tools/client/policy_settings.h"
#include "tools/options.h"

#include <stdlib.h>
#include <string.h>

/* One row of settings: the name apart, which has no setter. */
struct row_settings {
	const char *name;
	struct policy_settings policy;
};

static const struct column {
	const char *name;
	option_setter *set;
	size_t offset;
} columns[] = {
	{"name", take_text, offsetof(struct row_settings, name)},
	{"size", take_count, offsetof(struct row_settings, policy.size)},
	{"subject", take_text, offsetof(struct row_settings, policy.subject)},
	{"alt-names", take_text, offsetof(struct row_settings, policy.alt_names)},
	{"keys", take_text, offsetof(struct row_settings, policy.keys)},
	{"usages", take_text, offsetof(struct row_settings, policy.usages)},
	{"validity", take_duration, offsetof(struct row_settings, policy.validity_s)},
	{"certificates", take_count, offsetof(struct row_settings, policy.certificates)},
	{"requests-per-minute", take_count,
	 offsetof(struct row_settings, policy.requests_per_minute)},
};

enum { COLUMN_COUNT = COUNT_OF(columns) };

/* A file that is being read: the fields of one record at a time, each ended by a NUL in the text.
 */
struct reader {
	char *at;
	size_t line;   /* of `at` */
	size_t record; /* the line at which the record begins */
	char *fields[COLUMN_COUNT + 1];
	size_t field_count; /* may be more than there is room for */
};

static int refuse(const struct reader *reader, const char *text, struct fault *fault)
{
	return set_fault(fault, FAULT_USAGE, "line %zu: %s", reader->record, text);
}

/* Moves the text of a field in quotes to its front, without them, and ends it. */
static int read_quoted(struct reader *reader, char **ret_field, struct fault *fault)
{
	char *from = reader->at + 1;
	char *to = reader->at;

	*ret_field = to;
	for (;; from++) {
		if (*from == '\0')
			return refuse(reader, "expected a quote at the end of a field, found none",
				      fault);
		reader->line += *from == '\n';
		if (*from == '"' && from[1] != '"')
			break;
		from += *from == '"';
		*to++ = *from;
	}
	reader->at = from + 1;
	if (*reader->at != '\0' && *reader->at != ',' && *reader->at != '\n' &&
	    strncmp(reader->at, "\r\n", 2) != 0)
		return refuse(reader,
			      "expected a comma or the end of the line after a field in quotes, "
			      "found more text",
			      fault);
	*to = '\0';
	return 0;
}

/* Ends the field, and goes behind what follows it. *ret_last: the line ends there. */
static void end_field(struct reader *reader, char *end, bool *ret_last)
{
	char found = *end;

	*ret_last = found != ',';
	if (found == '\r' && end[1] == '\n') {
		*end++ = '\0';
		found = '\n';
	}
	reader->line += found == '\n';
	reader->at = found == '\0' ? end : end + 1;
	*end = '\0';
}

static int read_record(struct reader *reader, struct fault *fault)
{
	bool last = false;

	reader->record = reader->line;
	reader->field_count = 0;
	while (!last) {
		char *field = reader->at;

		if (*field == '"') {
			if (read_quoted(reader, &field, fault) < 0)
				return -1;
		} else {
			reader->at += strcspn(field, ",\r\n");
			while (*reader->at == '\r' && reader->at[1] != '\n')
				reader->at += 1 + strcspn(reader->at + 1, ",\r\n");
		}
		end_field(reader, reader->at, &last);
		if (reader->field_count < COUNT_OF(reader->fields))
			reader->fields[reader->field_count] = field;
		reader->field_count++;
	}
	return 0;
}

/* A blank line is nothing. */
static bool skip_blank(struct reader *reader)
{
	while (*reader->at == '\n' || (*reader->at == '\r' && reader->at[1] == '\n')) {
		reader->at += *reader->at == '\r' ? 2 : 1;
		reader->line++;
	}
	return *reader->at != '\0';
}

static int find_column(const char *name, const struct column **ret_column, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer names = {0};
	struct nearest_name search = {.word = name};
	char meant[MEANT_SIZE];

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (strcmp(columns[i].name, name) == 0) {
			*ret_column = &columns[i];
			return 0;
		}
		append_format(&names, "%s%s", i == 0 ? "" : ", ", columns[i].name);
		compare_name(&search, columns[i].name);
	}
	if (check_buffer(&names, fault) < 0)
		return -1;
	format_meant(&search, meant);
	return set_fault(fault, FAULT_USAGE, "expected columns of %s, found \"%.64s\"%s",
			 (const char *)names.data, name, meant);
}

/* The columns of the file, in its order. */
struct header {
	const struct column *columns[COLUMN_COUNT + 1];
	size_t count;
};

static int read_header(struct reader *reader, struct header *header, struct fault *fault)
{
	bool has_name = false;

	if (!skip_blank(reader))
		return set_fault(fault, FAULT_USAGE,
				 "expected a first line with the names of the columns, found none");
	if (read_record(reader, fault) < 0)
		return -1;
	header->count = reader->field_count;
	for (size_t i = 0; i < header->count; i++) {
		/* With more fields than columns, one that there is room for is wrong or double. */
		if (find_column(reader->fields[i], &header->columns[i], fault) < 0)
			return prefix_fault(fault, "line %zu", reader->record);
		for (size_t j = 0; j < i; j++)
			if (header->columns[j] == header->columns[i])
				return set_fault(fault, FAULT_USAGE,
						 "line %zu: expected each column once, found %s "
						 "again",
						 reader->record, header->columns[i]->name);
		has_name = has_name || header->columns[i] == &columns[0];
	}
	return has_name ? 0 : refuse(reader, "expected a column \"name\", found none", fault);
}

static int read_row(const struct reader *reader, const struct header *header,
		    const struct manifest *manifest, struct client *ret_client, struct fault *fault)
{
	struct row_settings row = {.name = ""};

	if (reader->field_count != header->count)
		return set_fault(fault, FAULT_USAGE, "expected %zu fields as in line 1, found %zu",
				 header->count, reader->field_count);
	for (size_t i = 0; i < header->count; i++) {
		const struct column *column = header->columns[i];

		if (reader->fields[i][0] != '\0' &&
		    column->set((char *)&row + column->offset, reader->fields[i], fault) < 0)
			return prefix_fault(fault, "%s", column->name);
	}
	return make_client(row.name, &row.policy, manifest, false, ret_client, fault);
}

static int append_row(struct client_file *file, size_t line, struct client *client,
		      struct fault *fault)
{
	/* The arrays double whenever the count is a power of two. */
	if ((file->count & (file->count - 1)) == 0) {
		size_t room = file->count == 0 ? 1 : 2 * file->count;
		struct client *clients = reallocarray(file->clients, room, sizeof(*clients));
		size_t *lines;

		if (clients == NULL)
			return set_memory_fault(fault);
		file->clients = clients;
		lines = reallocarray(file->lines, room, sizeof(*lines));
		if (lines == NULL)
			return set_memory_fault(fault);
		file->lines = lines;
	}
	file->lines[file->count] = line;
	MOVE(&file->clients[file->count++], *client);
	return 0;
}

static int check_text(const struct buffer *text, struct fault *fault)
{
	struct bytes rest = bytes_of_buffer(text);
	uint32_t character;

	while (rest.len > 0)
		if (!read_utf8(&rest, &character) || character == 0)
			return set_fault(fault, FAULT_USAGE, "expected UTF-8, found other octets");
	return 0;
}

static int read_rows(char *text, const struct manifest *manifest, struct client_file *file,
		     struct fault *fault)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct reader reader = {.at = text, .line = 1};
	struct header header = {0};

	if (strncmp(text, byte_order_mark, strlen(byte_order_mark)) == 0)
		reader.at += strlen(byte_order_mark);
	if (read_header(&reader, &header, fault) < 0)
		return -1;
	while (skip_blank(&reader)) {
		CLEANUP(clear_client) struct client client = {0};

		if (read_record(&reader, fault) < 0)
			return -1;
		if (read_row(&reader, &header, manifest, &client, fault) < 0)
			return prefix_fault(fault, "line %zu", reader.record);
		if (append_row(file, reader.record, &client, fault) < 0)
			return -1;
	}
	return file->count > 0 ? 0
			       : set_fault(fault, FAULT_USAGE,
					   "expected a line for each client, found none");
}

/* A client of the file and its line, for sorting. */
struct named_line {
	const char *name;
	size_t line;
};

static int compare_names(const void *a, const void *b)
{
	const struct named_line *x = a;
	const struct named_line *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int check_distinct_names(const struct client_file *file, struct fault *fault)
{
	struct named_line *names = calloc(file->count, sizeof(*names));
	int result = 0;

	if (names == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < file->count; i++)
		names[i] = (struct named_line){file->clients[i].name, file->lines[i]};
	qsort(names, file->count, sizeof(*names), compare_names);
	for (size_t i = 1; i < file->count && result == 0; i++)
		if (strcmp(names[i - 1].name, names[i].name) == 0)
			result = set_fault(fault, FAULT_USAGE,
					   "line %zu: name: expected each client once, found %s of "
					   "line %zu again",
					   names[i].line, names[i].name, names[i - 1].line);
	free(names);
	return result;
}

int parse_client_file(struct buffer *text, const char *path, const struct manifest *manifest,
		      struct client_file *ret_file, struct fault *fault)
{
	CLEANUP(clear_client_file) struct client_file file = {0};

	append_string(text, "");
	if (check_buffer(text, fault) < 0)
		return -1;
	if (check_text(text, fault) < 0 ||
	    read_rows((char *)text->data, manifest, &file, fault) < 0 ||
	    check_distinct_names(&file, fault) < 0)
		return prefix_fault(fault, "%s", path);
	MOVE(ret_file, file);
	return 0;
}

void clear_client_file(struct client_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		clear_client(&file->clients[i]);
	free(file->clients);
	free(file->lines);
	*file = (struct client_file){0};
}
