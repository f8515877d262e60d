#include "common/x509/key_bits.h"

#include "common/x509/der.h"

#include <gnutls/crypto.h>

int digest_key_bits(struct bytes spki, gnutls_digest_algorithm_t algorithm, uint8_t *ret_digest,
		    struct fault *fault)
{
	struct der_item sequence;
	struct der_item identifier;
	struct der_item bits;

	if (!read_der_tagged(&spki, DER_SEQUENCE, &sequence) ||
	    !read_der_tagged(&sequence.content, DER_SEQUENCE, &identifier) ||
	    !read_der_tagged(&sequence.content, DER_BIT_STRING, &bits) || bits.content.len == 0 ||
	    gnutls_hash_fast(algorithm, bits.content.data + 1, bits.content.len - 1, ret_digest) <
		    0)
		return set_fault(fault, FAULT_FAILED,
				 "the public key's identifier cannot be computed");
	return 0;
}
