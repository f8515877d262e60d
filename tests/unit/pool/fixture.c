#include "tests/unit/pool/fixture.h"

#include "common/base/clock.h"
#include "common/crypto/key_file.h"
#include "common/pool/members/pool.h"
#include "common/pool/members/trust.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/der.h"
#include "common/x509/revocation/crl_builder.h"
#include "common/x509/signed_object.h"
#include "common/x509/signing_order.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

struct issuer *make_issuer(int64_t now_s)
{
	const struct validity validity = {now_s - 10 * (int64_t)DAY_S,
					  now_s + 100 * (int64_t)DAY_S};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *root = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, "CN=Test Root", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &root, &fault));
	OK(new_issuer(&root, &key, &issuer, &fault));
	return issuer;
}

struct issuer *make_intermediate_issuer(const struct issuer *root, const char *subject,
					int64_t now_s)
{
	const struct validity validity = {now_s - 10 * (int64_t)DAY_S, now_s + 50 * (int64_t)DAY_S};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(free_certificate) struct certificate *above = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(get_public_key(key, &public_key, &fault));
	OK(create_intermediate(root, public_key, subject, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(parse_certificate_der(certificate_der(issuer_certificate(root)), &above, &fault));
	OK(new_intermediate_issuer(&certificate, &above, &key, &issuer, &fault));
	return issuer;
}

struct issuer *make_twin_issuer(const struct issuer *issuer)
{
	const struct certificate *original = issuer_certificate(issuer);
	struct bytes spki = certificate_fields(original)->spki;
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct signed_object parts;
	struct issuer *twin = NULL;
	uint8_t *spki_in_body;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(get_public_key(key, &public_key, &fault));
	cr_assert_eq(public_key_spki(public_key).len, spki.len);
	cr_assert(split_signed_object(certificate_der(original), &parts));
	append_bytes(&body, parts.body);
	spki_in_body = memmem(body.data, body.len, spki.data, spki.len);
	cr_assert_not_null(spki_in_body);
	memcpy(spki_in_body, public_key_spki(public_key).data, spki.len);
	OK(sign_object(key, bytes_of_buffer(&body), &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &key, &twin, &fault));
	return twin;
}

struct buffer make_crl(const struct fixture *fixture, const struct issuer *issuer, uint64_t number,
		       struct bytes serial)
{
	const struct crl_options options = {.number = number,
					    .this_update_s = fixture->now_s,
					    .next_update_s = fixture->now_s + 3600};
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	struct crl_entry entry = {.revoked_at_s = 1767225600, .reason = REASON_KEY_COMPROMISE};
	struct buffer der = {0};

	OK(begin_crl(&builder, issuer, &options, &fault));
	if (serial.len > 0) {
		cr_assert_eq(serial.len, (size_t)SERIAL_MAX);
		memcpy(entry.serial, serial.data, SERIAL_MAX);
		OK(add_crl_entry(&builder, &entry, &fault));
	}
	OK(finish_crl(&builder, &der, &fault));
	return der;
}

static struct layout *make_node(const struct fixture *fixture, const char *name)
{
	char path[sizeof(fixture->scratch.path) + NAME_SIZE + 1];
	struct layout *layout = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", fixture->scratch.path, name);
	OK(make_layout(path, &layout, &fault));
	return layout;
}

static void describe_client(struct client_node *client, size_t i)
{
	static char subject[] = "CN={client}-{index}";

	*client = (struct client_node){
		.pool = {.size = POOL_SIZE,
			 .key = KEY_ECDSA_P256,
			 .subject = subject,
			 .batch_size = 1000},
		.message_limit = MESSAGE_LIMIT,
	};
	(void)snprintf(client->name, sizeof(client->name), "client%zu", i + 1);
}

static void share_keys(struct fixture *fixture, size_t i)
{
	bool made;

	OK(share_key(fixture->ca, CA_NAME, fixture->layouts[i], fixture->clients[i].name, &made,
		     &fault));
	for (size_t j = 0; j < i; j++)
		OK(share_key(fixture->layouts[j], fixture->clients[j].name, fixture->layouts[i],
			     fixture->clients[i].name, &made, &fault));
}

void open_fixture(struct fixture *fixture)
{
	bool written;

	*fixture = (struct fixture){.now_s = read_clock()};
	make_scratch(&fixture->scratch);
	fixture->issuer = make_issuer(fixture->now_s);
	fixture->other_issuer = make_issuer(fixture->now_s);
	fixture->ca = make_node(fixture, CA_NAME);
	for (size_t i = 0; i < CLIENT_COUNT; i++) {
		describe_client(&fixture->clients[i], i);
		fixture->layouts[i] = make_node(fixture, fixture->clients[i].name);
		share_keys(fixture, i);
		OK(pin_root(fixture->layouts[i],
			    certificate_der(issuer_certificate(fixture->issuer)), &written,
			    &fault));
	}
}

void close_fixture(struct fixture *fixture)
{
	for (size_t i = 0; i < CLIENT_COUNT; i++)
		free_layout(&fixture->layouts[i]);
	free_layout(&fixture->ca);
	free_issuer(&fixture->issuer);
	free_issuer(&fixture->other_issuer);
	remove_scratch(&fixture->scratch);
}

struct buffer certify_pem(const struct issuer *issuer, struct bytes csr_pem, int64_t not_before_s,
			  int64_t not_after_s)
{
	const struct grant grant = {.validity = {not_before_s, not_after_s}, .usages = USE_SIGN};

	return certify_pem_as(issuer, csr_pem, &grant);
}

struct buffer certify_pem_as(const struct issuer *issuer, struct bytes csr_pem,
			     const struct grant *grant)
{
	CLEANUP(free_csr) struct csr *csr = NULL;
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	const struct signing_order order = {.kind = SIGN_MEMBERS, .bodies = &body, .count = 1};
	uint8_t serial[SERIAL_MAX];
	struct buffer pem = {0};

	OK(parse_csr_pem(csr_pem, &csr, &fault));
	OK(generate_serial(serial, &fault));
	OK(prepare_certificate(issuer, csr, serial, grant, &body, &fault));
	OK(sign_one(issuer, &order, &der, &fault));
	OK(format_certificate_pem(bytes_of_buffer(&der), &pem, &fault));
	return pem;
}

void make_client_pool(struct fixture *fixture, size_t client)
{
	struct make_summary made;

	OK(make_pool(fixture->layouts[client], &fixture->clients[client], NULL, &made, &fault));
}

void certify_member(struct fixture *fixture, size_t client, size_t member, int64_t not_before_s,
		    int64_t not_after_s)
{
	CLEANUP(clear_buffer) struct buffer csr = {0};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	char name[FILE_NAME_SIZE];

	name_csr(member, name);
	csr = get_file(fixture->layouts[client]->csr_file, name);
	pem = certify_pem(fixture->issuer, bytes_of_buffer(&csr), not_before_s, not_after_s);
	name_certificate(member, name);
	put_file(fixture->layouts[client]->cert, name, (const char *)pem.data, 0644);
}

void make_certified_pool(struct fixture *fixture, size_t client)
{
	make_client_pool(fixture, client);
	for (size_t i = 1; i <= fixture->clients[client].pool.size; i++)
		certify_member(fixture, client, i, fixture->now_s - 300, fixture->now_s + DAY_S);
}

size_t count_files(int dirfd)
{
	return count_entries(dirfd) - (file_exists(dirfd, ROOT_FILE) ? 1 : 0);
}

struct buffer get_file(int dirfd, const char *name)
{
	struct buffer content = {0};

	OK(read_file(dirfd, name, 1000000, &content, &fault));
	return content;
}

struct certificate *first_certificate(const struct fixture *fixture)
{
	CLEANUP(clear_buffer)
	struct buffer pem = get_file(fixture->layouts[0]->cert, "cert_key1.crt");
	struct certificate *certificate = NULL;

	OK(parse_certificate_pem(bytes_of_buffer(&pem), &certificate, &fault));
	return certificate;
}
