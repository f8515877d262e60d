#include "tools/received.h"

#include "common/base/clock.h"
#include "common/pool/members/trust.h"
#include "common/pool/revocation/ask_status.h"
#include "tools/output.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

struct checking {
	const struct command *command;
	const struct layout *layout;
	struct certificate *root;
	struct intermediates chain;
	struct status_client *ca; /* NULL: it is not asked */
	struct checked checked;
};

static void clear_checking(struct checking *checking)
{
	free_certificate(&checking->root);
	clear_intermediates(&checking->chain);
	free_status_client(&checking->ca);
}

static int ask_ca(const struct checking *checking, const struct certificate *certificate,
		  struct verdict *verdict, struct fault *fault)
{
	struct status_answer answer;

	if (checking->ca == NULL || verdict->invalid)
		return 0;
	if (ask_status(checking->ca, certificate_der(certificate), read_clock(), &answer, fault) <
	    0)
		return -1;
	if (answer.status != STATUS_GOOD)
		reject_because(verdict, "the CA says: %s", format_status(answer.status));
	return 0;
}

static int check_one(struct checking *checking, const char *name, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	struct verdict verdict = {0};

	if (read_file(checking->layout->received, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    parse_certificate_pem(bytes_of_buffer(&pem), &certificate, fault) < 0 ||
	    verify_chain(checking->root, intermediate_certificates(&checking->chain),
			 checking->chain.count, certificate, read_clock(), &verdict, fault) < 0 ||
	    ask_ca(checking, certificate, &verdict, fault) < 0)
		return prefix_fault(fault, "%s/received/%s", checking->layout->path, name);
	if (verdict.invalid)
		print_complaint(checking->command, "%s/received/%s: %s", checking->layout->path,
				name, verdict.reason);
	checking->checked.good += verdict.invalid ? 0 : 1;
	checking->checked.bad += verdict.invalid ? 1 : 0;
	return 0;
}

static bool is_certificate_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".crt") == 0;
}

static int check_all(struct checking *checking, struct fault *fault)
{
	CLEANUP(close_listing) DIR *listing = NULL;
	const struct dirent *entry;

	if (open_listing(checking->layout->received, &listing, fault) < 0)
		return prefix_fault(fault, "%s/received", checking->layout->path);
	for (errno = 0; (entry = readdir(listing)) != NULL; errno = 0)
		if (is_certificate_name(entry->d_name) &&
		    check_one(checking, entry->d_name, fault) < 0)
			return -1;
	if (errno != 0)
		return set_errno_fault(fault, "%s/received", checking->layout->path);
	if (checking->checked.good + checking->checked.bad == 0)
		return set_fault(fault, FAULT_NOT_FOUND,
				 "%s/received: expected certificates of messages, found none",
				 checking->layout->path);
	return 0;
}

int check_received(const struct command *command, const struct layout *layout,
		   const struct client_node *client, const struct endpoint *ca,
		   struct checked *ret_checked, struct fault *fault)
{
	CLEANUP(clear_checking) struct checking checking = {.command = command, .layout = layout};
	int result;

	if (read_root(layout, &checking.root, fault) < 0 ||
	    read_intermediates(layout, &checking.chain, fault) < 0)
		return -1;
	if (ca != NULL && new_status_client(layout, client->name, ca, &checking.ca, fault) < 0)
		return -1;
	result = check_all(&checking, fault);
	*ret_checked = checking.checked;
	return result;
}
