/* Opens the CA's record for the operator's verbs, and publishes the CRL after a change. */
#include "tools/operator.h"

#include "common/base/clock.h"
#include "common/ca/issue/rotate_root.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/shared/front_ends.h"
#include "common/ca/shared/issuer_copies.h"
#include "common/ca/signer/signer.h"
#include "common/ca/store/crl_state.h"
#include "tools/node.h"
#include "tools/output.h"

#include <poll.h>

void clear_operator(struct ca_operator *ca)
{
	free_signer(&ca->signer);
	clear_issuer_set(&ca->issuers);
	free_store(&ca->store);
	free_layout(&ca->layout);
	free_manifest(&ca->manifest);
}

int open_ca_record(const struct layout *layout, const struct ca_node *ca, struct store **ret_store,
		   struct fault *fault)
{
	CLEANUP(free_string) char *location = NULL;
	CLEANUP(free_store) struct store *store = NULL;

	if (locate_store(layout, ca, &location, fault) < 0 ||
	    open_store(location, &store, fault) < 0 ||
	    recognise_front_end(store, layout, fault) < 0 || take_issuers(store, layout, fault) < 0)
		return -1;
	*ret_store = TAKE(store);
	return 0;
}

int await_ca_record(const struct command *command, const struct layout *layout,
		    const struct ca_node *ca, const struct stop *stop, struct fault *fault)
{
	enum { WAIT_MS = 1000 };
	struct pollfd signals = {.fd = stop->signals, .events = POLLIN};
	bool said = false;

	while (ca->store != NULL) {
		CLEANUP(free_store) struct store *store = NULL;
		struct fault problem = {0};

		if (open_ca_record(layout, ca, &store, &problem) == 0)
			return 0;
		if (problem.class != FAULT_UNREACHABLE)
			return pass_fault(&problem, fault);
		if (!said)
			print_complaint(command, "%s; waits for it", problem.text);
		said = true;
		if (poll(&signals, 1, WAIT_MS) > 0)
			return pass_fault(&problem, fault);
	}
	return 0;
}

int open_operator(const struct command *command, struct ca_operator *ret_operator,
		  struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {.now_s = read_clock()};

	if (load_manifest(command->manifest, &ca.manifest, fault) < 0 ||
	    open_ca_layout(ca.manifest, &ca.layout, fault) < 0 ||
	    open_ca_record(ca.layout, &ca.manifest->ca, &ca.store, fault) < 0 ||
	    take_client_keys(ca.store, ca.layout, fault) < 0)
		return -1;
	MOVE(ret_operator, ca);
	return 0;
}

static int load_keys(struct ca_operator *ca, const struct ca_key_settings *key, struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;
	const struct signer_settings settings = {
		.layout = ca->layout, .ca = node, .store = ca->store};
	CLEANUP(clear_key_access) struct key_access access = {0};

	if (open_key_access(ca->manifest, key, &access, fault) < 0 ||
	    load_issuers(ca->layout, node, &access, &ca->issuers, fault) < 0 ||
	    sync_issuers(ca->store, ca->layout, node, &ca->issuers, ca->now_s, fault) < 0)
		return -1;
	return new_signer(&settings, &ca->issuers, &ca->signer, fault);
}

/* Publishes without the keys what is current. *ret_due: an issuer's CRL is not, or it is not in the
   record yet. */
static int describe_current_crls(const struct ca_operator *ca, struct ca_crls *crls, bool *ret_due,
				 struct fault *fault)
{
	struct ca_crl_options options = {.store = ca->store, .layout = ca->layout};
	struct fault due = {0};
	unsigned int recorded;

	if (count_issuing_certificates(ca->layout, &ca->manifest->ca, &crls->count, fault) < 0 ||
	    read_newest_issuer(ca->store, &recorded, fault) < 0)
		return -1;
	*ret_due = recorded != crls->count;
	for (unsigned int i = 0; i < crls->count && !*ret_due; i++) {
		struct crl_state state;

		options.number = i + 1;
		*ret_due = check_crl(&options, ca->now_s, &due) < 0;
		if (read_crl_state(ca->store, options.number, &state, fault) < 0)
			return -1;
		crls->infos[i] = describe_crl(&state, ca->now_s);
	}
	return 0;
}

int publish_ca_crls(struct ca_operator *ca, const struct ca_key_settings *key,
		    enum crl_publishing mode, struct ca_crls *ret_crls, struct fault *fault)
{
	struct ca_crl_options options = {.store = ca->store,
					 .layout = ca->layout,
					 .validity_s = ca->manifest->ca.crl_validity_s};
	struct ca_crls crls = {0};
	bool due;

	if (describe_current_crls(ca, &crls, &due, fault) < 0)
		return -1;
	if (mode == CRL_WHEN_DUE && !due) {
		*ret_crls = crls;
		return 0;
	}
	if (ca->signer == NULL && load_keys(ca, key, fault) < 0)
		return -1;
	crls.count = count_issuers(&ca->issuers);
	for (unsigned int i = 0; i < crls.count; i++) {
		options.number = i + 1;
		options.issuer = get_issuer(&ca->issuers, options.number);
		if (publish_crl(&options, mode, ca->now_s, &crls.infos[i], fault) < 0)
			return -1;
	}
	*ret_crls = crls;
	return 0;
}

void publish_after(const struct command *command, struct ca_operator *ca,
		   const struct ca_key_settings *key, const char *done, const char *remedy)
{
	struct ca_crls crls;
	struct fault fault = {0};

	if (publish_ca_crls(ca, key, CRL_WHEN_DUE, &crls, &fault) < 0)
		print_complaint(command, "%s could not be made: %s%s", done, fault.text, remedy);
}

uint64_t lowest_crl_number(const struct ca_crls *crls)
{
	uint64_t lowest = 0;

	for (unsigned int i = 0; i < crls->count; i++)
		if (!crls->infos[i].ended && (lowest == 0 || crls->infos[i].number < lowest))
			lowest = crls->infos[i].number;
	return lowest;
}

int read_issuers(const struct ca_operator *ca, struct issuer_set *ret_issuers, struct fault *fault)
{
	return load_issuers(ca->layout, &ca->manifest->ca, NULL, ret_issuers, fault);
}

int find_crl_issuers(const struct ca_operator *ca, const struct issuer_set *issuers,
		     struct ca_roots *ret_roots, struct crl_issuers *ret_found, struct fault *fault)
{
	struct crl_issuers found = {0};

	if (read_ca_roots(ca->layout, ret_roots, fault) < 0)
		return -1;
	for (; found.count < count_issuers(issuers); found.count++)
		found.certificates[found.count] =
			issuer_certificate(get_issuer(issuers, found.count + 1));
	found.roots[found.root_count++] = ret_roots->root;
	if (ret_roots->next != NULL)
		found.roots[found.root_count++] = ret_roots->next;
	for (size_t i = 0; i < ret_roots->cross.count && found.root_count < CRL_ROOTS_MAX; i++)
		found.roots[found.root_count++] = ret_roots->cross.certificates[i];
	*ret_found = found;
	return 0;
}

int publish_ca_root_crl(const struct ca_operator *ca, const struct ca_key_settings *key,
			const struct crl_entry *revoked, enum crl_publishing mode,
			struct crl_info *ret_info, struct fault *fault)
{
	const struct ca_node *node = &ca->manifest->ca;
	CLEANUP(clear_key_access) struct key_access access = {0};
	CLEANUP(clear_root_home) struct root_home home = {.lock = -1};

	if (node->root_layout == NULL)
		return set_fault(fault, FAULT_USAGE,
				 "expected a root that lies apart (ca.root_layout), found a CA "
				 "that issues under its root: the root's CRL is the CA's");
	if (open_key_access(ca->manifest, key, &access, fault) < 0 ||
	    open_root_home(ca->layout, node, &access, &home, fault) < 0)
		return -1;
	if (publish_root_crl(&home, revoked, mode, ca->now_s, ret_info, fault) < 0)
		return -1;
	if (publish_next_root_crl(&home, mode, ca->now_s, fault) < 0)
		return -1;
	return publish_old_root_crl(&home, mode, ca->now_s, fault);
}
