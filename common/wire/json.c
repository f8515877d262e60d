#include "common/wire/json.h"

#include "common/base/name.h"

#include <string.h>

static const json_int_t last_time_s = 253402300799; /* 9999-12-31T23:59:59Z */

enum { FIRST_SIZE = 1024 };

/* Text that grows by doubling; the smaller copies are wiped. */
struct json_text {
	struct secret text;
	size_t len; /* used */
	struct fault *fault;
};

static int append_text(const char *data, size_t len, void *context)
{
	struct json_text *out = context;
	CLEANUP(clear_secret) struct secret larger = {0};
	size_t size = out->text.len > 0 ? out->text.len : FIRST_SIZE;

	while (size - out->len < len)
		size *= 2;
	if (size > out->text.len) {
		if (allocate_secret(size, &larger, out->fault) < 0)
			return -1;
		if (out->len > 0)
			memcpy(larger.data, out->text.data, out->len);
		clear_secret(&out->text);
		out->text = take_secret(&larger);
	}
	memcpy(out->text.data + out->len, data, len);
	out->len += len;
	return 0;
}

static void clear_json_text(struct json_text *out)
{
	clear_secret(&out->text);
}

int format_json(const json_t *object, struct secret *ret_text, struct fault *fault)
{
	CLEANUP(clear_json_text) struct json_text out = {.fault = fault};

	if (json_dump_callback(object, append_text, &out, JSON_COMPACT) < 0)
		return set_memory_fault(fault);
	/* The rest of the allocation is zeros. */
	out.text.len = out.len;
	*ret_text = take_secret(&out.text);
	return 0;
}

static const char *format_type(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "nothing";
}

static const struct member_rule *find_rule(const struct member_rule *rules, size_t rule_count,
					   const char *name)
{
	for (size_t i = 0; i < rule_count; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

int check_members(const json_t *object, const struct member_rule *rules, size_t rule_count,
		  struct fault *fault)
{
	for (size_t i = 0; i < rule_count; i++)
		if (rules[i].required && json_object_get(object, rules[i].name) == NULL)
			return set_fault(fault, FAULT_MALFORMED, "expected a member \"%s\"",
					 rules[i].name);
	/* The iterator takes no const object, and changes nothing of it. */
	for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
	     at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		const char *name = json_object_iter_key(at);
		json_type type = json_typeof(json_object_iter_value(at));
		const struct member_rule *rule = find_rule(rules, rule_count, name);

		if (rule == NULL)
			return set_fault(fault, FAULT_MALFORMED, "unknown member \"%s\"", name);
		if (rule->type != type)
			return set_fault(fault, FAULT_MALFORMED,
					 "member \"%s\": expected %s, found %s", name,
					 format_type(rule->type), format_type(type));
	}
	return 0;
}

int copy_string(const json_t *object, const char *name, char *ret_text, size_t size,
		struct fault *fault)
{
	const char *text = get_string(object, name);

	if (text == NULL)
		return set_fault(fault, FAULT_MALFORMED, "expected a string \"%s\"", name);
	if (strlen(text) >= size)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"%s\": expected at most %zu octets, found %zu", name,
				 size - 1, strlen(text));
	memcpy(ret_text, text, strlen(text) + 1);
	return 0;
}

int copy_name(const json_t *object, const char *name, char *ret_text, struct fault *fault)
{
	char text[NAME_SIZE];

	if (copy_string(object, name, text, sizeof(text), fault) < 0)
		return -1;
	if (!valid_name(text))
		return set_fault(
			fault, FAULT_MALFORMED,
			"member \"%s\": expected a name of 1 to 64 characters from A-Z a-z "
			"0-9 _ -, found \"%s\"",
			name, text);
	memcpy(ret_text, text, sizeof(text));
	return 0;
}

int copy_time(const json_t *object, const char *name, int64_t *ret_time_s, struct fault *fault)
{
	const json_t *member = json_object_get(object, name);
	json_int_t time_s = json_integer_value(member);

	if (!json_is_integer(member) || time_s < 0 || time_s > last_time_s)
		return set_fault(fault, FAULT_MALFORMED,
				 "member \"%s\": expected seconds since 1970, an integer", name);
	*ret_time_s = (int64_t)time_s;
	return 0;
}

json_t *new_text_list(const struct buffer *texts, size_t count)
{
	CLEANUP(free_json) json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(
			    list, json_stringn((const char *)texts[i].data, texts[i].len)) < 0)
			return NULL;
	return TAKE(list);
}
