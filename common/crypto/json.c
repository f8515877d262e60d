#include "common/crypto/json.h"

void free_json(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

/* jansson's own texts quote the input, which may hold a key. */
static const char *describe_problem(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_duplicate_key:
		return ": duplicate member";
	case json_error_stack_overflow:
		return ": depth over the limit";
	case json_error_premature_end_of_input:
		return ": it ends too early";
	case json_error_end_of_input_expected:
		return ": something follows it";
	case json_error_invalid_utf8:
		return ": expected UTF-8";
	case json_error_null_character:
		return ": a NUL in a string";
	case json_error_numeric_overflow:
		return ": a number too large";
	default:
		return "";
	}
}

int parse_json_object(struct bytes text, const char *name, json_t **ret_object, struct fault *fault)
{
	CLEANUP(free_json) json_t *json = NULL;
	json_error_t error = {0};

	json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return set_fault(fault, FAULT_MALFORMED, "%s: line %d, column %d: no valid JSON%s",
				 name, error.line, error.column, describe_problem(&error));
	if (!json_is_object(json))
		return set_fault(fault, FAULT_MALFORMED, "%s: expected a JSON object", name);
	*ret_object = TAKE(json);
	return 0;
}

const char *get_string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}
