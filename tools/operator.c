/* Opens the CA's record for the operator's verbs, and publishes the CRL after a change. */
#include "tools/operator.h"

#include "common/base/clock.h"
#include "common/ca/signer/signer.h"
#include "common/ca/store/crl_state.h"
#include "tools/node.h"

void clear_operator(struct ca_operator *ca)
{
	free_signer(&ca->signer);
	free_issuer(&ca->issuer);
	free_store(&ca->store);
	free_layout(&ca->layout);
	free_manifest(&ca->manifest);
}

int open_ca_record(const struct layout *layout, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_string) char *path = NULL;

	if (locate_store(layout, &path, fault) < 0)
		return -1;
	return open_store(path, ret_store, fault);
}

int open_operator(const struct command *command, struct ca_operator *ret_operator,
		  struct fault *fault)
{
	CLEANUP(clear_operator) struct ca_operator ca = {.now_s = read_clock()};

	if (load_manifest(command->manifest, &ca.manifest, fault) < 0 ||
	    open_ca_layout(ca.manifest, &ca.layout, fault) < 0 ||
	    open_ca_record(ca.layout, &ca.store, fault) < 0)
		return -1;
	MOVE(ret_operator, ca);
	return 0;
}

static struct ca_crl_options crl_options(const struct ca_operator *ca)
{
	return (struct ca_crl_options){.store = ca->store,
				       .layout = ca->layout,
				       .issuer = ca->issuer,
				       .validity_s = ca->manifest->ca.crl_validity_s};
}

/* What publish_crl would report, without opening the key. */
static int describe_current_crl(const struct ca_operator *ca, struct crl_info *ret_info,
				struct fault *fault)
{
	struct crl_state state;

	if (read_crl_state(ca->store, &state, fault) < 0)
		return -1;
	*ret_info = (struct crl_info){.number = state.current_number,
				      .this_update_s = state.this_update_s,
				      .next_update_s = state.next_update_s};
	return 0;
}

static int load_key(struct ca_operator *ca, const struct ca_key_settings *key, struct fault *fault)
{
	const struct signer_settings settings = {
		.layout = ca->layout, .ca = &ca->manifest->ca, .store = ca->store};
	CLEANUP(clear_key_access) struct key_access access = {0};

	if (open_key_access(ca->manifest, key, &access, fault) < 0 ||
	    load_issuer(ca->layout, &ca->manifest->ca, &access, &ca->issuer, fault) < 0)
		return -1;
	return new_signer(&settings, ca->issuer, &ca->signer, fault);
}

int publish_ca_crl(struct ca_operator *ca, const struct ca_key_settings *key,
		   enum crl_publishing mode, struct crl_info *ret_info, struct fault *fault)
{
	struct ca_crl_options options = crl_options(ca);
	struct fault due = {0};

	if (mode == CRL_WHEN_DUE && check_crl(&options, ca->now_s, &due) == 0)
		return describe_current_crl(ca, ret_info, fault);
	if (ca->issuer == NULL && load_key(ca, key, fault) < 0)
		return -1;
	options.issuer = ca->issuer;
	return publish_crl(&options, mode, ca->now_s, ret_info, fault);
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
	return publish_root_crl(&home, revoked, mode, ca->now_s, ret_info, fault);
}
