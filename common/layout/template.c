#include "common/layout/template.h"

#include "common/base/hex.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM_LEN = 16, RANDOM_DIGITS = 2 * RANDOM_LEN, INDEX_DIGITS_MAX = 9 };

/* The parts of a template. */
enum part_kind { PART_END, PART_LITERAL, PART_INDEX, PART_CLIENT, PART_RANDOM, PART_BAD };

struct part {
	enum part_kind kind;
	const char *begin;
	size_t len;
};

static enum part_kind find_word(const char *begin, size_t len)
{
	static const struct {
		const char *word;
		enum part_kind kind;
	} words[] = {{"{index}", PART_INDEX}, {"{client}", PART_CLIENT}, {"{random}", PART_RANDOM}};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strlen(words[i].word) == len && strncmp(begin, words[i].word, len) == 0)
			return words[i].kind;
	return PART_BAD;
}

/* The part at *next, which is advanced to the following part. */
static struct part next_part(const char **next)
{
	struct part part = {.begin = *next, .len = strcspn(*next, "{}")};

	if (part.len > 0) {
		part.kind = PART_LITERAL;
	} else if (*part.begin == '\0') {
		part.kind = PART_END;
	} else {
		part.len = strcspn(part.begin, "}");
		part.len += part.begin[part.len] == '}';
		part.kind = find_word(part.begin, part.len);
	}
	*next += part.len;
	return part;
}

int check_template(const char *template, struct fault *fault)
{
	const char *next = template;
	struct part part;

	do {
		part = next_part(&next);
		if (part.kind == PART_BAD)
			return set_fault(fault, FAULT_USAGE,
					 "\"%s\": expected no braces but {index}, {client} and "
					 "{random}, found \"%.*s\"",
					 template, (int)part.len, part.begin);
	} while (part.kind != PART_END);
	return 0;
}

int check_alt_name_template(const char *template, struct fault *fault)
{
	static const char *const prefixes[] = {"DNS:", "URI:", "email:", "IP:"};

	if (strlen(template) > ALT_NAME_TEMPLATE_MAX)
		return set_fault(fault, FAULT_USAGE, "expected at most %d octets, found %zu",
				 ALT_NAME_TEMPLATE_MAX, strlen(template));
	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(template, prefixes[i], len) == 0 && template[len] != '\0')
			return check_template(template, fault);
	}
	return set_fault(fault, FAULT_USAGE,
			 "expected DNS:, URI:, email: or IP: and a name, found \"%.60s\"",
			 template);
}

int expand_template(const char *template, const char *client, size_t index,
		    const uint8_t random[static 16], char **ret_text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	const char *next = template;
	struct part part;

	if (check_template(template, fault) < 0)
		return -1;
	append_string(&text, "");
	do {
		part = next_part(&next);
		if (part.kind == PART_LITERAL)
			append_format(&text, "%.*s", (int)part.len, part.begin);
		else if (part.kind == PART_INDEX)
			append_format(&text, "%zu", index);
		else if (part.kind == PART_CLIENT)
			append_string(&text, client);
		else if (part.kind == PART_RANDOM)
			append_hex(&text, (struct bytes){random, RANDOM_LEN});
	} while (part.kind != PART_END);
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = (char *)take_buffer(&text).data;
	return 0;
}

/* The text of the first {index} and of the first {random}; NULL before it. */
struct captures {
	const char *index;
	size_t index_len;
	const char *random;
};

/*
 * True if the text begins with a possible value of a placeholder: `len` octets of the alphabet,
 * equal to the first occurrence.
 */
static bool match_capture(const char *text, const char *alphabet, size_t len, const char **captured)
{
	if (*captured == NULL && strspn(text, alphabet) >= len)
		*captured = text;
	return *captured != NULL && strncmp(text, *captured, len) == 0;
}

/* Matches one part at *text, which is advanced behind it. */
static bool match_part(const struct part *part, const char *client, struct captures *captures,
		       const char **text)
{
	const char *begin = *text;
	size_t len = part->len;
	bool matches = false;

	switch (part->kind) {
	case PART_LITERAL:
		matches = strncmp(begin, part->begin, len) == 0;
		break;
	case PART_CLIENT:
		len = strlen(client);
		matches = strncmp(begin, client, len) == 0;
		break;
	case PART_INDEX:
		len = captures->index_len;
		matches =
			*begin != '0' && match_capture(begin, "0123456789", len, &captures->index);
		break;
	case PART_RANDOM:
		len = RANDOM_DIGITS;
		matches = match_capture(begin, "0123456789abcdef", len, &captures->random);
		break;
	case PART_END:
	case PART_BAD:
		break;
	}
	if (matches)
		*text += len;
	return matches;
}

static bool match_with_digits(const char *template, const char *client, const char *text,
			      size_t digits)
{
	struct captures captures = {.index_len = digits};
	const char *next = template;

	for (;;) {
		struct part part = next_part(&next);

		if (part.kind == PART_END)
			return *text == '\0';
		if (!match_part(&part, client, &captures, &text))
			return false;
	}
}

bool match_template(const char *template, const char *client, const char *text)
{
	/* Once the number of the index's digits is fixed, there is only one way to match. */
	for (size_t digits = 1; digits <= INDEX_DIGITS_MAX; digits++)
		if (match_with_digits(template, client, text, digits))
			return true;
	return false;
}

void free_templates(char **templates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(templates[i]);
	free(templates);
}
