#include "common/ca/issue/intermediate.h"

#include "common/ca/issue/answer_status.h"
#include "common/ca/issue/authority.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/chain.h"
#include "common/x509/intermediates.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define YEAR_S (365 * DAY_S)

/* A CA whose root lies in stick/. */
struct apart {
	struct ca_fixture ca;
	char root_path[300];
};

static void make_place(struct apart *apart)
{
	make_ca_place(&apart->ca);
	lay_root_apart(&apart->ca);
	(void)snprintf(apart->root_path, sizeof(apart->root_path), "%s/stick",
		       apart->ca.scratch.path);
}

static struct authority_made init(struct apart *apart)
{
	struct authority_made made = {0};

	OK(init_ca(&apart->ca, NOW_S, &made, &fault));
	return made;
}

static void make_apart(struct apart *apart)
{
	make_place(apart);
	(void)init(apart);
}

static struct apart apart;

static void set_up(void)
{
	make_apart(&apart);
}

static void tear_down(void)
{
	remove_ca(&apart.ca);
}

TestSuite(intermediate, .init = set_up, .fini = tear_down);

static void expect_init_refused(enum fault_class class, const char *part)
{
	struct authority_made made = {0};

	REFUSED(init_ca(&apart.ca, NOW_S, &made, &fault), class, part);
}

static void expect_not_opened(int64_t now_s, const char *part)
{
	REFUSED(open_ca(&apart.ca, now_s, &fault), FAULT_REFUSED, part);
}

static void remove_at(const char *name)
{
	cr_assert_eq(unlinkat(apart.ca.scratch.dirfd, name, 0), 0, "%s", name);
}

static void move(const char *name, const char *new_name)
{
	int dirfd = apart.ca.scratch.dirfd;

	cr_assert_eq(renameat(dirfd, name, dirfd, new_name), 0, "%s", name);
}

static struct certificate *read_at(const struct apart *place, const char *name)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	struct certificate *certificate = NULL;

	OK(read_file(place->ca.scratch.dirfd, name, CERTIFICATE_PEM_MAX, &pem, &fault));
	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}

static void put_certificate(const char *name, struct bytes der)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};

	OK(format_certificate_pem(der, &pem, &fault));
	put_bytes(apart.ca.scratch.dirfd, name, bytes_of_buffer(&pem), 0644);
}

/* The root of the stick, to certify with. */
static struct issuer *open_root(const struct apart *place)
{
	struct certificate *root = read_at(place, "stick/cert/root.crt");
	const struct key_access plain = {0};
	struct private_key *key = NULL;
	struct layout *layout = NULL;
	struct issuer *issuer = NULL;

	OK(open_layout(place->root_path, &layout, &fault));
	OK(open_key_file(layout, "root.key", &plain, &key, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	free_layout(&layout);
	return issuer;
}

/* Puts another certificate in the place of the CA's: for its key, by the issuer. */
static void replace_certificate(const struct issuer *issuer, const struct private_key *key,
				const struct validity *validity)
{
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(get_public_key(key, &public_key, &fault));
	OK(create_intermediate(issuer, public_key, "CN=Test Issuing CA", validity, &der, &fault));
	put_certificate("ca/cert/ca.crt", bytes_of_buffer(&der));
}

static struct private_key *own_key(void)
{
	struct private_key *key = NULL;

	OK(open_key_file(apart.ca.layout, "ca.key", &apart.ca.access, &key, &fault));
	return key;
}

/* --- what init makes --- */

Test(intermediate, is_made_by_a_root_that_lies_apart)
{
	struct authority_made made;
	struct verdict verdict = {0};

	remove_ca(&apart.ca);
	make_place(&apart);
	made = init(&apart);
	cr_expect(made.root_layout && made.root && made.certificate && made.store);
	CLEANUP(free_certificate) struct certificate *root = read_at(&apart, "stick/cert/root.crt");
	CLEANUP(free_certificate) struct certificate *copy = read_at(&apart, "ca/cert/root.crt");
	CLEANUP(free_certificate)
	struct certificate *certificate = read_at(&apart, "ca/cert/ca.crt");
	cr_expect(equal_bytes(certificate_der(root), certificate_der(copy)));
	cr_expect_str_eq(certificate_subject(root), "CN=Test Root");
	cr_expect_eq(certificate_not_after(root), NOW_S + 10 * YEAR_S);
	cr_expect_str_eq(certificate_subject(certificate), "CN=Test Issuing CA");
	cr_expect_eq(certificate_not_before(certificate), NOW_S - 300);
	cr_expect_eq(certificate_not_after(certificate), NOW_S + 5 * YEAR_S);
	OK(verify_intermediate(root, certificate, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	cr_expect_eq(mode_of(apart.ca.layout->private, "ca.key"), 0600);
	cr_expect_eq(mode_of(apart.ca.scratch.dirfd, "stick/Private/root.key"), 0600);
	cr_expect_not(file_exists(apart.ca.layout->private, "root.key"));
}

/* A stick in a safe. */
Test(intermediate, issues_without_the_layout_of_its_root)
{
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};
	struct intermediates chain = {0};
	struct certificate *certificate;
	struct authority_made made;
	struct trust trust;
	struct verdict verdict = {0};

	move("stick", "safe");
	made = init(&apart);
	cr_expect_not(made.root_layout || made.root || made.certificate || made.store);
	cr_expect_not(file_exists(apart.ca.scratch.dirfd, "stick"));
	OK(open_ca(&apart.ca, NOW_S, &fault));
	add_members(&request, "client1", 1, 1);
	certify(&apart.ca, "client1", &request, NOW_S, &answer);
	certificate = parse_member_certificate(&answer, "key1");
	cr_assert_eq(answer.chain_count, 1);
	OK(parse_intermediates(bytes_of_buffer(&answer.chain[0]), &chain, &fault));
	cr_expect_str_eq(certificate_subject(authority_root(apart.ca.authority)), "CN=Test Root");
	trust = (struct trust){.root = authority_root(apart.ca.authority),
			       .intermediates = intermediate_certificates(&chain),
			       .intermediate_count = chain.count};
	OK(verify_chain(&trust, certificate, NOW_S, NULL, &verdict, &fault));
	cr_expect_str_eq(verdict.reason, "");
	free_certificate(&certificate);
	clear_intermediates(&chain);
}

/* Each knows its own certificates only by the name of the CA that issued them. */
Test(intermediate, answers_the_status_of_its_certificates)
{
	struct status_answer answer;
	struct certificate *certificate;

	OK(open_ca(&apart.ca, NOW_S, &fault));
	certificate = certify_one(&apart.ca, NOW_S);
	OK(answer_status(apart.ca.authority, certificate_der(certificate), NOW_S, &answer, &fault));
	cr_expect_eq(answer.status, STATUS_GOOD);
	OK(answer_status(apart.ca.authority,
			 certificate_der(issuer_certificate(authority_issuer(apart.ca.authority))),
			 NOW_S, &answer, &fault));
	cr_expect_eq(answer.status, STATUS_UNKNOWN, "that one is the root's");
	free_certificate(&certificate);
}

/* catalogue 49: no certificate outlives its issuer. */
Test(intermediate, ends_no_later_than_its_root)
{
	struct authority_made made = {0};
	struct certificate *certificate;

	remove_at("ca/cert/ca.crt");
	OK(init_ca(&apart.ca, NOW_S + 8 * YEAR_S, &made, &fault));
	certificate = read_at(&apart, "ca/cert/ca.crt");
	cr_expect_eq(certificate_not_after(certificate), NOW_S + 10 * YEAR_S);
	free_certificate(&certificate);
}

/* catalogue 76: each state that a kill can leave, one after the other. */
Test(intermediate, init_completes_a_killed_init)
{
	static const char *const made_in_order[] = {
		"ca/cert/ca.crt",   "ca/cert/root.crl",    "stick/cert/root.crl",
		"ca/cert/root.crt", "stick/cert/root.crt", "stick/Private/root.key",
		"ca/state/ca.db",   "ca/Private/ca.key",
	};

	for (size_t removed = 0; removed <= COUNT_OF(made_in_order); removed++) {
		struct authority_made made;

		remove_ca(&apart.ca);
		make_apart(&apart);
		for (size_t i = 0; i < removed; i++)
			remove_at(made_in_order[i]);
		put_file(apart.ca.scratch.dirfd, "ca/cert/.ca.crt.new", "half", 0600);
		/* A complete CA does not look into the root's layout. */
		if (removed > 0)
			put_file(apart.ca.scratch.dirfd, "stick/cert/.root.crt.new", "half", 0600);
		made = init(&apart);
		cr_expect_eq(made.certificate, removed > 0);
		cr_expect_eq(made.root, removed > 4);
		cr_expect_eq(made.store, removed > 6);
		cr_expect_not(file_exists(apart.ca.scratch.dirfd, "ca/cert/.ca.crt.new"));
		cr_expect_not(file_exists(apart.ca.scratch.dirfd, "stick/cert/.root.crt.new"));
		OK(open_ca(&apart.ca, NOW_S, &fault));
	}
}

/* One root, several CAs. */
Test(intermediate, is_signed_by_a_root_that_is_there)
{
	struct apart second;
	struct authority_made made;

	make_place(&second);
	free(second.ca.manifest->ca.root_layout);
	second.ca.manifest->ca.root_layout = strdup(apart.root_path);
	made = init(&second);
	cr_expect(made.certificate);
	cr_expect_not(made.root || made.root_layout);
	OK(open_ca(&second.ca, NOW_S, &fault));
	remove_ca(&second.ca);
}

/* --- what init refuses --- */

Test(intermediate, init_makes_no_second_root)
{
	remove_at("ca/cert/ca.crt");
	move("stick", "safe");
	expect_init_refused(FAULT_NOT_FOUND, "stick: expected the layout of the root of ");
	cr_expect_not(file_exists(apart.ca.scratch.dirfd, "stick"));
	move("safe", "stick");
	move("stick/cert/root.crt", "stick/cert/kept");
	expect_init_refused(FAULT_NOT_FOUND, "stick/cert/root.crt: expected the root of");
	move("stick/cert/kept", "stick/cert/root.crt");
	move("stick/Private/root.key", "stick/Private/kept");
	expect_init_refused(FAULT_NOT_FOUND,
			    "stick/Private/root.key: expected the private key, found none");
	cr_expect_not(file_exists(apart.ca.scratch.dirfd, "stick/Private/root.key"));
	move("stick/Private/kept", "stick/Private/root.key");
	cr_expect(init(&apart).certificate);
}

Test(intermediate, init_refuses_another_root_than_its_own)
{
	struct apart other;

	make_apart(&other);
	remove_at("ca/cert/ca.crt");
	free(apart.ca.manifest->ca.root_layout);
	apart.ca.manifest->ca.root_layout = strdup(other.root_path);
	expect_init_refused(FAULT_REFUSED, "are two roots: expected the same one");
	cr_expect_not(file_exists(apart.ca.layout->cert, "ca.crt"));
	remove_ca(&other.ca);
}

Test(intermediate, init_refuses_a_certificate_without_its_key_or_store)
{
	static const char *const rows[][2] = {
		{"ca/Private/ca.key", "cert/ca.crt is there and Private/ca.key is not"},
		{"ca/state/ca.db", "cert/ca.crt is there and state/ca.db is not"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		remove_ca(&apart.ca);
		make_apart(&apart);
		remove_at(rows[i][0]);
		expect_init_refused(FAULT_REFUSED, rows[i][1]);
		cr_expect_not(file_exists(apart.ca.scratch.dirfd, rows[i][0]));
	}
}

Test(intermediate, init_makes_no_second_certificate_after_certificates_were_issued)
{
	struct certificate *certificate;

	OK(open_ca(&apart.ca, NOW_S, &fault));
	certificate = certify_one(&apart.ca, NOW_S);
	free_certificate(&certificate);
	free_authority(&apart.ca.authority);
	remove_at("ca/cert/ca.crt");
	expect_init_refused(FAULT_REFUSED,
			    "the CA's certificate under which 1 certificate was issued");
	cr_expect_not(file_exists(apart.ca.layout->cert, "ca.crt"));
}

Test(intermediate, init_and_serve_refuse_another_kind_of_ca)
{
	char *root_layout;

	root_layout = apart.ca.manifest->ca.root_layout;
	apart.ca.manifest->ca.root_layout = NULL;
	expect_init_refused(FAULT_REFUSED, "expected ca.root_layout in the manifest");
	expect_not_opened(NOW_S, "cert/ca.crt is there, so this CA's root lies apart");
	remove_at("ca/cert/ca.crt");
	remove_at("ca/cert/root.crt");
	(void)init(&apart);
	apart.ca.manifest->ca.root_layout = root_layout;
	expect_init_refused(FAULT_REFUSED, "expected no ca.root_layout in the manifest");
	expect_not_opened(NOW_S, "so this CA issues under its root");
}

/* --- layouts that are refused --- */

/* catalogue 50 */
Test(intermediate, refuses_a_certificate_that_is_expired_or_not_yet_valid)
{
	const struct validity later = {NOW_S + 10, NOW_S + YEAR_S};
	struct issuer *root;
	struct private_key *key;

	expect_not_opened(NOW_S + 5 * YEAR_S + 1,
			  "cert/ca.crt: the CA's certificate expired at 2031-09-20T");
	expect_not_opened(NOW_S + 11 * YEAR_S, "cert/root.crt: the CA's root expired");
	root = open_root(&apart);
	key = own_key();
	replace_certificate(root, key, &later);
	expect_not_opened(NOW_S, "cert/ca.crt: the CA's certificate is not yet valid");
	free_private_key(&key);
	free_issuer(&root);
}

/* catalogue 50 */
Test(intermediate, refuses_pieces_that_do_not_belong_together)
{
	const struct validity validity = {NOW_S - 300, NOW_S + YEAR_S};
	CLEANUP(free_private_key) struct private_key *other_key = make_key(KEY_ECDSA_P256);
	struct apart other;
	struct issuer *root;
	struct issuer *other_root;
	struct private_key *key;
	struct certificate *of_root;

	make_apart(&other);
	root = open_root(&apart);
	other_root = open_root(&other);
	key = own_key();
	of_root = read_at(&apart, "stick/cert/root.crt");
	replace_certificate(root, other_key, &validity);
	expect_not_opened(NOW_S,
			  "cert/ca.crt, cert/root.crt and Private/ca.key: the private key is not");
	replace_certificate(other_root, key, &validity);
	expect_not_opened(NOW_S, "is no intermediate of the root CN=Test Root to certify");
	replace_certificate(root, key, &validity);
	put_certificate("ca/cert/root.crt", certificate_der(issuer_certificate(other_root)));
	expect_not_opened(NOW_S, "is no intermediate of the root CN=Test Root to certify");
	put_certificate("ca/cert/root.crt", certificate_der(of_root));
	put_certificate("ca/cert/ca.crt", certificate_der(of_root));
	expect_not_opened(NOW_S, "the private key is not that of the certificate");
	free_certificate(&of_root);
	free_private_key(&key);
	free_issuer(&root);
	free_issuer(&other_root);
	remove_ca(&other.ca);
}

/* catalogue 50: a member's certificate, which has no keyCertSign, in the CA's place. */
Test(intermediate, refuses_a_certificate_that_may_not_sign)
{
	const struct validity validity = {NOW_S - 300, NOW_S + YEAR_S};
	CLEANUP(clear_buffer) struct buffer csr_pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_csr) struct csr *csr = NULL;
	uint8_t serial[SERIAL_MAX];
	struct issuer *root;
	struct private_key *key;

	root = open_root(&apart);
	key = own_key();
	csr_pem = make_csr(key, "CN=Test Issuing CA", NULL);
	OK(parse_csr_pem(bytes_of_buffer(&csr_pem), &csr, &fault));
	OK(generate_serial(serial, &fault));
	OK(certify_csr(root, csr, serial, &validity, &der, &fault));
	put_certificate("ca/cert/ca.crt", bytes_of_buffer(&der));
	expect_not_opened(NOW_S, "4.2.1.9: basicConstraints: expected CA:TRUE");
	free_private_key(&key);
	free_issuer(&root);
}

/* --- the manifest's URLs --- */

Test(intermediate, and_root_write_the_urls_of_the_manifest)
{
	static const char crl[] = "http://ca.example.org/crl";
	struct certificate *certificate;
	struct extension extension;
	bool found = false;

	apart.ca.manifest->ca.crl_url = strdup(crl);
	OK(open_ca(&apart.ca, NOW_S, &fault));
	certificate = certify_one(&apart.ca, NOW_S);
	for (struct bytes rest = certificate_fields(certificate)->extensions;
	     read_extension(&rest, &extension) && !found;)
		found = extension.id == 31 &&
			memmem(extension.value.data, extension.value.len, crl, strlen(crl)) != NULL;
	cr_expect(found);
	free_certificate(&certificate);
}
