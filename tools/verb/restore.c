/*
 * restore: makes a CA from a backup, in a layout without a record. The record is put in its place
 * last, so that a killed restore is run again. The layout is locked, and a server refused.
 */
#include "common/ca/backup/restore.h"

#include "common/base/clock.h"
#include "common/ca/issue/root_home.h"
#include "common/ca/revocation/root_crl.h"
#include "common/crypto/key_access.h"
#include "common/layout/store_url.h"
#include "tools/certificate_output.h"
#include "tools/input.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct restore_settings {
	const char *passphrase_file;
	const char *crl;
};

/* Not from the environment: CERTPOOL_PASSPHRASE_FILE is the passphrase of the CA's key. */
static const struct option restore_options[] = {
	{"passphrase-file", 0, true, "FILE", take_text,
	 offsetof(struct restore_settings, passphrase_file),
	 "the file with the passphrase of the backup", NULL},
	{"crl", 0, true, "FILE", take_text, offsetof(struct restore_settings, crl),
	 "the CA's last CRL, or a file of crl --chain, from wherever it was kept: what it lists "
	 "stays revoked",
	 NULL},
	{0},
};

/* A copy of descriptor 0, so that the caller may close it. */
static int open_backup(const char *path, int *ret_descriptor, struct fault *fault)
{
	int descriptor = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
						: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (descriptor < 0)
		return set_errno_fault(fault, "%s", path);
	*ret_descriptor = descriptor;
	return 0;
}

static int make_ca_layout(const struct manifest *manifest, struct layout **ret_layout,
			  struct fault *fault)
{
	if (manifest->ca.layout == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "the manifest has no layout for the CA: set ca.layout");
	return make_layout(manifest->ca.layout, ret_layout, fault);
}

/* A record in a database is there before: FAULT_NOT_FOUND with the command that puts it there. */
static int check_database(const struct manifest *manifest, const char *backup, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer database = {0};
	CLEANUP(clear_buffer) struct buffer command = {0};
	bool found;

	if (manifest->ca.store == NULL)
		return 0;
	if (find_store(manifest->ca.store, &found, fault) < 0)
		return -1;
	if (found)
		return 0;
	append_string(&database, "--dbname=");
	append_tool_url(&database, manifest->ca.store);
	if (check_buffer(&database, fault) < 0)
		return -1;
	append_string(&command, "pg_restore --exit-on-error --single-transaction --no-owner ");
	append_word(&command, (const char *)database.data);
	if (check_buffer(&command, fault) < 0)
		return -1;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s is without the record, which was in a database, and ca.store in the "
			 "manifest names one that has none: put it there first, from its dump: %s "
			 "DUMP",
			 backup, (const char *)command.data);
}

static int print_summary(const struct command *command, const struct restore_summary *summary,
			 struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	char made[TIME_TEXT_SIZE];
	size_t unrecorded = 0;

	format_time(summary->made_s, made);
	if (!command->json) {
		print_line("restored as of %s: %s, %s, %s", made,
			   counted(summary->certificates, "certificate", "certificates").text,
			   counted(summary->revoked, "revocation", "revocations").text,
			   counted(summary->keys, "key", "keys").text);
		print_line("the next CRL has number %llu or higher",
			   (unsigned long long)summary->crl_number + 1);
		return 0;
	}
	add_json_time(&line, "made", summary->made_s);
	add_json_number(&line, "certificates", (long long)summary->certificates);
	add_json_number(&line, "revoked", (long long)summary->revoked);
	add_json_number(&line, "keys", (long long)summary->keys);
	for (size_t i = 0; i < summary->crl_count; i++)
		unrecorded += summary->crls[i].unrecorded;
	add_json_number(&line, "unrecorded", (long long)unrecorded);
	add_json_number(&line, "left_out", (long long)summary->left_out.count);
	add_json_number(&line, "lost", (long long)(summary->lost.len / SERIAL_MAX));
	add_json_number(&line, "crl_number", (long long)summary->crl_number);
	return print_json(&line, fault);
}

/* The first serials of those that the log of signatures names. */
static void print_lost(const struct command *command, const struct buffer *serials)
{
	enum { SHOWN = 10 };
	char text[SHOWN * (SERIAL_TEXT_SIZE + 1) + 1] = "";
	size_t count = serials->len / SERIAL_MAX;

	if (count == 0)
		return;
	for (size_t i = 0; i < count && i < SHOWN; i++) {
		char *end = text + strlen(text);

		if (i > 0)
			*end++ = ' ';
		format_serial((struct bytes){serials->data + i * SERIAL_MAX, SERIAL_MAX}, end);
	}
	print_note(command, "state/signed.log names %s not revoked: %s%s",
		   counted(count, "certificate that was issued since the backup and is",
			   "certificates that were issued since the backup and are")
			   .text,
		   text, count > SHOWN ? " and more" : "");
}

/* What the CRLs brought, and where else the latest revocations may be found. */
static void print_revocations(const struct command *command, const struct manifest *manifest,
			      const char *given_crl, const struct restore_summary *summary)
{
	bool newer = false;

	for (size_t i = 0; i < summary->crl_count; i++) {
		bool given = i >= summary->crl_count - summary->given_crl_count;
		char name[FILE_NAME_SIZE];
		char standing[FILE_NAME_SIZE + sizeof("cert/")];

		name_crl(summary->crls[i].issuer, name);
		(void)snprintf(standing, sizeof(standing), "cert/%s", name);
		print_absorbed_crl(command, given ? given_crl : standing, &summary->crls[i]);
		newer |= summary->crls[i].newer;
	}
	print_left_out(command, manifest, given_crl, &summary->left_out);
	print_barred(command, &summary->barred, "was barred when the record was lost");
	if (!newer)
		print_note(command,
			   "no CRL was there that is newer than the backup: what was revoked since "
			   "is valid again: get the CA's last CRL from a mirror, a proxy or a "
			   "verifier, and run certpool revoke --crl FILE");
	print_lost(command, &summary->lost);
	print_note(command,
		   "certificates issued since the backup are not in the record: revoke one by its "
		   "file, certpool revoke ./FILE.crt, or by its serial, certpool revoke "
		   "--unrecorded SERIAL; what was revoked after the last CRL, revoke again");
	print_note(command,
		   "a client that joined since the backup, or whose shared key was rotated, "
		   "has a key that is not here: certpool client add, if it is new, certpool "
		   "invite, and there certpool join --replace");
}

/* What is wrong with the CRL of a root that lies apart; NULL: nothing. */
static int judge_root_crl(const struct layout *layout, const struct restore_summary *summary,
			  const char **ret_flaw, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct crl_info info;

	if (read_ca_root(layout, &root, fault) < 0 || read_root_crl(layout, root, &crl, fault) < 0)
		return -1;
	if (crl == NULL) {
		*ret_flaw = "is missing";
		return 0;
	}
	if (describe_root_crl(crl, &info, fault) < 0)
		return -1;
	if (is_root_crl_due(&info, read_clock()))
		*ret_flaw = "ends soon, or has ended";
	else if (summary->root_crl)
		*ret_flaw = "is the backup's, without what the root revoked since";
	return 0;
}

static void print_root_crl(const struct command *command, const struct manifest *manifest,
			   const struct layout *layout, const struct restore_summary *summary)
{
	const char *flaw = NULL;
	struct fault fault = {0};

	if (manifest->ca.root_layout == NULL)
		return;
	if (judge_root_crl(layout, summary, &flaw, &fault) < 0)
		flaw = fault.text;
	if (flaw != NULL)
		print_note(command,
			   "the root's CRL %s: run certpool crl --root, with the root's layout %s "
			   "at hand",
			   flaw, manifest->ca.root_layout);
}

static void print_advice(const struct command *command, const struct manifest *manifest,
			 const char *given_crl, const struct restore_summary *summary)
{
	print_revocations(command, manifest, given_crl, summary);
	if (summary->keys == 0)
		print_note(command, "the backup has no keys: put the CA's key and the shared keys "
				    "back into Private/, if they are in files");
	if (summary->unmatched)
		print_note(command, "the CA's key has a passphrase of its own: run certpool check "
				    "to see whether the key belongs to the root");
}

/* Makes the CRL if the key can be loaded as the manifest says; else the operator makes it later. */
static void publish(const struct command *command)
{
	const struct ca_key_settings none = {0};
	CLEANUP(clear_operator) struct ca_operator ca = {0};
	struct ca_crls crls;
	struct fault fault = {0};

	if (open_operator(command, &ca, &fault) == 0 &&
	    publish_ca_crls(&ca, &none, CRL_WHEN_DUE, &crls, &fault) == 0)
		return;
	print_note(command, "there is no CRL yet: %s: run certpool crl", fault.text);
}

static int restore(const struct command *command, const struct manifest *manifest,
		   const struct layout *layout, const struct restore_settings *given,
		   struct restore_summary *ret_summary, struct fault *fault)
{
	const char *path = command->operands[0];
	CLEANUP(clear_secret) struct secret passphrase = {0};
	CLEANUP(clear_buffer) struct buffer crl = {0};
	CLEANUP(close_descriptor) int descriptor = -1;
	CLEANUP(close_descriptor) int lock = -1;
	struct restore_options options = {.layout = layout,
					  .manifest = manifest,
					  .crl_name = given->crl,
					  .now_s = read_clock()};

	if (lock_layout(layout, LOCK_REFUSE, &lock, fault) < 0 ||
	    (given->passphrase_file != NULL &&
	     read_secret_line(given->passphrase_file, &passphrase, fault) < 0) ||
	    (given->crl != NULL && read_input(given->crl, CRL_PEM_MAX, &crl, fault) < 0) ||
	    open_backup(path, &descriptor, fault) < 0)
		return -1;
	options.passphrase = bytes_of_secret(&passphrase);
	options.crl = bytes_of_buffer(&crl);
	return restore_backup(&options, descriptor, path, ret_summary, fault);
}

static int run_restore(const struct command *command, const void *settings, struct fault *fault)
{
	const struct restore_settings *given = settings;
	CLEANUP(free_manifest) struct manifest *manifest = NULL;
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(clear_restore_summary) struct restore_summary summary = {0};

	if (load_manifest(command->manifest, &manifest, fault) < 0 ||
	    check_database(manifest, command->operands[0], fault) < 0 ||
	    make_ca_layout(manifest, &layout, fault) < 0 ||
	    restore(command, manifest, layout, given, &summary, fault) < 0)
		return -1;
	print_advice(command, manifest, given->crl, &summary);
	print_root_crl(command, manifest, layout, &summary);
	publish(command);
	return print_summary(command, &summary, fault);
}

const struct verb restore_verb = {
	.name = "restore",
	.group = VERB_KEEPING,
	.operands = "FILE",
	.summary = "make a CA from its backup",
	.details =
		"Puts a backup into the manifest's layout of the CA, which must have no record; -\n"
		"is standard input. Everything is checked before any file gets its name, and\n"
		"nothing is overwritten. The next CRL gets a number above those of all CRLs made\n"
		"since the backup. What the CRL in the layout lists, or the one given with --crl,\n"
		"stays revoked; clients that were barred stay disabled. A record in PostgreSQL is\n"
		"put back first, by pg_restore, if it was lost.\n",
	.example = "tar -xf ca.tar manifest.yaml && "
		   "certpool restore ca.tar --passphrase-file backup.pass\n",
	.options = restore_options,
	.settings_size = sizeof(struct restore_settings),
	.irrevocable = true,
	.fewest = 1,
	.most = 1,
	.expected = "the file of a backup",
	.run = run_restore,
};
