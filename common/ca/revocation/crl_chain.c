#include "common/ca/revocation/crl_chain.h"

#include "common/x509/revocation/crl_bundle.h"

void init_crl_chain(struct crl_chain *chain)
{
	*chain = (struct crl_chain){0};
	pthread_mutex_init(&chain->lock, NULL);
}

static void release_parts(struct crl_chain *chain)
{
	release_shared_body(&chain->text);
	while (chain->count > 0)
		release_shared_body(&chain->crls[--chain->count]);
}

void clear_crl_chain(struct crl_chain *chain)
{
	release_parts(chain);
	pthread_mutex_destroy(&chain->lock);
}

static int write_text(struct crl_chain *chain, struct shared_body *const *crls, size_t count,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct shared_body *text = NULL;
	struct bytes ders[CHAIN_CRLS_MAX];

	for (size_t i = 0; i < count; i++)
		ders[i] = shared_octets(crls[i]);
	if (format_crl_bundle(ders, count, &pem, fault) < 0 ||
	    new_shared_body(&pem, &text, fault) < 0)
		return -1;
	release_parts(chain);
	chain->text = text;
	for (; chain->count < count; chain->count++)
		chain->crls[chain->count] = hold_shared_body(crls[chain->count]);
	return 0;
}

static bool has_crls(const struct crl_chain *chain, struct shared_body *const *crls, size_t count)
{
	if (chain->text == NULL || chain->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (chain->crls[i] != crls[i])
			return false;
	return true;
}

int get_crl_chain(struct crl_chain *chain, struct shared_body *const *crls, size_t count,
		  struct shared_body **ret_text, struct fault *fault)
{
	int result = 0;

	pthread_mutex_lock(&chain->lock);
	if (!has_crls(chain, crls, count))
		result = write_text(chain, crls, count, fault);
	if (result == 0)
		*ret_text = hold_shared_body(chain->text);
	pthread_mutex_unlock(&chain->lock);
	return result;
}
