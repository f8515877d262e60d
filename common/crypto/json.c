#include "common/crypto/json.h"

#include <string.h>

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

/* The end of a string, of which text begins after the opening quote; NULL: it has none. */
static const uint8_t *find_string_end(const uint8_t *text, const uint8_t *end)
{
	const uint8_t *quote = text;

	while ((quote = memchr(quote, '"', (size_t)(end - quote))) != NULL) {
		const uint8_t *escape = quote;

		while (escape > text && escape[-1] == '\\')
			escape--;
		/* Two of them are one escaped reverse solidus (RFC 8259 section 7). */
		if ((quote - escape) % 2 == 0)
			return quote;
		quote++;
	}
	return NULL;
}

/*
 * Why the text is too much to be parsed, or NULL. Every value but the outermost follows a bracket,
 * a brace or a comma. A text that is no JSON is left to the parser.
 */
static const char *find_excess(struct bytes text)
{
	const uint8_t *end = text.data + text.len;
	size_t values = 0;

	for (const uint8_t *at = text.data; at < end; at++) {
		const uint8_t *begin = at + 1;

		values += *at == '[' || *at == '{' || *at == ',';
		if (values > JSON_VALUES_MAX)
			return "more values than any message has";
		if (*at != '"')
			continue;
		at = find_string_end(begin, end);
		if ((at != NULL ? at : end) - begin > JSON_STRING_MAX)
			return "a string longer than any message has";
		if (at == NULL)
			return NULL;
	}
	return NULL;
}

int parse_json_object(struct bytes text, const char *name, json_t **ret_object, struct fault *fault)
{
	CLEANUP(free_json) json_t *json = NULL;
	json_error_t error = {0};
	const char *excess = find_excess(text);

	if (excess != NULL)
		return set_fault(fault, FAULT_MALFORMED,
				 "%s: %s: expected at most %d values, and %d octets in a string",
				 name, excess, JSON_VALUES_MAX, JSON_STRING_MAX);
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
