/* Reads and writes the files that the command line names. */
#include "tools/input.h"

#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/layout/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DER_SEQUENCE = 0x30 }; /* the first octet of a DER certificate, and of no PEM text */

static bool is_stream(const char *path)
{
	return strcmp(path, "-") == 0;
}

bool names_file(const char *path)
{
	return path != NULL && !is_stream(path);
}

int read_input(const char *path, size_t max, struct buffer *ret_content, struct fault *fault)
{
	if (is_stream(path))
		return read_stream(STDIN_FILENO, "standard input", max, ret_content, fault);
	return read_file(AT_FDCWD, path, max, ret_content, fault);
}

int check_output(const char *path, struct fault *fault)
{
	bool found = false;

	if (!is_stream(path) && find_file(AT_FDCWD, path, &found, fault) < 0)
		return -1;
	if (!found)
		return 0;
	return set_fault(fault, FAULT_REFUSED, "%s: exists already, and is not overwritten", path);
}

/* write_file works in an open directory, so the path is split. A message names the directory. */
static int write_new(const char *path, enum staging_mode staging_mode, unsigned int mode,
		     struct bytes content, struct fault *fault)
{
	CLEANUP(free_string) char *directory = NULL;
	CLEANUP(close_descriptor) int dirfd = -1;
	const char *slash = strrchr(path, '/');

	if (split_directory(path, &directory, fault) < 0 ||
	    open_directory(AT_FDCWD, directory, &dirfd, fault) < 0)
		return -1;
	if (write_file(dirfd, slash != NULL ? slash + 1 : path, staging_mode, mode, content,
		       fault) < 0)
		return slash != NULL ? prefix_fault(fault, "%s", directory) : -1;
	return 0;
}

int write_output(const char *path, unsigned int mode, struct bytes content, struct fault *fault)
{
	if (is_stream(path))
		return write_stream(STDOUT_FILENO, "standard output", content, fault);
	return write_new(path, STAGE_NEW, mode, content, fault);
}

int replace_output(const char *path, unsigned int mode, struct bytes content, struct fault *fault)
{
	struct stat status;

	if (is_stream(path))
		return write_stream(STDOUT_FILENO, "standard output", content, fault);
	if (lstat(path, &status) < 0) {
		if (errno != ENOENT)
			return set_errno_fault(fault, "%s", path);
	} else if (!S_ISREG(status.st_mode))
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected a regular file to replace, found something else",
				 path);
	return write_new(path, STAGE_REPLACE, mode, content, fault);
}

/* The first octet decides, so that a message is about the format that the file has. */
int parse_any_certificate(struct bytes content, struct certificate **ret_certificate,
			  struct fault *fault)
{
	if (content.len > 0 && content.data[0] == DER_SEQUENCE)
		return parse_certificate_der(content, ret_certificate, fault);
	return parse_certificate_pem(content, ret_certificate, fault);
}

int read_certificate(const char *path, struct certificate **ret_certificate, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	if (read_input(path, CERTIFICATE_PEM_MAX, &content, fault) < 0)
		return -1;
	if (parse_any_certificate(bytes_of_buffer(&content), ret_certificate, fault) < 0)
		return prefix_fault(fault, "%s", path);
	return 0;
}

int read_chain(const char *path, struct intermediates *ret_chain, struct fault *left_out,
	       struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer content = {0};

	if (read_input(path, INTERMEDIATES_PEM_MAX, &content, fault) < 0)
		return -1;
	if (parse_usable_intermediates(bytes_of_buffer(&content), ret_chain, left_out, fault) < 0)
		return prefix_fault(fault, "%s", path);
	return 0;
}
