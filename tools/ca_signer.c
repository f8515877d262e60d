/* Starts the process that has the CA's key, and ends with it. */
#include "tools/ca_signer.h"

#include "common/base/clock.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/signer/sandboxes.h"
#include "tools/operator.h"
#include "tools/output.h"

#include <stdlib.h>
#include <unistd.h>

/* In the signer's process, which has the front's descriptors until here. */
struct opened_signer {
	struct signer_plan *plan;
	struct store *store;
	struct key_access access; /* kept for the keys of later issuers */
	struct issuer_set issuers;
};

/* The key of an issuer that another front end has made, and of which the layout, where the signer
   writes nothing, has no file yet. */
static int find_recorded_key(void *context, unsigned int number, struct secret *ret_pem,
			     struct fault *fault)
{
	const struct opened_signer *opened = context;

	return read_issuer_key(opened->store, opened->plan->layout, number, ret_pem, fault);
}

static int open_keys(struct opened_signer *opened, struct fault *fault)
{
	const struct signer_plan *plan = opened->plan;
	const struct ca_node *ca = &plan->manifest->ca;

	if (open_key_access(plan->manifest, plan->key, &opened->access, fault) < 0 ||
	    load_issuers(plan->layout, ca, &opened->access, &opened->issuers, fault) < 0)
		return -1;
	if (check_issuer_validity(newest_issuer(&opened->issuers), read_clock(), fault) < 0)
		return prefix_fault(fault, "%s", plan->layout->path);
	if (open_ca_record(plan->layout, ca, &opened->store, fault) < 0)
		return -1;
	if (is_shared_store(opened->store)) {
		opened->access.find = find_recorded_key;
		opened->access.find_context = opened;
	}
	return 0;
}

static int learn_issuers(void *context, struct fault *fault)
{
	struct opened_signer *opened = context;
	const struct layout *layout = opened->plan->layout;
	const struct ca_node *ca = &opened->plan->manifest->ca;

	if (load_issuers(layout, ca, &opened->access, &opened->issuers, fault) < 0)
		return -1;
	return refresh_certificates(opened->store, layout, ca, &opened->issuers, fault);
}

static void say_lacking(const struct command *command, const char *process,
			const struct sandbox_result *result)
{
	if (!result->files)
		print_note(command, "this kernel has no Landlock: the %s could open other files",
			   process);
	if (!result->system_calls)
		print_note(command, "this kernel has no seccomp: the %s could use any system call",
			   process);
}

int enter_front_sandbox(const struct command *command, const struct layout *layout,
			const struct ca_node *ca, struct fault *fault)
{
	struct sandbox_result result;

	if (close_front_sandbox(layout, ca, &result, fault) < 0)
		return -1;
	say_lacking(command, "front", &result);
	return 0;
}

static int enter_signer_sandbox(const struct signer_plan *plan, struct fault *fault)
{
	struct sandbox_result result;

	if (plan->manifest->ca.key_url != NULL) {
		print_note(
			plan->command,
			"the CA's key is in a token, whose module does what it likes: the signer "
			"has no list of files and of system calls");
		return 0;
	}
	if (close_signer_sandbox(plan->layout, &plan->manifest->ca, plan->command->manifest,
				 &result, fault) < 0)
		return -1;
	say_lacking(plan->command, "signer", &result);
	return 0;
}

static int open_service(void *context, struct signer_service *ret_service, struct fault *fault)
{
	struct opened_signer *opened = context;
	const struct signer_plan *plan = opened->plan;
	struct signer_settings settings = {.layout = plan->layout,
					   .ca = &plan->manifest->ca,
					   .learn = learn_issuers,
					   .learn_context = opened};
	struct signer_service service = {.layout = plan->layout,
					 .manifest = plan->command->manifest};

	clear_stop(plan->stop);
	if (plan->ready > STDERR_FILENO)
		(void)close((int)plan->ready);
	if (open_keys(opened, fault) < 0)
		return -1;
	settings.store = opened->store;
	service.store = opened->store;
	if (take_client_keys(opened->store, plan->layout, fault) < 0 ||
	    new_signer(&settings, &opened->issuers, &service.signer, fault) < 0 ||
	    enter_signer_sandbox(plan, fault) < 0)
		return -1;
	*ret_service = service;
	return 0;
}

static void close_service(void *context, struct signer_service *service)
{
	struct opened_signer *opened = context;

	free_signer(&service->signer);
	clear_issuer_set(&opened->issuers);
	clear_key_access(&opened->access);
	free_store(&opened->store);
}

/* Nothing is lost that a kill would not lose. */
static void end_without_signer(void *context)
{
	print_complaint(context,
			"the signer has ended, and without it this CA can do nothing: look "
			"at the system's log, and start certpool serve again");
	_exit(EXIT_FAILURE);
}

int end_with_signer(struct signer_link *link, struct command *command, struct fault *fault)
{
	return watch_signer(link, end_without_signer, command, fault);
}

int start_signer(struct signer_plan *plan, struct signer_link **ret_link, struct fault *fault)
{
	CLEANUP(end_signer) struct signer_link *link = NULL;
	struct opened_signer opened = {.plan = plan};

	if (fork_signer(open_service, close_service, &opened, &link, fault) < 0)
		return -1;
	if (plan->key->passphrase_fd > STDERR_FILENO)
		(void)close((int)plan->key->passphrase_fd);
	*ret_link = TAKE(link);
	return 0;
}

int read_keys_from_signer(void *link, struct key_ring *ret_ring, struct fault *fault)
{
	return ask_for_key_ring(link, ret_ring, fault);
}

int stamp_keys_at_signer(void *link, uint8_t ret_stamp[static SHA256_LEN], struct fault *fault)
{
	return ask_for_key_stamp(link, ret_stamp, fault);
}

int reload_from_signer(struct signer_link *link, const struct command *command,
		       struct manifest **ret_manifest, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};

	if (ask_for_manifest(link, MANIFEST_SIZE_MAX, &text, fault) < 0)
		return prefix_fault(fault, "the manifest cannot be read");
	return parse_manifest(bytes_of_buffer(&text), command->manifest, ret_manifest, fault);
}
