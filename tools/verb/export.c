/*
 * export: hands a member's certificate, and its key, to other software, in the files that it takes.
 */
#include "common/base/clock.h"
#include "common/crypto/key_access.h"
#include "common/pool/members/member.h"
#include "common/pool/members/trust.h"
#include "common/x509/bundles/pkcs12.h"
#include "tools/input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct export_settings {
	const char *fullchain;
	const char *p12;
	const char *passphrase_file;
	bool der;
};

static const struct option export_options[] = {
	{"fullchain", 0, false, "FILE", take_text, offsetof(struct export_settings, fullchain),
	 "the certificate and those above it, without the root, PEM; - is standard output", NULL},
	{"p12", 0, false, "FILE", take_text, offsetof(struct export_settings, p12),
	 "the same with the private key, PKCS#12 under a passphrase, for the owner alone", NULL},
	{"passphrase-file", 0, false, "FILE", take_text,
	 offsetof(struct export_settings, passphrase_file),
	 "p12: the file with the passphrase, in its one line", NULL},
	{"der", 0, false, NULL, take_switch, offsetof(struct export_settings, der),
	 "print the certificate alone, DER", NULL},
	{0},
};

/* A member and its path to the root. */
struct exported_member {
	struct member member;
	struct roots roots;
	struct intermediates known;
	struct path path;
	char name[NAME_SIZE + 24]; /* CLIENT/N */
};

static void clear_exported_member(struct exported_member *exported)
{
	clear_member(&exported->member);
	clear_roots(&exported->roots);
	clear_intermediates(&exported->known);
}

static int open_exported_member(const struct node *node, size_t index,
				struct exported_member *exported, struct fault *fault)
{
	const int64_t now_s = read_clock();
	struct verdict verdict = {0};
	struct trust trust;

	(void)snprintf(exported->name, sizeof(exported->name), "%s/%zu", node->client->name, index);
	if (open_any_member(node->layout, node->client->name, index, now_s, &exported->member,
			    fault) < 0 ||
	    read_roots(node->layout, &exported->roots, fault) < 0 ||
	    read_intermediates(node->layout, &exported->known, fault) < 0)
		return -1;
	trust = trust_in_roots(&exported->roots, &exported->known);
	if (verify_chain(&trust, exported->member.certificate, now_s, &exported->path, &verdict,
			 fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_fault(fault, FAULT_UNVERIFIED, "%s: %s", exported->name, verdict.reason);
	return 0;
}

/* Without the root: who takes the file has that from elsewhere, or does not trust it. */
static int write_fullchain(const struct exported_member *exported, const char *file,
			   struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer chain = {0};

	for (size_t i = 0; i + 1 < exported->path.count; i++) {
		CLEANUP(clear_buffer) struct buffer pem = {0};

		if (format_certificate_pem(certificate_der(exported->path.steps[i]), &pem, fault) <
		    0)
			return -1;
		append_bytes(&chain, bytes_of_buffer(&pem));
	}
	if (check_buffer(&chain, fault) < 0)
		return -1;
	return write_output(file, 0644, bytes_of_buffer(&chain), fault);
}

static int write_p12(const struct exported_member *exported, const struct export_settings *given,
		     struct fault *fault)
{
	const struct key_bundle bundle = {.key = exported->member.key,
					  .certificates = exported->path.steps,
					  .count = exported->path.count - 1,
					  .name = exported->name};
	CLEANUP(clear_secret) struct secret passphrase = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	if (read_secret_line(given->passphrase_file, &passphrase, fault) < 0 ||
	    format_pkcs12(&bundle, &passphrase, &der, fault) < 0)
		return -1;
	return write_output(given->p12, 0600, bytes_of_buffer(&der), fault);
}

static bool is_standard_output(const char *file)
{
	return file != NULL && strcmp(file, "-") == 0;
}

static int check_settings(const struct command *command, const struct export_settings *given,
			  size_t member_count, struct fault *fault)
{
	const int outputs = command->json + given->der + is_standard_output(given->fullchain) +
			    is_standard_output(given->p12);

	if (outputs > 1)
		return set_fault(fault, FAULT_USAGE,
				 "expected one of --der, --json and a file - for standard output, "
				 "found %d",
				 outputs);
	if (member_count != 1)
		return set_fault(fault, FAULT_USAGE, "expected one member, CLIENT/MEMBER");
	if (given->fullchain == NULL && given->p12 == NULL && !given->der)
		return set_fault(fault, FAULT_USAGE,
				 "expected --fullchain, --p12 or --der, found none");
	if ((given->p12 != NULL) != (given->passphrase_file != NULL))
		return set_fault(fault, FAULT_USAGE,
				 "expected --p12 and --passphrase-file, found one of them");
	if (given->p12 != NULL && given->fullchain != NULL &&
	    strcmp(given->p12, given->fullchain) == 0)
		return set_fault(fault, FAULT_USAGE,
				 "expected --fullchain and --p12 to name two files, found %s",
				 given->p12);
	return 0;
}

/* No file is written when another cannot be. */
static int check_files(const struct export_settings *given, struct fault *fault)
{
	if (given->fullchain != NULL && check_output(given->fullchain, fault) < 0)
		return -1;
	return given->p12 != NULL ? check_output(given->p12, fault) : 0;
}

static int print_exported(const struct command *command, const struct exported_member *exported,
			  const struct export_settings *given, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	const char *subject = certificate_subject(exported->member.certificate);

	if (!command->json) {
		print_note(command, "%s: exported %s", exported->name, subject);
		return 0;
	}
	add_json_text(&line, "member", exported->name);
	add_json_text(&line, "subject", subject);
	add_json_time(&line, "not_after", certificate_not_after(exported->member.certificate));
	if (given->fullchain != NULL)
		add_json_text(&line, "fullchain", given->fullchain);
	if (given->p12 != NULL)
		add_json_text(&line, "p12", given->p12);
	return print_json(&line, fault);
}

static int run_export(const struct command *command, const void *settings, struct fault *fault)
{
	const struct export_settings *given = settings;
	CLEANUP(clear_node) struct node node = {0};
	CLEANUP(clear_member_set) struct member_set members = {0};
	CLEANUP(clear_exported_member) struct exported_member exported = {0};

	if (open_members(command, &node, &members, fault) < 0 ||
	    check_settings(command, given, members.count, fault) < 0 ||
	    check_files(given, fault) < 0 ||
	    open_exported_member(&node, next_in_member_set(&members, 0), &exported, fault) < 0)
		return -1;
	/* First what has more reasons to fail, as a passphrase does. */
	if ((given->p12 != NULL && write_p12(&exported, given, fault) < 0) ||
	    (given->fullchain != NULL && write_fullchain(&exported, given->fullchain, fault) < 0))
		return -1;
	if (given->der)
		return write_stream(STDOUT_FILENO, "standard output",
				    certificate_der(exported.member.certificate), fault);
	return print_exported(command, &exported, given, fault);
}

const struct verb export_verb = {
	.name = "export",
	.group = VERB_CLIENTS,
	.operands = "CLIENT/MEMBER",
	.summary = "hand a member's certificate and key to other software",
	.details = "Writes new files, and overwrites none. The private key is also, PKCS#8 in PEM, "
		   "in\n"
		   "CLIENT's Private/. The root is in CLIENT's cert/root.crt.\n",
	.example = "certpool export web/1 --fullchain web.pem\n"
		   "certpool export client1/7 --p12 client1.p12 --passphrase-file passphrase\n",
	.options = export_options,
	.settings_size = sizeof(struct export_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a member as CLIENT/MEMBER",
	.run = run_export,
};
