#include "common/wire/serial_list.h"

#include <stdlib.h>
#include <string.h>

json_t *new_serial_json(const uint8_t serial[static SERIAL_MAX])
{
	char text[SERIAL_TEXT_SIZE];

	format_serial((struct bytes){serial, SERIAL_MAX}, text);
	return json_string(text);
}

json_t *new_serial_list_json(const uint8_t (*serials)[SERIAL_MAX], size_t count)
{
	json_t *list = json_array();
	int failed = list == NULL;

	for (size_t i = 0; i < count && !failed; i++)
		failed |= json_array_append_new(list, new_serial_json(serials[i]));
	if (failed)
		free_json(&list);
	return list;
}

int parse_serial_json(const json_t *value, const char *name, uint8_t ret_serial[static SERIAL_MAX],
		      struct fault *fault)
{
	if (!json_is_string(value))
		return set_fault(fault, FAULT_MALFORMED, "member \"%s\": expected serials as text",
				 name);
	if (parse_serial(json_string_value(value), ret_serial, fault) < 0)
		return prefix_fault(fault, "member \"%s\"", name);
	return 0;
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_MAX);
}

static int check_distinct(const struct buffer *serials, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer sorted = {0};

	append_bytes(&sorted, bytes_of_buffer(serials));
	if (check_buffer(&sorted, fault) < 0)
		return -1;
	qsort(sorted.data, sorted.len / SERIAL_MAX, SERIAL_MAX, compare_serials);
	for (size_t at = SERIAL_MAX; at < sorted.len; at += SERIAL_MAX)
		if (memcmp(sorted.data + at, sorted.data + at - SERIAL_MAX, SERIAL_MAX) == 0)
			return set_fault(fault, FAULT_MALFORMED,
					 "member \"serials\": expected each serial once, found one "
					 "twice");
	return 0;
}

int parse_serial_list(const json_t *list, size_t most, uint8_t (**ret_serials)[SERIAL_MAX],
		      size_t *ret_count, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer serials = {0};
	size_t count = json_array_size(list);

	if (count > most)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %zu serials in one request, found %zu", most,
				 count);
	if (count == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"serials\": expected at least one");
	for (size_t i = 0; i < count; i++) {
		uint8_t serial[SERIAL_MAX];

		if (parse_serial_json(json_array_get(list, i), "serials", serial, fault) < 0)
			return -1;
		append_bytes(&serials, (struct bytes){serial, SERIAL_MAX});
	}
	if (check_buffer(&serials, fault) < 0 || check_distinct(&serials, fault) < 0)
		return -1;
	*ret_serials = (void *)take_buffer(&serials).data;
	*ret_count = count;
	return 0;
}
