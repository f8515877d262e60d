/*
 * Opening the nodes of a manifest, and init_nodes, which makes what they lack: layouts first, then
 * the CA, shared keys, and the root in the clients. All layouts stay locked until the end, and are
 * always locked in the manifest's order, so that two runs cannot wait for each other.
 */
#include "tools/node.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/issue/init_authority.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/crypto/key_file.h"
#include "common/layout/known_endpoint.h"
#include "common/pool/members/pool_numbers.h"
#include "common/pool/members/trust.h"
#include "tools/operator.h"
#include "tools/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void clear_node(struct node *node)
{
	free_layout(&node->layout);
	free_manifest(&node->manifest);
}

int open_node(const struct command *command, const char *client, struct node *ret_node,
	      struct fault *fault)
{
	CLEANUP(clear_node) struct node node = {0};

	if (load_manifest(command->manifest, &node.manifest, fault) < 0)
		return -1;
	node.client = find_own_client(node.manifest, client, fault);
	node.written = node.manifest->ca.endpoint;
	if (node.client == NULL || open_layout(node.client->layout, &node.layout, fault) < 0 ||
	    find_endpoint(node.layout, CA_NAME, &node.written, &node.manifest->ca.endpoint, fault) <
		    0 ||
	    prepare_numbers(node.layout, node.client, read_clock(), fault) < 0)
		return -1;
	MOVE(ret_node, node);
	return 0;
}

/* The first attempt does not wait, so that the note appears only when another process works. */
int lock_or_wait(const struct command *command, const struct layout *layout, int *ret_lock,
		 struct fault *fault)
{
	struct fault busy = {0};

	if (lock_layout(layout, LOCK_REFUSE, ret_lock, &busy) == 0)
		return 0;
	if (busy.class != FAULT_BUSY)
		return pass_fault(&busy, fault);
	print_note(command, "layout %s: another certpool works on it: waiting until it is done",
		   layout->path);
	return lock_layout(layout, LOCK_WAIT, ret_lock, fault);
}

int remove_ended_keys(const struct layout *layout, struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault busy = {0};

	if (lock_layout(layout, LOCK_REFUSE, &lock, &busy) < 0)
		return busy.class == FAULT_BUSY ? 0 : pass_fault(&busy, fault);
	return sweep_ended_keys(layout, read_clock(), fault);
}

struct endpoint choose_endpoint(const struct endpoint *given, const struct endpoint *manifest)
{
	return given->host[0] != '\0' ? *given : *manifest;
}

struct endpoint_list choose_listen(const struct endpoint_list *given,
				   const struct endpoint_list *manifest)
{
	return given->count > 0 ? *given : *manifest;
}

int check_advertised(const struct manifest *manifest, const char *node,
		     const struct endpoint *endpoint, struct fault *fault)
{
	if (endpoint->port == 0)
		return set_fault(
			fault, FAULT_USAGE,
			"%s: expected a port in the endpoint of %s, found 0: others could not find "
			"it there",
			manifest->path, node);
	if (is_wildcard(endpoint))
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected in the endpoint of %s the address or name by which "
				 "other hosts reach it, found %s: write that there, and what is "
				 "there now as listen: beside it",
				 manifest->path, node, endpoint->host);
	return 0;
}

int open_ca_layout(const struct manifest *manifest, struct layout **ret_layout, struct fault *fault)
{
	if (manifest->ca.layout == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected a layout of the CA, found none: the CA runs on "
				 "another host, and this command belongs there",
				 manifest->path);
	return open_layout(manifest->ca.layout, ret_layout, fault);
}

/* A node of the manifest with its layout, which exists on this host or is to be made here. */
struct site {
	const char *name;
	const char *path;
	const struct client_node *client; /* NULL: the CA */
	bool selected;                    /* by the caller */
	bool elsewhere;                   /* a client that lives on another host */
	struct layout *layout;            /* NULL: on another host */
	int lock;
};

/* A kind of thing that can be made: its name in JSON, and the words for people. */
struct made_kind {
	const char *name;
	const char *text;
};

static const struct made_kind made_layout = {"layout", "made the layout"};
static const struct made_kind made_root = {"root", "made the root"};
static const struct made_kind made_certificate = {"certificate", "made the CA's certificate"};
static const struct made_kind made_chain = {"chain", "stored the CA's certificate"};
static const struct made_kind made_copy = {"root_copy", "put back the root from"};
static const struct made_kind made_record = {"record", "made the record of certificates"};
static const struct made_kind made_key = {"shared_key", "made a key shared with"};
static const struct made_kind made_pin = {"pinned_root", "pinned the root"};

/* One call of init_nodes. Sites: the CA if it has a layout, then the manifest's clients. */
struct init_context {
	const struct command *command;
	const struct manifest *manifest;
	const struct ca_key_settings *key;
	bool notes; /* what is made is reported in notes, else as data */
	struct site *sites;
	size_t count;
	struct nodes_made made;
	struct store *store; /* of the CA, where several front ends share it */
};

static void clear_init_context(struct init_context *context)
{
	for (size_t i = 0; i < context->count; i++) {
		free_layout(&context->sites[i].layout);
		close_descriptor(&context->sites[i].lock);
	}
	free(context->sites);
	free_store(&context->store);
}

/* Notes keep standard output for the verb that called init_nodes. */
static int report_made(struct init_context *context, const struct site *site,
		       const struct made_kind *kind, const char *detail, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};

	context->made.count++;
	if (context->notes) {
		print_note(context->command, "%s: %s %s", site->name, kind->text, detail);
		return 0;
	}
	if (!context->command->json) {
		print_line("%s: %s %s", site->name, kind->text, detail);
		return 0;
	}
	add_json_text(&line, "node", site->name);
	add_json_text(&line, "made", kind->name);
	add_json_text(&line, "detail", detail);
	return print_json(&line, fault);
}

static int list_sites(const struct manifest *manifest, struct init_context *context,
		      struct fault *fault)
{
	context->sites = calloc(manifest->client_count + 1, sizeof(*context->sites));
	if (context->sites == NULL)
		return set_memory_fault(fault);
	if (manifest->ca.layout != NULL)
		context->sites[context->count++] =
			(struct site){.name = CA_NAME, .path = manifest->ca.layout, .lock = -1};
	for (size_t i = 0; i < manifest->client_count; i++)
		context->sites[context->count++] =
			(struct site){.name = manifest->clients[i].name,
				      .path = manifest->clients[i].layout,
				      .client = &manifest->clients[i],
				      .lock = -1};
	return 0;
}

/* Whether an invitation was made for the client, so that it lives where that was carried to. */
static int note_invited(void *context, const struct client *client, struct fault *fault)
{
	struct init_context *init = context;

	(void)fault;
	for (size_t i = 0; i < init->count && client->invited_at_s != 0; i++)
		if (strcmp(init->sites[i].name, client->name) == 0)
			init->sites[i].elsewhere = true;
	return 0;
}

/* The clients for which nothing is made here, unless the caller names them: those that the manifest
   has elsewhere, and those that were invited and have no layout here. */
static int find_elsewhere(struct init_context *context, struct fault *fault)
{
	CLEANUP(free_layout) struct layout *layout = NULL;
	CLEANUP(free_store) struct store *store = NULL;
	struct fault absent = {0};

	if (context->manifest->ca.layout != NULL &&
	    open_layout(context->manifest->ca.layout, &layout, &absent) == 0 &&
	    open_ca_record(layout, &context->manifest->ca, &store, &absent) == 0 &&
	    list_clients(store, note_invited, context, fault) < 0)
		return -1;
	if (absent.class != FAULT_NONE && absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	for (size_t i = 0; i < context->count; i++) {
		struct site *site = &context->sites[i];

		if (site->client == NULL)
			continue;
		if (site->elsewhere && access(site->path, F_OK) == 0)
			site->elsewhere = false;
		site->elsewhere = site->elsewhere || site->client->elsewhere;
	}
	return 0;
}

static int select_site(struct init_context *context, const char *name, struct fault *fault)
{
	for (size_t i = 0; i < context->count; i++) {
		struct site *site = &context->sites[i];

		if (strcmp(site->name, name) != 0)
			continue;
		if (site->client != NULL && site->client->elsewhere)
			return set_fault(fault, FAULT_USAGE,
					 "%s: %s is elsewhere: certpool invite %s makes a file by "
					 "which it joins on its host",
					 context->manifest->path, name, name);
		site->selected = true;
		site->elsewhere = false;
		return 0;
	}
	if (strcmp(name, CA_NAME) == 0)
		return set_fault(fault, FAULT_USAGE,
				 "%s: expected a layout of the CA, found none: the CA runs on "
				 "another host",
				 context->manifest->path);
	(void)find_client(context->manifest, name, fault);
	return -1;
}

static int select_sites(struct init_context *context, const char *const *names, size_t count,
			struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		if (select_site(context, names[i], fault) < 0)
			return -1;
	for (size_t i = 0; count == 0 && i < context->count; i++)
		context->sites[i].selected = !context->sites[i].elsewhere;
	return 0;
}

/* A node that was not selected takes part, to share keys, if its layout is on this host. */
static int open_site(struct init_context *context, struct site *site, struct fault *fault)
{
	struct fault absent = {0};

	if (site->elsewhere)
		return 0;
	if (open_layout(site->path, &site->layout, &absent) < 0) {
		if (!site->selected)
			return 0;
		if (absent.class != FAULT_NOT_FOUND)
			return pass_fault(&absent, fault);
		if (make_layout(site->path, &site->layout, fault) < 0 ||
		    report_made(context, site, &made_layout, site->path, fault) < 0)
			return -1;
	}
	if (lock_or_wait(context->command, site->layout, &site->lock, fault) < 0)
		return -1;
	return sweep_staging(site->layout->private, fault);
}

/* The CA's site when its layout is on this host, else NULL. */
static const struct site *find_ca(const struct init_context *context)
{
	bool here = context->count > 0 && context->sites[0].client == NULL &&
		    context->sites[0].layout != NULL;

	return here ? &context->sites[0] : NULL;
}

static int report_authority(struct init_context *context, const struct site *site,
			    const struct authority_made *made, struct fault *fault)
{
	const struct ca_node *ca = &context->manifest->ca;

	if (made->root_layout &&
	    report_made(context, site, &made_layout, ca->root_layout, fault) < 0)
		return -1;
	if (made->root && report_made(context, site, &made_root, ca->subject, fault) < 0)
		return -1;
	if (made->certificate &&
	    report_made(context, site, &made_certificate, ca->intermediate_subject, fault) < 0)
		return -1;
	if (made->copy && report_made(context, site, &made_copy, ca->root_layout, fault) < 0)
		return -1;
	if (!made->store)
		return 0;
	return report_made(context, site, &made_record,
			   ca->store != NULL ? ca->store : "state/" STORE_FILE, fault);
}

/* Only when the record is new, before anything is issued. */
static void warn_of_missing_urls(const struct init_context *context, const struct site *site)
{
	const struct ca_node *ca = &context->manifest->ca;
	const char *missing = "ca.crl.url and no ca.ocsp.url";
	const char *how = "";

	if (ca->root_layout != NULL && ca->root_crl_url == NULL)
		print_note(context->command,
			   "%s: the manifest has no ca.root_crl.url: the CA's certificate will not "
			   "say where the root's CRL is, and it cannot be added to it later",
			   site->name);
	if (ca->crl_url != NULL && ca->ocsp_url != NULL)
		return;
	if (ca->ocsp_url != NULL) {
		missing = "ca.crl.url";
		how = " in a CRL";
	} else if (ca->crl_url != NULL) {
		missing = "ca.ocsp.url";
		how = " by OCSP";
	}
	print_note(context->command,
		   "%s: the manifest has no %s: certificates will not say where their status "
		   "can be looked up%s, and it cannot be added to a certificate later",
		   site->name, missing, how);
}

/* The CA before the keys and clients: the clients pin the root that is made here. */
static int make_authority(struct init_context *context, struct fault *fault)
{
	CLEANUP(clear_key_access) struct key_access access = {0};
	const struct site *ca = find_ca(context);
	struct authority_made made;

	if (ca == NULL || !ca->selected)
		return 0;
	if (open_key_access(context->manifest, context->key, &access, fault) < 0 ||
	    init_authority(ca->layout, context->manifest, &access, read_clock(), &made, fault) <
		    0 ||
	    report_authority(context, ca, &made, fault) < 0)
		return -1;
	context->made.record = made.store;
	if (made.store && !context->notes)
		warn_of_missing_urls(context, ca);
	return 0;
}

/* The CA shares a key with each client; two clients share one when either of them can receive. */
static bool need_key(const struct site *a, const struct site *b)
{
	if (a->layout == NULL || b->layout == NULL || (!a->selected && !b->selected))
		return false;
	return a->client == NULL || a->client->has_endpoint || b->client->has_endpoint;
}

/* What other front ends of the CA share is in its record, too. */
static int record_made_key(struct init_context *context, const struct site *ca, const char *client,
			   struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key key = {0};

	if (context->store == NULL)
		return 0;
	if (read_shared_key(ca->layout, client, &key, fault) < 0)
		return -1;
	return record_client_key(context->store, ca->layout, client, &key, fault);
}

/* Where front ends share a record, its keys are here before others are made. */
static int take_shared_keys(struct init_context *context, struct fault *fault)
{
	const struct site *ca = find_ca(context);
	const struct ca_node *node = &context->manifest->ca;

	if (ca == NULL || node->store == NULL)
		return 0;
	if (open_ca_record(ca->layout, node, &context->store, fault) < 0)
		return -1;
	return take_client_keys(context->store, ca->layout, fault);
}

static int share_keys(struct init_context *context, const struct site *a, struct fault *fault)
{
	for (const struct site *b = a + 1; b < context->sites + context->count; b++) {
		bool made = false;

		if (!need_key(a, b))
			continue;
		if (share_key(a->layout, a->name, b->layout, b->name, &made, fault) < 0 ||
		    (made && a->client == NULL && record_made_key(context, a, b->name, fault) < 0))
			return prefix_fault(fault, "the key of %s and %s", a->name, b->name);
		if (made && report_made(context, a, &made_key, b->name, fault) < 0)
			return -1;
	}
	return 0;
}

static int pin_in_client(struct init_context *context, const struct site *site,
			 const struct certificate *root, struct fault *fault)
{
	bool written;

	if (pin_root(site->layout, certificate_der(root), &written, fault) < 0)
		return prefix_fault(fault, "%s", site->name);
	return written ? report_made(context, site, &made_pin, certificate_subject(root), fault)
		       : 0;
}

static int store_chain_in_client(struct init_context *context, const struct site *site,
				 const struct intermediates *chain, struct fault *fault)
{
	bool written;

	if (keep_intermediates(site->layout, chain, &written, fault) < 0)
		return prefix_fault(fault, "%s", site->name);
	return written ? report_made(context, site, &made_chain,
				     certificate_subject(chain->certificates[0]), fault)
		       : 0;
}

/* Without the CA on this host, a client gets its root from an invitation (join). */
static int pin_in_clients(struct init_context *context, struct fault *fault)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_intermediates) struct intermediates chain = {0};
	const struct site *ca = find_ca(context);

	if (ca != NULL && (read_root(ca->layout, &root, fault) < 0 ||
			   read_intermediates(ca->layout, &chain, fault) < 0))
		return -1;
	for (size_t i = 0; i < context->count; i++) {
		const struct site *site = &context->sites[i];
		bool found;

		if (site->client == NULL || !site->selected)
			continue;
		if (root != NULL && (pin_in_client(context, site, root, fault) < 0 ||
				     store_chain_in_client(context, site, &chain, fault) < 0))
			return -1;
		if (find_file(site->layout->cert, ROOT_FILE, &found, fault) < 0)
			return prefix_fault(fault, "%s/cert", site->layout->path);
		if (!found)
			print_note(context->command,
				   "%s: has no root yet: run certpool invite %s where the CA is, "
				   "and certpool join here",
				   site->name, site->name);
	}
	return 0;
}

int init_nodes(const struct command *command, const struct manifest *manifest,
	       const struct ca_key_settings *key, const char *const *names, size_t count,
	       struct nodes_made *ret_made, struct fault *fault)
{
	CLEANUP(clear_init_context)
	struct init_context context = {
		.command = command, .manifest = manifest, .key = key, .notes = ret_made == NULL};

	if (list_sites(manifest, &context, fault) < 0 || find_elsewhere(&context, fault) < 0 ||
	    select_sites(&context, names, count, fault) < 0)
		return -1;
	for (size_t i = 0; i < context.count; i++)
		if (open_site(&context, &context.sites[i], fault) < 0)
			return -1;
	if (make_authority(&context, fault) < 0 || take_shared_keys(&context, fault) < 0)
		return -1;
	for (size_t i = 0; i < context.count; i++)
		if (share_keys(&context, &context.sites[i], fault) < 0)
			return -1;
	if (pin_in_clients(&context, fault) < 0)
		return -1;
	if (context.store != NULL && context.made.count > 0)
		settle_changes(context.store);
	if (ret_made != NULL)
		*ret_made = context.made;
	return 0;
}
