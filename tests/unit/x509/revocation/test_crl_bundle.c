#include "common/x509/revocation/crl_bundle.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/revocation/forge_crl.h"

#include <criterion/criterion.h>

static struct bytes forged_der(void)
{
	const struct forged_crl forged = forged_crl();

	return forge_crl(&forged, root_key());
}

/* The PEM of that CRL so many times. */
static struct buffer pem_of(size_t count)
{
	const struct bytes der = forged_der();
	struct bytes ders[CRL_BUNDLE_MAX + 1];
	struct buffer pem = {0};

	for (size_t i = 0; i < count; i++)
		ders[i] = der;
	OK(format_crl_bundle(ders, count, &pem, &fault));
	return pem;
}

Test(crl_bundle, refuses_content_in_which_any_crl_cannot_be_read)
{
	static const char pem_of_nothing[] =
		"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
	const struct {
		const char *before; /* the good one */
		const char *after;
		enum fault_class class;
		const char *part;
	} rows[] = {
		{pem_of_nothing, "", FAULT_MALFORMED, "number 1: CRL"},
		{"", pem_of_nothing, FAULT_MALFORMED, "number 2: CRL"},
		{"", "text", FAULT_MALFORMED, "number 2: CRL: neither DER nor PEM"},
		{"text\n", "", FAULT_MALFORMED, "CRL: neither DER nor PEM"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer good = pem_of(1);
		CLEANUP(clear_buffer) struct buffer text = {0};
		CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};

		append_string(&text, rows[i].before);
		append_bytes(&text, bytes_of_buffer(&good));
		append_string(&text, rows[i].after);
		REFUSED(parse_crl_bundle(&text, &bundle, &fault), rows[i].class, rows[i].part,
			"row %zu", i);
		cr_expect_eq(bundle.count, (size_t)0);
	}
}

/* catalogue 30 */
Test(crl_bundle, refuses_more_crls_than_it_has_room_for)
{
	CLEANUP(clear_buffer) struct buffer text = pem_of(CRL_BUNDLE_MAX + 1);
	CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};

	REFUSED(parse_crl_bundle(&text, &bundle, &fault), FAULT_TOO_LARGE, "at most 67 of them");
}

Test(crl_bundle, reads_one_in_der_and_several_in_pem)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_crl_bundle) struct crl_bundle one = {0};

	append_bytes(&der, forged_der());
	OK(parse_crl_bundle(&der, &one, &fault));
	cr_expect_eq(one.count, (size_t)1);
	for (size_t count = 1; count <= CRL_BUNDLE_MAX; count++) {
		CLEANUP(clear_buffer) struct buffer text = pem_of(count);
		CLEANUP(clear_crl_bundle) struct crl_bundle bundle = {0};

		/* White space between the blocks, as editors leave it. */
		append_string(&text, "\r\n\n");
		OK(parse_crl_bundle(&text, &bundle, &fault));
		cr_expect_eq(bundle.count, count);
		for (size_t i = 0; i < count; i++)
			cr_expect_eq(crl_this_update(bundle.crls[i]), crl_this_update(one.crls[0]));
	}
}
