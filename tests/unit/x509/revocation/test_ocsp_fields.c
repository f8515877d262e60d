#include "common/x509/revocation/ocsp_fields.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>

Test(ocsp_fields, reads_the_cert_id_that_was_written)
{
	const struct forged_certificate root = forged_root();
	CLEANUP(free_certificate) struct certificate *issuer = forge_parsed(&root, root_key());
	struct issuer_hashes hashes;

	OK(digest_issuer(issuer, &hashes, &fault));
	for (enum ocsp_hash hash = OCSP_SHA1; hash < OCSP_HASH_COUNT; hash++) {
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct cert_id id;
		struct bytes rest;

		append_cert_id(&der, hash, &hashes, OCTETS("\x33"));
		rest = bytes_of_buffer(&der);
		cr_assert(read_cert_id(&rest, &id));
		cr_expect_eq(rest.len, 0);
		cr_expect_eq(id.hash, hash);
		cr_expect(equal_bytes(id.whole, bytes_of_buffer(&der)));
		cr_expect(equal_bytes(id.serial, OCTETS("\x33")));
		cr_expect(cert_id_matches_issuer(&id, &hashes));
		hashes.key[hash][0] ^= 1;
		cr_expect(!cert_id_matches_issuer(&id, &hashes));
	}
}

Test(ocsp_fields, reads_the_nonce_that_was_written)
{
	const struct bytes nonce = OCTETS("0123456789abcdef0123456789abcdef");

	for (size_t len = 0; len <= nonce.len; len++) {
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct bytes found = {0};
		struct bytes rest;

		append_ocsp_nonce(&der, DER_CONTEXT_CONSTRUCTED, (struct bytes){nonce.data, len});
		cr_expect_eq(der.len == 0, len == 0);
		rest = bytes_of_buffer(&der);
		cr_expect_null(end_with_ocsp_extensions(rest, DER_CONTEXT_CONSTRUCTED, &found));
		cr_expect(equal_bytes(found, (struct bytes){nonce.data, len}), "%zu", len);
	}
}

Test(ocsp_fields, expects_extensions_or_the_end)
{
	const struct bytes other = OCTETS("\xa1\x02\x30\x00");
	const struct bytes more = OCTETS("\xa0\x04\x30\x00\x05\x00");

	cr_expect_null(end_with_ocsp_extensions((struct bytes){0}, DER_CONTEXT_CONSTRUCTED, NULL));
	cr_expect_not_null(end_with_ocsp_extensions(other, DER_CONTEXT_CONSTRUCTED, NULL));
	cr_expect_not_null(end_with_ocsp_extensions(more, DER_CONTEXT_CONSTRUCTED, NULL));
}
