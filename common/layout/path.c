#include "common/layout/path.h"

#include "common/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int split_directory(const char *path, char **ret_directory, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	char *directory;

	if (slash == NULL)
		directory = strdup(".");
	else
		directory = len == 0 ? strdup("/") : strndup(path, len);
	if (directory == NULL)
		return set_memory_fault(fault);
	*ret_directory = directory;
	return 0;
}

int join_path(const char *directory, const char *path, char **ret_path, struct fault *fault)
{
	bool alone = path[0] == '/' || strcmp(directory, ".") == 0;
	bool slash = !alone && directory[strlen(directory) - 1] != '/';
	char *joined;

	if (asprintf(&joined, "%s%s%s", alone ? "" : directory, slash ? "/" : "", path) < 0)
		return set_memory_fault(fault);
	*ret_path = joined;
	return 0;
}

/* Appends a component to an absolute path, "" for the root. ".." removes the last one. */
static void append_component(struct buffer *path, const char *component, size_t len)
{
	if (len == 0 || (len == 1 && component[0] == '.'))
		return;
	if (len != 2 || strncmp(component, "..", len) != 0) {
		append_format(path, "/%.*s", (int)len, component);
		return;
	}
	while (path->len > 0 && path->data[--path->len] != '/')
		continue;
	append_string(path, "");
}

static void append_components(struct buffer *path, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		append_component(path, text, len);
		text += len;
		text += strspn(text, "/");
	}
}

int normalize_path(const char *path, char **ret_path, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer normal = {0};

	append_string(&normal, "");
	if (path[0] != '/') {
		CLEANUP(free_string) char *current = get_current_dir_name();

		if (current == NULL)
			return set_errno_fault(fault, "the current directory");
		append_components(&normal, current);
	}
	append_components(&normal, path);
	if (check_buffer(&normal, fault) < 0)
		return -1;
	*ret_path = (char *)take_buffer(&normal).data;
	return 0;
}
