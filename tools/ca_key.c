/* Reads secrets where the command line or the manifest says, and opens the CA with them. */
#include "tools/ca_key.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The name of the source goes into messages about a wrong passphrase. */
static int read_passphrase_from(int descriptor, struct key_access *access, struct fault *fault)
{
	char name[64] = "standard input";

	if (descriptor != STDIN_FILENO)
		(void)snprintf(name, sizeof(name), "descriptor %d", descriptor);
	access->passphrase_source = strdup(name);
	if (access->passphrase_source == NULL)
		return set_memory_fault(fault);
	return read_secret_line_from(descriptor, name, &access->passphrase, fault);
}

static int read_file_line(const char *path, struct secret *ret_line, char **ret_source,
			  struct fault *fault)
{
	*ret_source = strdup(path);
	if (*ret_source == NULL)
		return set_memory_fault(fault);
	return read_secret_line(path, ret_line, fault);
}

/* No passphrase at all is no failure here: the key may be in plain text. */
static int read_passphrase(const struct manifest *manifest, const struct ca_key_settings *given,
			   struct key_access *access, struct fault *fault)
{
	const char *path = given->passphrase_file;

	if (path != NULL && given->passphrase_fd != 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected --passphrase-file or --passphrase-fd, found both");
	if ((path != NULL || given->passphrase_fd != 0) && manifest->ca.key_url != NULL &&
	    manifest->ca.root_layout == NULL)
		return set_fault(
			fault, FAULT_USAGE,
			"--passphrase-file and --passphrase-fd are for keys in files: the "
			"CA's key is in a token, and ca.pin_file names the file with its PIN");
	if (given->passphrase_fd != 0)
		return read_passphrase_from((int)given->passphrase_fd, access, fault);
	if (path != NULL && strcmp(path, "-") == 0)
		return read_passphrase_from(STDIN_FILENO, access, fault);
	if (path == NULL)
		path = manifest->ca.passphrase_file;
	return path == NULL ? 0
			    : read_file_line(path, &access->passphrase, &access->passphrase_source,
					     fault);
}

int open_key_access(const struct manifest *manifest, const struct ca_key_settings *given,
		    struct key_access *ret_access, struct fault *fault)
{
	CLEANUP(clear_key_access) struct key_access access = {.url = manifest->ca.key_url};

	if (read_passphrase(manifest, given, &access, fault) < 0)
		return prefix_fault(fault, "the passphrase of the CA's key");
	if (manifest->ca.pin_file != NULL &&
	    read_file_line(manifest->ca.pin_file, &access.pin, &access.pin_source, fault) < 0)
		return prefix_fault(fault, "the PIN of the CA's token");
	MOVE(ret_access, access);
	return 0;
}

int open_ca(const struct layout *layout, const struct manifest *manifest,
	    const struct ca_key_settings *given, enum authority_mode mode,
	    struct authority **ret_authority, struct fault *fault)
{
	CLEANUP(clear_key_access) struct key_access access = {0};

	if (open_key_access(manifest, given, &access, fault) < 0)
		return -1;
	return open_authority(layout, manifest, &access, mode, read_clock(), ret_authority, fault);
}
