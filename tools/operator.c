#include "tools/operator.h"

#include "common/base/clock.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/store/crl_state.h"
#include "tools/node.h"

#include <stdio.h>

void clear_operator(struct operator* side)
{
	free_issuer(&side->issuer);
	free_store(&side->store);
	free_layout(&side->layout);
	free_manifest(&side->manifest);
}

int open_ca_record(const struct layout *layout, struct store **ret_store, struct fault *fault)
{
	CLEANUP(free_string) char *path = NULL;

	if (asprintf(&path, "%s/state/ca.db", layout->path) < 0) {
		path = NULL;
		return set_memory_fault(fault);
	}
	return open_store(path, ret_store, fault);
}

int open_operator(const struct command *command, struct operator* ret_side, struct fault *fault)
{
	CLEANUP(clear_operator) struct operator side = {.now_s = read_clock()};

	if (load_manifest(command->manifest, &side.manifest, fault) < 0 ||
	    open_ca_layout(side.manifest, &side.layout, fault) < 0 ||
	    open_ca_record(side.layout, &side.store, fault) < 0)
		return -1;
	MOVE(ret_side, side);
	return 0;
}

static struct ca_crl_options terms_of(const struct operator* side)
{
	return (struct ca_crl_options){.store = side->store,
				       .layout = side->layout,
				       .issuer = side->issuer,
				       .validity_s = side->manifest->ca.crl_validity_s};
}

static int read_certificate_status(const struct operator* side, struct crl_info *ret_info,
				   struct fault *fault)
{
	struct crl_state state;

	if (read_crl_state(side->store, &state, fault) < 0)
		return -1;
	*ret_info = (struct crl_info){.number = state.standing,
				      .this_update_s = state.this_update_s,
				      .next_update_s = state.next_update_s};
	return 0;
}

static int load_key(struct operator* side, const struct ca_key_settings *key, struct fault *fault)
{
	CLEANUP(clear_key_access) struct key_access access = {0};

	if (open_key_access(side->manifest, key, &access, fault) < 0)
		return -1;
	return load_issuer(side->layout, &side->manifest->ca, &access, &side->issuer, fault);
}

int publish_ca_crl(struct operator* side, const struct ca_key_settings *key,
		   enum crl_publishing mode, struct crl_info *ret_info, struct fault *fault)
{
	struct ca_crl_options terms = terms_of(side);
	struct fault flaw = {0};

	if (mode == CRL_WHEN_DUE && check_crl(&terms, side->now_s, &flaw) == 0)
		return read_certificate_status(side, ret_info, fault);
	if (side->issuer == NULL && load_key(side, key, fault) < 0)
		return -1;
	terms = terms_of(side);
	return publish_crl(&terms, mode, side->now_s, ret_info, fault);
}
