/* Two roots that certify each other, and paths that end at either of them. */
#include "common/x509/chain.h"
#include "common/x509/issuer.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

enum { OLD, NEW, ROOT_COUNT };

static const int64_t now_s = 1790000000;
static const int64_t year_s = 365 * 86400;

static struct issuer *roots[ROOT_COUNT];
static struct certificate *cross[ROOT_COUNT]; /* of that root, by the other one */
static struct certificate *issuing;           /* by the old root */
static struct certificate *planted;           /* a "root" of its name, by its own key */
static struct certificate *member;            /* by that */

static const struct certificate *root_of(int which)
{
	return issuer_certificate(roots[which]);
}

static struct issuer *make_root_issuer(const char *subject)
{
	const struct validity validity = {now_s - 600, now_s + 2 * year_s};
	struct private_key *key = NULL;
	struct certificate *certificate = NULL;
	struct issuer *issuer = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, subject, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &key, &issuer, &fault));
	return issuer;
}

static struct certificate *certify(int above, const struct certificate *below)
{
	const struct validity validity =
		limit_validity(root_of(above), now_s - 600, certificate_not_after(below));
	struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(create_cross_certificate(roots[above], below, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	return certificate;
}

static void make_member(void)
{
	const struct validity validity = {now_s - 600, now_s + year_s};
	static const uint8_t serial[SERIAL_MAX] = {1};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_private_key) struct private_key *member_key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(free_issuer) struct issuer *issuer = NULL;
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(clear_buffer) struct buffer member_der = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *copy = NULL;
	struct certificate *root = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, "CN=Issuing", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &planted, &fault));
	clear_buffer(&der);
	OK(generate_private_key(KEY_ECDSA_P256, &member_key, &fault));
	OK(get_public_key(key, &public_key, &fault));
	OK(create_intermediate(roots[OLD], public_key, "CN=Issuing", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &issuing, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &copy, &fault));
	OK(parse_certificate_der(certificate_der(root_of(OLD)), &root, &fault));
	OK(new_intermediate_issuer(&copy, &root, &key, &issuer, &fault));
	OK(create_csr(member_key, "CN=member", NULL, USE_SIGN, &pem, &fault));
	OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
	OK(certify_csr(issuer, csr, serial, &validity, &member_der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&member_der), &member, &fault));
}

static void set_up(void)
{
	roots[OLD] = make_root_issuer("CN=Root");
	roots[NEW] = make_root_issuer("CN=Root,serialNumber=2");
	cross[OLD] = certify(NEW, root_of(OLD));
	cross[NEW] = certify(OLD, root_of(NEW));
	make_member();
}

static void tear_down(void)
{
	for (int i = 0; i < ROOT_COUNT; i++) {
		free_issuer(&roots[i]);
		free_certificate(&cross[i]);
	}
	free_certificate(&issuing);
	free_certificate(&planted);
	free_certificate(&member);
}

TestSuite(cross_certificate, .init = set_up, .fini = tear_down);

static bool is_valid(const struct certificate *root, const struct certificate *next,
		     const struct certificate *const *between, size_t count, struct path *ret_path)
{
	const struct trust trust = {.root = root,
				    .next_root = next,
				    .intermediates = between,
				    .intermediate_count = count};
	struct verdict verdict = {0};

	OK(verify_chain(&trust, member, now_s, ret_path, &verdict, &fault));
	return !verdict.invalid;
}

Test(cross_certificate, is_of_the_other_root_and_by_this_one)
{
	struct verdict verdict = {0};

	for (int i = 0; i < ROOT_COUNT; i++) {
		cr_expect(is_cross_certificate(cross[i], root_of(i)));
		cr_expect_not(is_cross_certificate(cross[i], root_of(1 - i)));
		cr_expect_not(is_cross_certificate(root_of(i), root_of(i)));
		OK(verify_intermediate(root_of(1 - i), cross[i], &verdict, &fault));
		cr_expect_not(verdict.invalid, "%s", verdict.reason);
	}
	cr_expect_not(is_cross_certificate(issuing, root_of(OLD)));
}

/* Else a thief of the key that issues would have clients pin a root of his. */
Test(cross_certificate, is_not_one_of_a_ca_that_issues)
{
	struct verdict verdict = {0};

	OK(verify_intermediate(root_of(OLD), issuing, &verdict, &fault));
	cr_expect_not(verdict.invalid, "%s", verdict.reason);
	cr_expect_not(is_cross_certificate(issuing, planted));
}

Test(cross_certificate, is_not_of_the_root_itself)
{
	const struct validity validity = {now_s, now_s + 1};
	CLEANUP(clear_buffer) struct buffer der = {0};

	REFUSED(create_cross_certificate(roots[OLD], root_of(OLD), &validity, &der, &fault),
		FAULT_REFUSED, "expected another key than the root's");
}

Test(cross_certificate, leads_from_the_other_root_to_what_this_one_certified)
{
	const struct certificate *const with[] = {issuing, cross[OLD]};

	cr_expect(is_valid(root_of(OLD), NULL, with, 1, NULL));
	cr_expect(is_valid(root_of(NEW), NULL, with, 2, NULL));
	cr_expect_not(is_valid(root_of(NEW), NULL, with, 1, NULL));
}

/* With both roots pinned no cross certificate is needed, whichever is the first. */
Test(cross_certificate, is_not_needed_where_both_roots_are_trusted)
{
	struct path path = {0};

	cr_expect(is_valid(root_of(OLD), root_of(NEW), (const void *)&issuing, 1, &path));
	cr_expect_eq(path.steps[path.count - 1], root_of(OLD));
	cr_expect(is_valid(root_of(NEW), root_of(OLD), (const void *)&issuing, 1, &path));
	cr_expect_eq(path.steps[path.count - 1], root_of(OLD));
	cr_expect_not(is_valid(root_of(NEW), NULL, (const void *)&issuing, 1, &path));
}

/* The new root certifies an intermediate again: same key, same name, same path length. */
Test(cross_certificate, puts_an_intermediate_below_the_new_root)
{
	struct certificate *again = certify(NEW, issuing);
	struct path path = {0};

	cr_expect(is_valid(root_of(NEW), NULL, (const void *)&again, 1, &path));
	cr_expect_eq(path.count, 3);
	free_certificate(&again);
}

static struct certificate *copy(const struct certificate *certificate)
{
	struct certificate *again = NULL;

	OK(parse_certificate_der(certificate_der(certificate), &again, &fault));
	return again;
}

/* As an issuer without its key. */
static struct issuer *below(const struct certificate *certificate, const struct certificate *root)
{
	struct certificate *own = copy(certificate);
	struct certificate *above = copy(root);
	struct private_key *no_key = NULL;
	struct issuer *issuer = NULL;

	OK(new_intermediate_issuer(&own, &above, &no_key, &issuer, &fault));
	return issuer;
}

Test(cross_certificate, makes_a_root_an_issuer_below_another_one)
{
	const struct certificate *before = root_of(OLD);
	CLEANUP(free_issuer) struct issuer *again = below(cross[OLD], root_of(NEW));

	cr_assert(is_root_issuer(roots[OLD]));
	OK(adopt_certificates(roots[OLD], again, &fault));
	cr_expect(!is_root_issuer(roots[OLD]));
	cr_expect(equal_bytes(certificate_der(root_of(OLD)), certificate_der(cross[OLD])));
	cr_expect(equal_bytes(certificate_der(issuer_root(roots[OLD])),
			      certificate_der(root_of(NEW))));
	cr_expect_not_null(issuer_key(roots[OLD]));
	/* Another thread may still have it. */
	cr_expect_eq(certificate_not_after(before), now_s + 2 * year_s);
}

Test(cross_certificate, adopts_no_certificate_of_another_key)
{
	CLEANUP(free_issuer) struct issuer *other = below(cross[NEW], root_of(OLD));

	REFUSED(adopt_certificates(roots[OLD], other, &fault), FAULT_REFUSED,
		"expected a certificate of the key and name of");
	cr_expect(is_root_issuer(roots[OLD]));
}
