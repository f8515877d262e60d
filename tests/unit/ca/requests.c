#include "tests/unit/ca/requests.h"

#include "common/x509/chain.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

static gnutls_datum_t datum(const struct buffer *buffer)
{
	return (gnutls_datum_t){buffer->data, (unsigned int)buffer->len};
}

struct buffer tamper_csr(struct buffer pem, size_t from_end)
{
	gnutls_datum_t text = datum(&pem);
	gnutls_datum_t der = {0};
	gnutls_datum_t out = {0};
	struct buffer tampered = {0};

	cr_assert_eq(gnutls_pem_base64_decode2("NEW CERTIFICATE REQUEST", &text, &der) < 0
			     ? gnutls_pem_base64_decode2("CERTIFICATE REQUEST", &text, &der)
			     : 0,
		     0);
	der.data[der.size - from_end] ^= 1;
	cr_assert_eq(gnutls_pem_base64_encode2("CERTIFICATE REQUEST", &der, &out), 0);
	append_bytes(&tampered, (struct bytes){out.data, out.size});
	gnutls_free(der.data);
	gnutls_free(out.data);
	clear_buffer(&pem);
	return tampered;
}

struct buffer make_foreign_csr(gnutls_pk_algorithm_t algorithm, unsigned int bits,
			       const char *subject, void (*ask)(gnutls_x509_crq_t crq))
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crq_t crq = NULL;
	gnutls_datum_t pem = {0};
	struct buffer text = {0};

	cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(key, algorithm, bits, 0), 0);
	cr_assert_eq(gnutls_x509_crq_init(&crq), 0);
	cr_assert_eq(gnutls_x509_crq_set_version(crq, 1), 0);
	if (subject != NULL)
		cr_assert_eq(gnutls_x509_crq_set_dn(crq, subject, NULL), 0);
	cr_assert_eq(gnutls_x509_crq_set_key(crq, key), 0);
	if (ask != NULL)
		ask(crq);
	cr_assert_eq(gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0), 0);
	cr_assert_eq(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem), 0);
	append_bytes(&text, (struct bytes){pem.data, pem.size});
	gnutls_free(pem.data);
	gnutls_x509_crq_deinit(crq);
	gnutls_x509_privkey_deinit(key);
	return text;
}

void expect_request_refused(const char *client, struct buffer pem, const char *type,
			    const char *part)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct ca_fixture fixture;

	make_ca(&fixture, NOW_S);
	add_members(&request, client, 1, 1);
	add_member(&request, "bad", pem);
	certify(&fixture, client, &request, NOW_S, &answer);
	cr_expect_str_eq(answer.refusal.type, "", "%s", answer.refusal.detail);
	cr_expect_not_null(find_pem(&answer, "key1"));
	expect_member_refused(&answer, "bad", type, part);
	cr_expect_eq(count_rows(&fixture), 1);
	remove_ca(&fixture);
}

void expect_valid(const struct ca_fixture *fixture, const struct certificate *certificate,
		  int64_t at_s)
{
	const struct trust trust = {.root = authority_root(fixture->authority)};
	struct verdict verdict = {0};

	OK(verify_chain(&trust, certificate, at_s, NULL, &verdict, &fault));
	cr_expect_not(verdict.invalid, "%s", verdict.reason);
}
