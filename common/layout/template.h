#ifndef CERTPOOL_LAYOUT_TEMPLATE_H
#define CERTPOOL_LAYOUT_TEMPLATE_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Templates of subjects and alternative names: text with {index} (the member's number), {client}
 * (the client's name) and {random} (128 random bits, 32 lower-case hex digits, the same each time
 * in a text). No other braces.
 */

/* Most octets of a subject and of an alternative name, and most names, expanded or not. */
enum { SUBJECT_MAX = 511, ALT_NAME_TEMPLATE_MAX = 512, ALT_NAMES_MAX = 16 };

/* Errors: FAULT_USAGE for another brace or another word in braces. */
int check_template(const char *template, struct fault *fault) MUST_CHECK;

/*
 * The same for the template of an alternative name: "DNS:…", "URI:…", "email:…" or "IP:…", of at
 * most ALT_NAME_TEMPLATE_MAX octets.
 */
int check_alt_name_template(const char *template, struct fault *fault) MUST_CHECK;

/*
 * Expands the template for one member. The caller draws `random`, so that a request's subject and
 * alternative names share it.
 * Owns: *ret_text is the caller's, free.
 */
int expand_template(const char *template, const char *client, size_t index,
		    const uint8_t random[static 16], char **ret_text,
		    struct fault *fault) MUST_CHECK;

/*
 * True if the text is an expansion of the template for this client, with any index (1 … 9 digits
 * without leading zero) and any random bits. All other octets must be equal.
 */
bool match_template(const char *template, const char *client, const char *text);

/* Frees the templates and their array. */
void free_templates(char **templates, size_t count);

#endif
