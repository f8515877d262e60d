#include "tests/fuzz/json_mutator.h"

#include "tests/fuzz/text_mutator.h"

#include <ctype.h>
#include <string.h>

enum { CONTAINERS_MAX = 256, DEPTH_MAX = 64, REPEATS_MAX = 300 };

/* The samples of a value; as members of an object, and names. */
static const char *const values[] = {
	"null",    "true",         "-1",          "0",           "1e400",        "9007199254740993",
	"1.0",     "253402300800", "\"\"",        "\"none\"",    "\"A256KW\"",   "\"A256GCM\"",
	"\"dir\"", "\"ES256\"",    "\"\\u0000\"", "\"\\ud800\"", "\"\xc3\xa9\"", "\"../x\"",
	"[]",      "{}",           "[[]]",        "{\"a\":{}}",
};
static const char *const members[] = {
	"\"crit\":[\"exp\"]",
	"\"zip\":\"DEF\"",
	"\"b64\":false",
	"\"kid\":\"link-1\"",
	"\"alg\":\"none\"",
	"\"enc\":\"A128CBC-HS256\"",
	"\"typ\":\"JOSE\"",
	"\"cty\":\"JWT\"",
	"\"exp\":1",
	"\"nbf\":99999999999",
	"\"iat\":1700000000",
	"\"jti\":\"m-1\"",
	"\"iss\":\"client1\"",
	"\"aud\":\"client2\"",
	"\"sub\":\"a\"",
	"\"x5c\":[\"MA==\"]",
	"\"x5u\":\"http://127.0.0.1/\"",
	"\"jku\":\"http://127.0.0.1/\"",
	"\"jwk\":{\"kty\":\"oct\"}",
	"\"epk\":{}",
	"\"p2c\":2147483647",
	"\"tag\":\"\"",
	"\"\":0",
};
static const char *const names[] = {
	"\"crit\"",     "\"alg\"",  "\"enc\"",      "\"kid\"", "\"typ\"",
	"\"cty\"",      "\"iss\"",  "\"aud\"",      "\"iat\"", "\"jti\"",
	"\"x5c\"",      "\"k\"",    "\"x5t#S256\"", "\"kty\"", "\"certificates\"",
	"\"refusals\"", "\"key1\"", "\"status\"",   "\"\"",
};

/* The length of the string that the text begins with, up to its closing quote. */
static size_t string_len(struct bytes text)
{
	size_t len = 1;

	while (len < text.len && text.data[len] != '"')
		len += text.data[len] == '\\' ? 2 : 1;
	return len < text.len ? len + 1 : text.len;
}

/* The length of the word or number that the text begins with; 1 if it begins with neither. */
static size_t word_len(struct bytes text)
{
	size_t len = 0;

	while (len < text.len && isalnum(text.data[len]))
		len++;
	return len > 0 ? len : 1;
}

/* Strings, words and numbers, and every other character by itself. */
static void split_json(struct bytes text, struct tokens *tokens)
{
	while (text.len > 0)
		add_token(tokens, &text, text.data[0] == '"' ? string_len(text) : word_len(text));
}

static void change_token(struct lot *lot, struct bytes text, struct buffer *buffer)
{
	static const char *const samples[] = {
		"null",
		"true",
		"-1",
		"0",
		"1e400",
		"9007199254740993",
		"1.0",
		"253402300800",
		"\"\"",
		"\"none\"",
		"\"A256KW\"",
		"\"A256GCM\"",
		"\"dir\"",
		"\"ES256\"",
		"\"\\u0000\"",
		"\"\\ud800\"",
		"\"\xc3\xa9\"",
		"[]",
		"{}",
		"[[]]",
		"{\"a\":{}}",
		",\"crit\":[\"x\"]",
		",\"zip\":\"DEF\"",
		",\"b64\":false",
		",\"kid\":\"a\"",
		"\"alg\":\"none\",",
		"\"certificates\"",
		"\"refusals\"",
		"\"iat\"",
	};
	struct tokens tokens = {0};

	split_json(text, &tokens);
	change_tokens(lot, &tokens, samples, COUNT_OF(samples), buffer);
}

/* An object or array: the offsets of its brackets. */
struct container {
	size_t open;
	size_t close;
};

/* Returns how many there are, at most CONTAINERS_MAX. */
static size_t find_containers(struct bytes text, struct container ret_found[static CONTAINERS_MAX])
{
	size_t open[DEPTH_MAX];
	size_t depth = 0;
	size_t count = 0;

	for (size_t i = 0; i < text.len && count < CONTAINERS_MAX; i++)
		if (text.data[i] == '"')
			i += string_len((struct bytes){text.data + i, text.len - i}) - 1;
		else if ((text.data[i] == '{' || text.data[i] == '[') && depth < DEPTH_MAX)
			open[depth++] = i;
		else if ((text.data[i] == '}' || text.data[i] == ']') && depth > 0)
			ret_found[count++] = (struct container){open[--depth], i};
	return count;
}

/* Adds the members or elements, each with the comma that follows it. */
static void split_elements(struct bytes inner, struct tokens *elements)
{
	size_t depth = 0;
	size_t len = 0;

	while (len < inner.len) {
		const uint8_t character = inner.data[len];

		if (character == '"')
			len += string_len((struct bytes){inner.data + len, inner.len - len}) - 1;
		else if (character == '{' || character == '[')
			depth++;
		else if ((character == '}' || character == ']') && depth > 0)
			depth--;
		len++;
		if (character == ',' && depth == 0) {
			add_token(elements, &inner, len);
			len = 0;
		}
	}
	if (inner.len > 0)
		add_token(elements, &inner, inner.len);
}

/* The name of a member with its colon; nothing if the element has none. */
static struct bytes name_of(struct bytes element)
{
	size_t len = element.len > 0 && element.data[0] == '"' ? string_len(element) : 0;

	if (len == 0 || len >= element.len || element.data[len] != ':')
		len = 0;
	else
		len++;
	return (struct bytes){element.data, len};
}

static struct bytes value_of(struct bytes element)
{
	const size_t len = name_of(element).len;

	return (struct bytes){element.data + len, element.len - len};
}

static void append_sample(struct lot *lot, const char *const *samples, size_t count,
			  struct buffer *buffer)
{
	append_string(buffer, samples[draw(lot, count)]);
}

enum change {
	OMIT,
	DOUBLE,
	REPEAT,
	BORROW,
	TAKE_VALUE,
	NEW_VALUE,
	NEW_NAME,
	ADD,
	WRAP,
	EDIT,
	CHANGES
};

/* Appends what stands in the place of the element, each with a comma after it. */
static void append_changed_element(struct lot *lot, struct bytes element, struct bytes other,
				   struct buffer *buffer)
{
	const struct bytes name = name_of(element);
	size_t times = 1;

	switch ((enum change)draw(lot, CHANGES)) {
	case OMIT:
	case CHANGES:
		return;
	case DOUBLE:
		times = 2;
		break;
	case REPEAT:
		times = draw(lot, REPEATS_MAX);
		break;
	case BORROW:
		element = other;
		break;
	case TAKE_VALUE:
		append_bytes(buffer, name);
		element = value_of(other);
		break;
	case NEW_VALUE:
		append_bytes(buffer, name);
		append_sample(lot, values, COUNT_OF(values), buffer);
		append_string(buffer, ",");
		return;
	case NEW_NAME:
		append_sample(lot, names, COUNT_OF(names), buffer);
		append_string(buffer, ":");
		element = value_of(element);
		break;
	case ADD:
		append_sample(lot, members, COUNT_OF(members), buffer);
		append_string(buffer, ",");
		break;
	case WRAP:
		append_format(buffer, "%.*s[%.*s],", (int)name.len, (const char *)name.data,
			      (int)value_of(element).len, (const char *)value_of(element).data);
		return;
	case EDIT:
		append_changed_text(lot, element, buffer);
		append_string(buffer, ",");
		return;
	}
	for (size_t i = 0; i < times; i++) {
		append_bytes(buffer, element);
		append_string(buffer, ",");
	}
}

static struct bytes without_comma(struct bytes element)
{
	if (element.len > 0 && element.data[element.len - 1] == ',')
		element.len--;
	return element;
}

/* Changes one element of one object or array. */
static void change_element(struct lot *lot, struct bytes text, const struct container *container,
			   struct buffer *buffer)
{
	struct tokens elements = {0};
	size_t changed;
	size_t begin;

	split_elements((struct bytes){text.data + container->open + 1,
				      container->close - container->open - 1},
		       &elements);
	append_bytes(buffer, (struct bytes){text.data, container->open + 1});
	begin = buffer->len;
	changed = elements.count > 0 ? draw(lot, elements.count) : 0;
	for (size_t i = 0; i < elements.count; i++) {
		const struct bytes element = without_comma(elements.token[i]);
		const struct bytes other = without_comma(elements.token[draw(lot, elements.count)]);

		if (i == changed) {
			append_changed_element(lot, element, other, buffer);
		} else {
			append_bytes(buffer, element);
			append_string(buffer, ",");
		}
	}
	if (elements.count == 0)
		append_sample(lot, members, COUNT_OF(members), buffer);
	else if (buffer->len > begin)
		buffer->len--; /* the last comma */
	append_bytes(buffer,
		     (struct bytes){text.data + container->close, text.len - container->close});
}

void mutate_json(struct lot *lot, struct bytes text, struct buffer *ret_mutant)
{
	struct container containers[CONTAINERS_MAX];
	const size_t count = find_containers(text, containers);

	if (count == 0 || draw(lot, 3) == 0)
		change_token(lot, text, ret_mutant);
	else
		change_element(lot, text, &containers[draw(lot, count)], ret_mutant);
}
