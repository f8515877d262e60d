#include "common/layout/known_endpoint.h"

#include "common/base/staging.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 2 * (ENDPOINT_TEXT_SIZE + 1) };

static void name_file(const char *name, char ret_file[static FILE_NAME_SIZE])
{
	(void)snprintf(ret_file, FILE_NAME_SIZE, "endpoint_%s", name);
}

static void append_line(struct buffer *text, const struct endpoint *endpoint)
{
	char line[ENDPOINT_TEXT_SIZE];

	if (endpoint->host[0] == '\0')
		return;
	format_endpoint(endpoint, line);
	append_format(text, "%s\n", line);
}

int keep_endpoint(const struct layout *layout, const char *name, const struct endpoint *endpoint,
		  const struct endpoint *in_manifest, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	char file[FILE_NAME_SIZE];

	name_file(name, file);
	if (equal_endpoints(endpoint, in_manifest)) {
		if (unlinkat(layout->state, file, 0) < 0 && errno != ENOENT)
			return set_errno_fault(fault, "%s/state/%s", layout->path, file);
		return 0;
	}
	append_line(&text, endpoint);
	append_line(&text, in_manifest);
	if (check_buffer(&text, fault) < 0 ||
	    write_file(layout->state, file, STAGE_REPLACE, 0600, bytes_of_buffer(&text), fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	return 0;
}

/* The first line, and the second, if there is one. */
static int parse_lines(char *text, struct endpoint *ret_known, struct endpoint *ret_then,
		       struct fault *fault)
{
	char *rest = text;
	char *known = strsep(&rest, "\n");
	char *then = strsep(&rest, "\n");

	if (parse_endpoint(known, ret_known, fault) < 0)
		return -1;
	if (then == NULL || then[0] == '\0')
		return 0;
	return parse_endpoint(then, ret_then, fault);
}

int find_endpoint(const struct layout *layout, const char *name, const struct endpoint *in_manifest,
		  struct endpoint *ret_endpoint, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct endpoint known = {0};
	struct endpoint then = {0};
	struct fault problem = {0};
	char file[FILE_NAME_SIZE];

	name_file(name, file);
	*ret_endpoint = *in_manifest;
	if (read_file(layout->state, file, TEXT_MAX, &text, &problem) < 0) {
		if (problem.class == FAULT_NOT_FOUND)
			return 0;
		(void)pass_fault(&problem, fault);
		return prefix_fault(fault, "%s/state", layout->path);
	}
	if (parse_lines((char *)text.data, &known, &then, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, "%s/state/%s: %s: remove the file",
				 layout->path, file, problem.text);
	if (equal_endpoints(&then, in_manifest))
		*ret_endpoint = known;
	return 0;
}
