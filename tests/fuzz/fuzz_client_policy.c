#include "common/layout/client_policy.h"
#include "common/layout/url.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef int parse_function(const char *text, struct client_policy *policy, struct fault *fault);
typedef void append_function(const struct client_policy *policy, struct buffer *buffer);

/* A list is refused with a reason, or is written as it can be read again. */
static void try_list(const char *text, parse_function *parse, append_function *append)
{
	CLEANUP(clear_client_policy) struct client_policy policy = {0};
	CLEANUP(clear_client_policy) struct client_policy again = {0};
	CLEANUP(clear_buffer) struct buffer written = {0};
	struct fault fault = {0};

	assert(default_client_policy(&policy, &fault) == 0);
	assert(default_client_policy(&again, &fault) == 0);
	if (parse(text, &policy, &fault) < 0) {
		assert(fault.class == FAULT_USAGE && fault.text[0] != '\0');
		assert(equal_client_policies(&policy, &again));
		return;
	}
	assert(check_client_policy(&policy, &fault) == 0);
	append(&policy, &written);
	assert(parse((const char *)written.data, &again, &fault) == 0);
	assert(equal_client_policies(&policy, &again));
}

/* A URL is refused with a reason, or has the characters of one alone. */
static void try_urls(const char *text)
{
	struct fault fault = {0};

	assert(check_web_url(text, &fault) == 0 || fault.class == FAULT_USAGE);
	fault = (struct fault){0};
	if (check_key_url(text, &fault) < 0)
		assert(fault.class == FAULT_USAGE);
	else
		assert(is_key_url(text) && strcasestr(text, ";pin-value=") == NULL &&
		       strpbrk(text, " \t\n\"") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_string) char *text = strndup((const char *)data, size);

	assert(text != NULL);
	try_list(text, parse_alt_name_list, append_alt_name_list);
	try_list(text, parse_key_list, append_key_list);
	try_urls(text);
	return 0;
}
