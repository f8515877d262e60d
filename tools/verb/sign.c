/*
 * sign: certifies requests that were carried to the CA's host, a file that certpool enroll --export
 * wrote, or a folder of PEM requests of any tool (sign_folder.c). A server may run meanwhile. The
 * same requests again get the same certificates.
 */
#include "common/base/clock.h"
#include "common/ca/service/offline_request.h"
#include "common/ca/service/roots_request.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/crypto/key_file.h"
#include "common/pool/enrolment/offline_enroll.h"
#include "tools/ca_key.h"
#include "tools/input.h"
#include "tools/node.h"
#include "tools/operator.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/verb/sign_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct sign_settings {
	const char *client;
	const char *output;
	struct ca_key_settings key;
};

static const struct option sign_options[] = {
	{"client", 0, false, "CLIENT", take_text, offsetof(struct sign_settings, client),
	 "the client of a folder's requests, whose policy applies", NULL},
	{"output", 'o', false, "FILE", take_text, offsetof(struct sign_settings, output),
	 "the file for the answer, instead of FILE.answer", NULL},
	CA_KEY_OPTIONS(struct sign_settings, key),
	{0},
};

/* The CA, opened beside a server that may run. */
struct offline_ca {
	const struct command *command;
	struct manifest *manifest;
	struct layout *layout;
	struct authority *authority;
};

static void clear_offline_ca(struct offline_ca *ca)
{
	free_authority(&ca->authority);
	free_layout(&ca->layout);
	free_manifest(&ca->manifest);
}

/* The files that this host lacks of what other front ends have changed: issuers, and clients' keys.
 */
static int take_copies(const struct offline_ca *ca, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;

	if (ca->manifest->ca.store == NULL)
		return 0;
	if (open_ca_record(ca->layout, &ca->manifest->ca, &store, fault) < 0)
		return -1;
	return take_client_keys(store, ca->layout, fault);
}

static int open_offline_ca(struct offline_ca *ca, const struct ca_key_settings *key,
			   struct fault *fault)
{
	if (load_manifest(ca->command->manifest, &ca->manifest, fault) < 0 ||
	    open_ca_layout(ca->manifest, &ca->layout, fault) < 0 || take_copies(ca, fault) < 0)
		return -1;
	return open_ca(ca->layout, ca->manifest, key, AUTHORITY_BESIDE, &ca->authority, fault);
}

static int print_signed(const struct command *command, const char *path,
			const struct sign_counts *counts, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	if (!command->json) {
		print_line("%s: certified %s; %s certified before; %zu refused", path,
			   counted(counts->certified, "request", "requests").text,
			   counted(counts->present, "was", "were").text, counts->refused);
		return 0;
	}
	add_json_text(&line, "path", path);
	add_json_number(&line, "certified", (long long)counts->certified);
	add_json_number(&line, "present", (long long)counts->present);
	add_json_number(&line, "refused", (long long)counts->refused);
	return print_json(&line, fault);
}

static int check_signed(const char *path, const struct sign_counts *counts, struct fault *fault)
{
	size_t certified = counts->certified + counts->present;

	if (counts->refused == 0)
		return 0;
	return set_fault(fault, certified > 0 ? FAULT_PARTIAL : FAULT_REFUSED,
			 "%s: refused %zu of %s, for the reasons above", path, counts->refused,
			 counted(certified + counts->refused, "request", "requests").text);
}

/* Prints the refusals of an answer and counts its members. */
static void print_and_count(const struct command *command, const struct offline_answer *offline,
			    struct sign_counts *counts)
{
	const struct certificates_answer *answer = &offline->answer;

	if (is_refused(&answer->refusal)) {
		counts->refused++;
		print_complaint(command, "%s: a whole request: refused (%s): %s", offline->client,
				answer->refusal.type, answer->refusal.detail);
		return;
	}
	counts->certified += answer->certificate_count;
	counts->refused += answer->refusal_count;
	for (size_t i = 0; i < answer->refusal_count; i++)
		print_complaint(command, "%s: %s: refused (%s): %s", offline->client,
				answer->refusals[i].name, answer->refusals[i].refusal.type,
				answer->refusals[i].refusal.detail);
}

/* The CA's roots, for a client whose requests are in the file. */
struct client_roots {
	char client[NAME_SIZE];
	struct buffer jwe; /* which names the client's last request */
};

/* What becomes of the lines of a file. */
struct sign_output {
	struct buffer answers; /* one a line */
	struct client_roots *roots;
	size_t roots_count;
	struct sign_counts counts;
};

static void clear_sign_output(struct sign_output *output)
{
	clear_buffer(&output->answers);
	for (size_t i = 0; i < output->roots_count; i++)
		clear_buffer(&output->roots[i].jwe);
	free(output->roots);
}

/* What an earlier answer brought for the same client is replaced. */
static int keep_roots(struct sign_output *output, struct offline_answer *answer,
		      struct fault *fault)
{
	struct client_roots *roots = output->roots;
	size_t i = 0;

	if (answer->roots.len == 0)
		return 0;
	while (i < output->roots_count && strcmp(roots[i].client, answer->client) != 0)
		i++;
	if (i == output->roots_count) {
		roots = reallocarray(roots, i + 1, sizeof(*roots));
		if (roots == NULL)
			return set_memory_fault(fault);
		output->roots = roots;
		output->roots_count++;
		roots[i] = (struct client_roots){0};
		memcpy(roots[i].client, answer->client, sizeof(roots[i].client));
	}
	clear_buffer(&roots[i].jwe);
	roots[i].jwe = take_buffer(&answer->roots);
	return 0;
}

/* One request, a JWE under the key shared with its client, which is known from the JWE. */
static int sign_line(const struct offline_ca *ca, const struct key_ring *ring, struct bytes line,
		     struct sign_output *output, struct fault *fault)
{
	CLEANUP(clear_offline_answer) struct offline_answer answer = {0};

	if (line.len > CERTIFICATES_REQUEST_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected a request of at most %d octets, found %zu",
				 CERTIFICATES_REQUEST_MAX, line.len);
	if (answer_offline_request(ca->authority, ca->layout, ring, line, read_clock(), &answer,
				   fault) < 0)
		return -1;
	if (answer.jwe.len == 0)
		return 0;
	print_and_count(ca->command, &answer, &output->counts);
	append_bytes(&output->answers, bytes_of_buffer(&answer.jwe));
	append_string(&output->answers, "\n");
	if (keep_roots(output, &answer, fault) < 0)
		return -1;
	return check_buffer(&output->answers, fault);
}

static int sign_lines(const struct offline_ca *ca, struct bytes text, struct sign_output *output,
		      struct fault *fault)
{
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	size_t number = 0;
	size_t found = 0;

	if (read_key_ring(ca->layout, read_clock(), &ring, fault) < 0)
		return -1;
	while (text.len > 0) {
		struct bytes line = cut_line(&text);

		number++;
		if (line.len == 0)
			continue;
		found++;
		if (sign_line(ca, &ring, line, output, fault) < 0)
			return prefix_fault(fault, "line %zu", number);
	}
	if (found == 0)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected exported requests, one a line, found none");
	for (size_t i = 0; i < output->roots_count; i++) {
		append_bytes(&output->answers, bytes_of_buffer(&output->roots[i].jwe));
		append_string(&output->answers, "\n");
	}
	return check_buffer(&output->answers, fault);
}

/* FILE.answer, but standard output for standard input. */
static int choose_output(const char *path, const char *given, char **ret_output,
			 struct fault *fault)
{
	bool stream = strcmp(path, "-") == 0;

	if (given != NULL || stream)
		*ret_output = strdup(given != NULL ? given : "-");
	else if (asprintf(ret_output, "%s.answer", path) < 0)
		*ret_output = NULL;
	return *ret_output != NULL ? 0 : set_memory_fault(fault);
}

static int sign_file(const struct offline_ca *ca, const char *path, const char *given,
		     struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(clear_sign_output) struct sign_output made = {0};
	CLEANUP(free_string) char *output = NULL;

	if (choose_output(path, given, &output, fault) < 0 || check_output(output, fault) < 0 ||
	    read_input(path, OFFLINE_FILE_MAX, &text, fault) < 0)
		return -1;
	if (sign_lines(ca, bytes_of_buffer(&text), &made, fault) < 0)
		return prefix_fault(fault, "%s", path);
	if (write_output(output, 0644, bytes_of_buffer(&made.answers), fault) < 0)
		return -1;
	/* Standard output may be the answer. */
	if (strcmp(output, "-") != 0 && print_signed(ca->command, path, &made.counts, fault) < 0)
		return -1;
	return check_signed(path, &made.counts, fault);
}

/* NAME.crt has one certificate: its owner may know neither the issuer nor a new root. The names of
   members have no point, so that none of their files has this name. */
static int write_ca_certificates(const struct offline_ca *ca, const char *folder,
				 struct fault *fault)
{
	CLEANUP(clear_ca_certificates) struct ca_certificates all = {.count = 0};
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(free_string) char *path = NULL;

	if (collect_ca_certificates(ca->authority, ca->layout, &all, fault) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		CLEANUP(clear_buffer) struct buffer pem = {0};

		if (format_certificate_pem(all.der[i], &pem, fault) < 0)
			return -1;
		append_bytes(&text, bytes_of_buffer(&pem));
	}
	if (asprintf(&path, "%s/cacerts.pem", folder) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	if (check_buffer(&text, fault) < 0)
		return -1;
	return replace_output(path, 0644, bytes_of_buffer(&text), fault);
}

static int sign_directory(const struct offline_ca *ca, const char *path, const char *client,
			  struct fault *fault)
{
	struct sign_counts counts;

	if (sign_folder(ca->command, ca->authority, client, path, &counts, fault) < 0 ||
	    (counts.certified + counts.present > 0 && write_ca_certificates(ca, path, fault) < 0) ||
	    print_signed(ca->command, path, &counts, fault) < 0)
		return -1;
	return check_signed(path, &counts, fault);
}

/* An exported file names its client and has one answer; a folder does neither. */
static int check_options(const struct sign_settings *given, const char *path, bool folder,
			 struct fault *fault)
{
	if (folder && given->client == NULL)
		return set_fault(
			fault, FAULT_USAGE,
			"%s: a folder of requests: expected --client with the client's name", path);
	if (folder && given->output != NULL)
		return set_fault(fault, FAULT_USAGE,
				 "%s: a folder of requests: expected no --output: each "
				 "certificate is written beside its request",
				 path);
	if (!folder && given->client != NULL)
		return set_fault(
			fault, FAULT_USAGE,
			"%s: not a folder: expected no --client: an exported file names its "
			"client",
			path);
	return 0;
}

static int run_sign(const struct command *command, const void *settings, struct fault *fault)
{
	const struct sign_settings *given = settings;
	const char *path = command->operands[0];
	CLEANUP(clear_offline_ca) struct offline_ca ca = {.command = command};
	struct stat status = {0};
	bool folder;

	if (stat(path, &status) < 0 && errno != ENOENT)
		return set_errno_fault(fault, "%s", path);
	folder = S_ISDIR(status.st_mode);
	if (check_options(given, path, folder, fault) < 0 ||
	    open_offline_ca(&ca, &given->key, fault) < 0)
		return -1;
	return folder ? sign_directory(&ca, path, given->client, fault)
		      : sign_file(&ca, path, given->output, fault);
}

const struct verb sign_verb = {
	.name = "sign",
	.group = VERB_CA,
	.operands = "FILE|FOLDER",
	.summary = "on the CA: certify requests without a network",
	.details =
		"Certifies the requests of a FILE that certpool enroll --export wrote, and writes\n"
		"FILE.answer for certpool enroll --import; several such files in one, too, whose\n"
		"answer each of the clients imports. In a FOLDER, certifies every NAME.csr\n"
		"(PEM, of any tool) for --client as NAME.crt beside it, and writes the CA's\n"
		"roots and issuers to cacerts.pem. The server may run.\n",
	.example = "certpool sign client1.jwe\n"
		   "certpool sign requests/ --client client1\n",
	.options = sign_options,
	.settings_size = sizeof(struct sign_settings),
	.fewest = 1,
	.most = 1,
	.expected = "a file or folder of requests",
	.run = run_sign,
};
