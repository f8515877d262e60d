#include "common/ca/acme/orders.h"
#include "tests/fuzz/target.h"

#include <assert.h>
#include <string.h>

/* Each payload of ACME is refused with a reason, or keeps its promises. */
static void parse_payload(struct bytes json)
{
	struct account_request account = {0};
	struct order_request order = {0};
	struct acme_revocation revocation = {0};
	struct key_change change = {0};
	struct public_key *key = NULL;
	struct buffer der = {0};
	struct fault fault = {0};

	if (parse_account_request(json, &account, &fault) == 0)
		assert(account.has_contact == (account.contact != NULL));
	else
		assert(fault.text[0] != '\0');
	if (parse_order_request(json, &order, &fault) == 0)
		assert(order.names.count >= 1 && order.names.count <= ACME_NAMES_MAX);
	if (parse_finalize_request(json, &der, &fault) == 0)
		assert(der.len <= CSR_DER_MAX + 2);
	(void)!parse_acme_revocation(json, &revocation, &fault);
	(void)!parse_key_change(json, &change, &fault);
	(void)!parse_bound_key(json, &key, &fault);
	clear_account_request(&account);
	clear_order_request(&order);
	clear_buffer(&der);
	clear_buffer(&revocation.der);
	clear_key_change(&change);
	free_public_key(&key);
}

/* A JWS is refused with a reason, or has what its place asks for, and its payload is parsed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct derived_key key = {.kid = "k"};
	const struct bytes json = {data, size};
	struct acme_order order = {0};

	for (enum jws_place place = JWS_REQUEST; place <= JWS_BINDING; place++) {
		CLEANUP(clear_flattened_jws) struct flattened_jws jws = {0};
		struct verdict verdict = {0};
		struct fault fault = {0};

		if (parse_flattened_jws(json, place, &jws, &fault) < 0) {
			assert(jws.url == NULL && fault.text[0] != '\0');
			continue;
		}
		assert(jws.url != NULL && (jws.nonce != NULL) == (place == JWS_REQUEST));
		assert((jws.kid == NULL) == (jws.key != NULL));
		if (jws.key != NULL)
			assert(verify_flattened_jws(&jws, jws.key, &verdict, &fault) == 0);
		parse_payload(bytes_of_buffer(&jws.payload));
	}
	parse_payload(json);
	if (parse_token(json, TOKEN_ORDER, &key, 1, &order, &(struct fault){0}) == 0)
		assert(order.request.names.count > 0);
	clear_acme_order(&order);
	return 0;
}
