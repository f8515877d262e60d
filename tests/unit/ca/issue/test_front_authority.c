#include "common/ca/issue/authority.h"

#include "common/base/clock.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/issue/rotate_issuer.h"
#include "common/ca/revocation/publish_crl.h"
#include "common/ca/signer/channel.h"
#include "common/ca/signer/signer_process.h"
#include "common/ca/store/revoke.h"
#include "common/crypto/key_file.h"
#include "common/x509/certificate_fields.h"
#include "common/x509/distinguished_name.h"
#include "common/x509/revocation/crl_builder.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A signer in a process of its own, and this test as its front: a good one, or one that was taken
   over and says what it likes. */
static struct ca_fixture fixture;
static struct authority *front;
static struct signer_link *signer_link;

/* In the signer's process. */
struct opened {
	struct store *store;
	struct issuer_set issuers;
};

static int learn(void *context, struct fault *fault)
{
	struct opened *opened = context;

	return load_issuers(fixture.layout, &fixture.manifest->ca, &fixture.access,
			    &opened->issuers, fault);
}

static int open_service(void *context, struct signer_service *ret_service, struct fault *fault)
{
	struct opened *opened = context;
	struct signer_settings settings = {.layout = fixture.layout,
					   .ca = &fixture.manifest->ca,
					   .learn = learn,
					   .learn_context = opened};

	if (learn(opened, fault) < 0 || open_store(fixture.store_path, &opened->store, fault) < 0)
		return -1;
	settings.store = opened->store;
	*ret_service = (struct signer_service){.store = opened->store,
					       .layout = fixture.layout,
					       .manifest = fixture.manifest->path};
	return new_signer(&settings, &opened->issuers, &ret_service->signer, fault);
}

static void close_service(void *context, struct signer_service *service)
{
	struct opened *opened = context;

	free_signer(&service->signer);
	clear_issuer_set(&opened->issuers);
	free_store(&opened->store);
}

static void open_front(void)
{
	struct authority_made made;
	struct opened opened = {0};

	OK(init_ca(&fixture, read_clock(), &made, &fault));
	OK(fork_signer(open_service, close_service, &opened, &signer_link, &fault));
	OK(open_front_authority(fixture.layout, fixture.manifest, signer_link, read_clock(), &front,
				&fault));
	fixture.authority = front;
}

static void set_up(void)
{
	make_ca_place(&fixture);
	open_front();
}

static void tear_down(void)
{
	free_authority(&fixture.authority);
	end_signer(&signer_link);
	remove_ca(&fixture);
}

TestSuite(front_authority, .init = set_up, .fini = tear_down);

Test(front_authority, is_used_like_this)
{
	struct certificate *certificate = certify_one(&fixture, read_clock());
	struct ca_crl_options options = authority_crl_options(front);
	struct key_ring ring = {0};
	const struct peer_key *received;
	struct shared_key key;
	struct crl_info info;

	cr_expect_str_eq(certificate_subject(certificate), "CN=client1-1");
	OK(publish_crl(&options, CRL_ANYWAY, read_clock(), &info, &fault));
	OK(generate_shared_key(&key, &fault));
	OK(write_shared_key(fixture.layout, "client1", &key, &fault));
	OK(ask_for_key_ring(signer_link, &ring, &fault));
	received = find_peer_key(&ring, "client1");
	cr_assert_not_null(received);
	cr_expect_eq(memcmp(received->key.key, key.key, SHARED_KEY_LEN), 0);
	clear_key_ring(&ring);
	free_certificate(&certificate);
}

/* Whoever gets a certificate by it may ask for the CRL. */
Test(front_authority, takes_no_new_issuer_over_before_its_crl_is_made)
{
	CLEANUP(clear_rotated_issuer) struct rotated_issuer rotated = {0};
	struct rotation rotation = {.access = &fixture.access, .now_s = read_clock()};
	bool found;

	tear_down();
	make_ca_place(&fixture);
	lay_root_apart(&fixture);
	open_front();
	rotation.layout = fixture.layout;
	rotation.ca = &fixture.manifest->ca;
	rotation.store = authority_store(front);
	OK(rotate_issuer(&rotation, &rotated, &fault));
	cr_assert_eq(mkdirat(fixture.layout->cert, "ca.2.crl", 0700), 0, "no CRL can be made");
	REFUSED(refresh_issuers(front, &fault), FAULT_REFUSED, "ca.2.crl");
	cr_expect_eq(issuer_number(authority_issuer(front)), 1);
	cr_assert_eq(unlinkat(fixture.layout->cert, "ca.2.crl", AT_REMOVEDIR), 0);
	OK(refresh_issuers(front, &fault));
	cr_expect_eq(issuer_number(authority_issuer(front)), 2);
	OK(find_file(fixture.layout->cert, "ca.2.crl", &found, &fault));
	cr_expect(found);
}

Test(front_authority, gets_no_certificates_for_who_is_no_client)
{
	struct signing_order order = {.kind = SIGN_MEMBERS, .client = "nobody", .count = 1};
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_signed_result) struct signed_result result = {0};

	append_string(&body, "0");
	order.bodies = &body;
	OK(sign_order(authority_issuer(front), &order, &result, &fault));
	cr_expect_str_eq(result.verdict.reason, "this CA has no such client");
}

/* A CA certificate for this public key, under the CA's name. */
static struct buffer make_ca_body(const struct private_key *key)
{
	const struct issuer *issuer = authority_issuer(front);
	const struct certificate_fields *ca = certificate_fields(issuer_certificate(issuer));
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_buffer) struct buffer extensions = {0};
	CLEANUP(clear_buffer) struct buffer subject = {0};
	uint8_t serial[SERIAL_MAX];
	struct buffer body = {0};
	struct tbs_certificate fields = {.serial = {serial, SERIAL_MAX},
					 .issuer = ca->subject,
					 .validity = {read_clock(), read_clock() + DAY_S}};

	OK(generate_serial(serial, &fault));
	OK(get_public_key(key, &public_key, &fault));
	fields.spki = public_key_spki(public_key);
	OK(append_name(&subject, "CN=client1-1", &fault));
	append_basic_constraints(&extensions, true, 0);
	append_key_usage(&extensions, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	OK(append_subject_key_id(&extensions, fields.spki, &fault));
	append_authority_key_id(&extensions, find_subject_key_id(ca));
	fields.subject = bytes_of_buffer(&subject);
	fields.extensions = bytes_of_buffer(&extensions);
	OK(build_certificate_body(&fields, issuer_algorithm(issuer), &body, &fault));
	return body;
}

/* catalogue 123 */
Test(front_authority, gets_no_ca_certificate_whatever_kind_the_front_says_it_is)
{
	static const enum signing_kind kinds[] = {SIGN_MEMBERS, SIGN_RESPONDER, SIGN_CRL};
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_buffer) struct buffer body = make_ca_body(key);

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const struct signing_order order = {
			.kind = kinds[i], .client = "client1", .bodies = &body, .count = 1};
		CLEANUP(clear_signed_result) struct signed_result result = {0};

		OK(sign_order(authority_issuer(front), &order, &result, &fault));
		cr_expect(result.verdict.invalid, "row %zu", i);
		cr_expect_eq(result.der.len, 0, "row %zu", i);
	}
}

/* catalogue 123: the front's clock does not count. */
Test(front_authority, gets_no_certificate_of_next_year)
{
	const int64_t later_s = read_clock() + 300 * DAY_S;
	CLEANUP(clear_certificates_request) struct certificates_request request = {0};
	CLEANUP(clear_certificates_answer) struct certificates_answer answer = {0};

	add_members(&request, "client1", 1, 1);
	certify(&fixture, "client1", &request, later_s, &answer);
	expect_member_refused(&answer, "key1", "bad_request", "expected it to end at");
}

/* catalogue 123 */
Test(front_authority, gets_no_crl_that_lost_an_entry)
{
	const struct certificate_query everything = {0};
	const int64_t now_s = read_clock();
	const struct revocation revocation = {.query = &everything, .by = "ca", .now_s = now_s};
	struct ca_crl_options crl = authority_crl_options(front);
	struct certificate *certificate = certify_one(&fixture, now_s);
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct crl_options options = {.this_update_s = now_s, .next_update_s = now_s + DAY_S};
	struct revocation_summary summary;
	struct crl_info info;

	free_certificate(&certificate);
	OK(revoke_certificates(authority_store(front), &revocation, NULL, NULL, &summary, &fault));
	OK(publish_crl(&crl, CRL_ANYWAY, now_s, &info, &fault));
	options.number = info.number + 1;
	OK(begin_crl(&builder, authority_issuer(front), &options, &fault));
	REFUSED(finish_crl(&builder, &der, &fault), FAULT_REFUSED, "expected the entry of");
}

/* Says these octets to the signer as a frame, and expects that it ends. */
static void expect_end(struct bytes octets)
{
	const int channel = signer_channel(signer_link);
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	bool ended = false;

	OK(send_frame(channel, octets, -1, &fault));
	OK(receive_frame(channel, &frame, &ended, &fault));
	cr_expect(ended);
}

/* catalogue 123 */
Test(front_authority, ends_the_signer_when_it_asks_for_something_else)
{
	CLEANUP(clear_buffer) struct buffer question = {0};

	append_number(&question, 7);
	expect_end(bytes_of_buffer(&question));
}

/* catalogue 123 */
Test(front_authority, ends_the_signer_when_an_order_has_more_certificates_than_any_batch)
{
	CLEANUP(clear_buffer) struct buffer question = {0};

	append_number(&question, ASK_SIGN);
	append_number(&question, SIGN_MEMBERS);
	append_number(&question, 7);
	append_string(&question, "client1");
	append_number(&question, BATCH_SIZE_MAX + 1);
	expect_end(bytes_of_buffer(&question));
}

/* catalogue 123 */
Test(front_authority, ends_the_signer_when_a_body_is_longer_than_its_frame)
{
	CLEANUP(clear_buffer) struct buffer question = {0};

	append_number(&question, ASK_SIGN);
	append_number(&question, SIGN_MEMBERS);
	append_number(&question, 7);
	append_string(&question, "client1");
	append_number(&question, 1);
	append_number(&question, CERTIFICATE_DER_MAX);
	append_string(&question, "short");
	expect_end(bytes_of_buffer(&question));
}

/* catalogue 123 */
Test(front_authority, ends_the_signer_when_a_frame_is_longer_than_any_crl)
{
	const int channel = signer_channel(signer_link);
	CLEANUP(clear_frame) struct frame frame = {.descriptor = -1};
	const uint64_t len = (uint64_t)FRAME_MAX + 1;
	bool ended = false;

	cr_assert_eq(write(channel, &len, sizeof(len)), sizeof(len));
	OK(receive_frame(channel, &frame, &ended, &fault));
	cr_expect(ended);
}

Test(front_authority, gets_no_key_that_others_can_read)
{
	struct key_ring ring = {0};

	put_file(fixture.layout->private, "shared_client3.jwk", "{}", 0644);
	REFUSED(ask_for_key_ring(signer_link, &ring, &fault), FAULT_REFUSED, "shared_client3.jwk");
	cr_expect_eq(ring.count, 0);
	OK(remove_file(fixture.layout->private, "shared_client3.jwk", &fault));
	OK(ask_for_key_ring(signer_link, &ring, &fault), "the channel goes on");
}

/* catalogue 117: a key that was replaced in its file */
Test(front_authority, is_told_of_a_change_of_the_keys)
{
	uint8_t before[SHA256_LEN];
	uint8_t after[SHA256_LEN];

	OK(ask_for_key_stamp(signer_link, before, &fault));
	OK(ask_for_key_stamp(signer_link, after, &fault));
	cr_expect_arr_eq(before, after, SHA256_LEN);
	put_file(fixture.layout->private, "shared_client3.jwk", "{}", 0600);
	OK(ask_for_key_stamp(signer_link, after, &fault));
	cr_expect_arr_neq(before, after, SHA256_LEN);
	OK(remove_file(fixture.layout->private, "shared_client3.jwk", &fault));
}

Test(front_authority, gets_nothing_when_its_signer_was_killed)
{
	const struct signing_order probe = {.kind = SIGN_PROBE};

	OK(sign_order(authority_issuer(front), &probe, NULL, &fault));
	cr_assert_eq(kill(signer_process(signer_link), SIGKILL), 0);
	REFUSED(sign_order(authority_issuer(front), &probe, NULL, &fault), FAULT_FAILED,
		"the signer");
}

static int refuse_to_open(void *context, struct signer_service *ret_service, struct fault *fault)
{
	(void)context;
	(void)ret_service;
	return set_fault(fault, FAULT_REFUSED, "a wrong passphrase");
}

Test(front_authority, learns_why_its_signer_cannot_open_the_key)
{
	struct signer_link *link = NULL;

	REFUSED_AS(fork_signer(refuse_to_open, close_service, NULL, &link, &fault), FAULT_REFUSED,
		   "a wrong passphrase");
	cr_expect_null(link);
}
