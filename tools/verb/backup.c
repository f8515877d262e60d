/*
 * backup: writes the CA into one tar archive, while it may serve. The archive is made beside FILE
 * and named last, so that a file of that name is always complete. An existing file is never
 * overwritten.
 */
#include "common/ca/backup/backup.h"

#include "common/crypto/key_access.h"
#include "common/layout/path.h"
#include "common/layout/store_url.h"
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

/* The command by which the record is copied out of its database, as a shell takes it. */
static int format_dump_command(const char *url, const char *path, bool stream,
			       struct buffer *ret_text, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_buffer) struct buffer database = {0};
	CLEANUP(clear_buffer) struct buffer file = {0};

	append_string(&database, "--dbname=");
	append_tool_url(&database, url);
	append_format(&file, "--file=%s.dump", stream ? "record" : path);
	if (check_buffer(&database, fault) < 0 || check_buffer(&file, fault) < 0)
		return -1;
	append_string(&text, "pg_dump --format=custom --schema=certpool ");
	append_word(&text, (const char *)file.data);
	append_string(&text, " ");
	append_word(&text, (const char *)database.data);
	if (check_buffer(&text, fault) < 0)
		return -1;
	*ret_text = take_buffer(&text);
	return 0;
}

static int print_json_summary(const char *path, const struct backup_summary *summary,
			      const struct buffer *dump, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	add_json_text(&line, "file", path);
	if (dump->len == 0)
		add_json_number(&line, "certificates", (long long)summary->certificates);
	add_json_number(&line, "keys", (long long)summary->keys);
	add_json_number(&line, "octets", (long long)summary->octets);
	if (dump->len > 0)
		add_json_text(&line, "dump", (const char *)dump->data);
	return print_json(&line, fault);
}

/* `dump`: how the record is copied; empty: it is in the backup. */
static int print_summary(const struct command *command, const char *path, bool stream,
			 const struct backup_summary *summary, const struct buffer *dump,
			 struct fault *fault)
{
	static const char advice[] =
		"the record is in its database, and not in the backup: copy it now, too, with";

	if (stream && dump->len > 0)
		print_note(command, "%s %s", advice, (const char *)dump->data);
	if (stream)
		return 0;
	if (command->json)
		return print_json_summary(path, summary, dump, fault);
	if (dump->len > 0) {
		print_line("%s: %s, %llu octets; %s", path,
			   counted(summary->keys, "key", "keys").text,
			   (unsigned long long)summary->octets, advice);
		print_line("%s", (const char *)dump->data);
	} else {
		print_line("%s: %s, %s, %llu octets", path,
			   counted(summary->certificates, "certificate", "certificates").text,
			   counted(summary->keys, "key", "keys").text,
			   (unsigned long long)summary->octets);
	}
	return 0;
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
	CLEANUP(clear_buffer) struct buffer dump = {0};
	CLEANUP(free_string) char *scratch = NULL;
	struct backup_options options = {0};
	struct backup_summary summary = {0};

	if (check_settings(command, given, stream, fault) < 0 || check_output(path, fault) < 0 ||
	    (given->passphrase_file != NULL &&
	     read_secret_line(given->passphrase_file, &passphrase, fault) < 0) ||
	    open_operator(command, &ca, fault) < 0 ||
	    read_file(AT_FDCWD, command->manifest, MANIFEST_SIZE_MAX, &manifest, fault) < 0 ||
	    choose_scratch(path, stream, &scratch, fault) < 0 ||
	    (is_shared_store(ca.store) &&
	     format_dump_command(ca.manifest->ca.store, path, stream, &dump, fault) < 0))
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
	return print_summary(command, path, stream, &summary, &dump, fault);
}

const struct verb backup_verb = {
	.name = "backup",
	.group = VERB_KEEPING,
	.operands = "FILE",
	.summary = "copy the CA into one file",
	.details =
		"On the CA, also while it serves. FILE is a tar archive of the record, the root,\n"
		"the CRL, the manifest, and the encrypted keys; - is standard output. An existing\n"
		"file is never overwritten. certpool restore makes a CA from the archive.\n"
		"Of a CA whose record is in PostgreSQL the archive has all but the record, and "
		"the\n"
		"command that copies the record is printed: run it after each backup.\n",
	.example = "certpool backup ca.tar --passphrase-file backup.pass\n",
	.options = backup_options,
	.settings_size = sizeof(struct backup_settings),
	.fewest = 1,
	.most = 1,
	.expected = "the file to write",
	.run = run_backup,
};
