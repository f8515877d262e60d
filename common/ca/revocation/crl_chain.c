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
	release_shared_body(&chain->root_crl);
	release_shared_body(&chain->crl);
}

void clear_crl_chain(struct crl_chain *chain)
{
	release_parts(chain);
	pthread_mutex_destroy(&chain->lock);
}

static int write_text(struct crl_chain *chain, struct shared_body *root_crl,
		      struct shared_body *crl, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct shared_body *text = NULL;
	struct bytes ders[2];
	size_t count = 0;

	if (root_crl != NULL)
		ders[count++] = shared_octets(root_crl);
	ders[count++] = shared_octets(crl);
	if (format_crl_bundle(ders, count, &pem, fault) < 0 ||
	    new_shared_body(&pem, &text, fault) < 0)
		return -1;
	release_parts(chain);
	chain->text = text;
	chain->root_crl = root_crl != NULL ? hold_shared_body(root_crl) : NULL;
	chain->crl = hold_shared_body(crl);
	return 0;
}

int get_crl_chain(struct crl_chain *chain, struct shared_body *root_crl, struct shared_body *crl,
		  struct shared_body **ret_text, struct fault *fault)
{
	int result = 0;

	pthread_mutex_lock(&chain->lock);
	if (chain->text == NULL || chain->root_crl != root_crl || chain->crl != crl)
		result = write_text(chain, root_crl, crl, fault);
	if (result == 0)
		*ret_text = hold_shared_body(chain->text);
	pthread_mutex_unlock(&chain->lock);
	return result;
}
