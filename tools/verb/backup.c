/*
 * backup: writes the CA into one tar archive, while it may serve. The archive is made beside FILE
 * and named last, so that a file of that name is always complete. An existing file is never
 * overwritten.
 */
#include "common/ca/backup/backup.h"

#include "common/crypto/key_access.h"
#include "common/layout/path.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct backup_settings {
	const char *passphrase_file;
	bool without_keys;
};

/* Not from the environment: CERTPOOL_PASSPHRASE_FILE is the passphrase of the CA's key. */
static const struct option backup_options[] = {
	{"passphrase-file", 0, true, "FILE", take_text,
	 offsetof(struct backup_settings, passphrase_file),
	 "the file with the passphrase to encrypt the keys with", NULL},
	{"without-keys", 0, true, NULL, take_switch, offsetof(struct backup_settings, without_keys),
	 "leave the keys out", NULL},
	{0},
};

/* The keys are left out only on request, so that no backup lacks them by mistake. */
static int check_settings(const struct command *command, const struct backup_settings *given,
			  bool stream, struct fault *fault)
{
	if (given->passphrase_file != NULL && given->without_keys)
		return set_fault(fault, FAULT_USAGE,
				 "expected --passphrase-file or --without-keys, found both");
	if (given->passphrase_file == NULL && !given->without_keys)
		return set_fault(fault, FAULT_USAGE,
				 "expected --passphrase-file FILE, to encrypt the CA's keys in the "
				 "backup, or --without-keys, found neither");
	if (stream && command->json)
		return set_fault(
			fault, FAULT_USAGE,
			"--json: standard output is the backup: name a file for the backup");
	return 0;
}

/* The directory for the temporary copy of the record: the backup's own, unless that is a stream. */
static int choose_scratch(const char *path, bool stream, char **ret_directory, struct fault *fault)
{
	const char *directory = getenv("TMPDIR");

	if (!stream)
		return split_directory(path, ret_directory, fault);
	*ret_directory = strdup(directory != NULL && *directory != '\0' ? directory : "/var/tmp");
	return *ret_directory != NULL ? 0 : set_memory_fault(fault);
}

/* Not called when standard output is the backup. */
static int print_summary(const struct command *command, const char *path,
			 const struct backup_summary *summary, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: %s, %s, %llu octets", path,
			   counted(summary->certificates, "certificate", "certificates").text,
			   counted(summary->keys, "key", "keys").text,
			   (unsigned long long)summary->octets);
		return 0;
	}
	add_json_text(&line, "file", path);
	add_json_number(&line, "certificates", (long long)summary->certificates);
	add_json_number(&line, "keys", (long long)summary->keys);
	add_json_number(&line, "octets", (long long)summary->octets);
	return print_json(&line, fault);
}

static int write_to(const char *path, bool stream, const struct backup_options *options,
		    struct backup_summary *ret_summary, struct fault *fault)
{
	if (!stream)
		return write_backup_file(options, path, ret_summary, fault);
	return write_backup(options, STDOUT_FILENO, "standard output", ret_summary, fault);
}

static int run_backup(const struct command *command, const void *settings, struct fault *fault)
{
	const struct backup_settings *given = settings;
	const char *path = command->operands[0];
	bool stream = strcmp(path, "-") == 0;
	CLEANUP(clear_secret) struct secret passphrase = {0};
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	CLEANUP(clear_buffer) struct buffer manifest = {0};
	CLEANUP(free_string) char *scratch = NULL;
	struct backup_options options = {0};
	struct backup_summary summary = {0};

	if (check_settings(command, given, stream, fault) < 0 || check_output(path, fault) < 0 ||
	    (given->passphrase_file != NULL &&
	     read_secret_line(given->passphrase_file, &passphrase, fault) < 0) ||
	    open_operator(command, &ca, fault) < 0 ||
	    read_file(AT_FDCWD, command->manifest, MANIFEST_SIZE_MAX, &manifest, fault) < 0 ||
	    choose_scratch(path, stream, &scratch, fault) < 0)
		return -1;
	options = (struct backup_options){.layout = ca.layout,
					  .store = ca.store,
					  .manifest = bytes_of_buffer(&manifest),
					  .passphrase = bytes_of_secret(&passphrase),
					  .scratch = scratch,
					  .now_s = ca.now_s};
	if (write_to(path, stream, &options, &summary, fault) < 0)
		return -1;
	if (ca.manifest->ca.key_url != NULL)
		print_note(command, "the CA's key is in a token, and is not in the backup");
	return stream ? 0 : print_summary(command, path, &summary, fault);
}

const struct verb backup_verb = {
	.name = "backup",
	.group = VERB_KEEPING,
	.operands = "FILE",
	.summary = "copy the CA into one file",
	.details =
		"On the CA, also while it serves. FILE is a tar archive of the record, the root,\n"
		"the CRL, the manifest, and the encrypted keys; - is standard output. An existing\n"
		"file is never overwritten. certpool restore makes a CA from the archive.\n",
	.example = "certpool backup ca.tar --passphrase-file backup.pass\n",
	.options = backup_options,
	.settings_size = sizeof(struct backup_settings),
	.fewest = 1,
	.most = 1,
	.expected = "the file to write",
	.run = run_backup,
};
