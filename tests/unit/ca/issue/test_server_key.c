#include "common/ca/issue/server_key.h"

#include "common/ca/store/certificates.h"
#include "common/ca/store/issuers.h"
#include "common/ca/store/revoke.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ca_fixture ca;
static struct server_key server;

static void begin(void)
{
	init_server_key(&server, ca.layout, authority_store(ca.authority), &ca.manifest->ca,
			authority_issuers(ca.authority));
}

static void set_up(void)
{
	make_ca(&ca, NOW_S);
	OK(open_server_directory(ca.layout, &fault));
	begin();
}

static void tear_down(void)
{
	clear_server_key(&server);
	remove_ca(&ca);
}

TestSuite(server_key, .init = set_up, .fini = tear_down);

/* Serial of the key's certificate. */
static struct bytes serial(void)
{
	cr_assert_not_null(server.own.certificate);
	return certificate_serial(server.own.certificate);
}

/* Refreshes, and expects that the key is, or is not, the one that it was. */
static void refresh(int64_t now_s, bool same)
{
	CLEANUP(clear_buffer) struct buffer before = {0};

	append_bytes(&before, serial());
	OK(refresh_server_key(&server, now_s, &fault));
	cr_expect_eq(equal_bytes(bytes_of_buffer(&before), serial()), same);
	cr_expect(is_own_key_valid(&server.own, now_s));
}

/* As a start of the server. */
static void start_again(bool same, int64_t now_s)
{
	CLEANUP(clear_buffer) struct buffer before = {0};

	append_bytes(&before, serial());
	clear_server_key(&server);
	begin();
	OK(refresh_server_key(&server, now_s, &fault));
	cr_expect_eq(equal_bytes(bytes_of_buffer(&before), serial()), same);
}

Test(server_key, needs_a_name)
{
	(void)snprintf(ca.manifest->ca.endpoint.host, sizeof(ca.manifest->ca.endpoint.host),
		       "0.0.0.0");
	REFUSED(refresh_server_key(&server, NOW_S, &fault), FAULT_USAGE,
		"the CA's server certificate needs a name: expected in ca.endpoint");
	cr_expect_null(server.own.key);
}

Test(server_key, is_made_recorded_and_there_for_the_next_start)
{
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer chain = {0};
	struct certificate_status status;

	OK(read_server_certificate(ca.layout, &certificate, &fault));
	cr_expect_null(certificate, "the CA has never served https");
	OK(refresh_server_key(&server, NOW_S, &fault));
	OK(read_certificate_status(authority_store(ca.authority), FIRST_ISSUER, serial(), &status,
				   &fault));
	cr_expect(status.found && !status.revoked);
	cr_expect_eq(mode_of(ca.layout->server, "server.key"), 0600);
	OK(read_server_certificate(ca.layout, &certificate, &fault));
	cr_expect(equal_bytes(certificate_serial(certificate), serial()));
	/* The root is no part of the chain. */
	OK(format_server_chain(&server, &chain, &fault));
	cr_expect(file_holds(ca.layout->cert, SERVER_CERTIFICATE_FILE, (const char *)chain.data));
	start_again(true, NOW_S + DAY_S);
}

Test(server_key, is_renewed_in_the_last_third_of_its_life)
{
	OK(refresh_server_key(&server, NOW_S, &fault));
	refresh(NOW_S + 59 * DAY_S, true);
	refresh(NOW_S + 61 * DAY_S, false);
	start_again(true, NOW_S + 62 * DAY_S);
}

Test(server_key, is_another_one_once_it_was_revoked)
{
	uint8_t octets[1][SERIAL_MAX] = {{0}};
	const struct revocation revocation = {.serials = (const uint8_t(*)[SERIAL_MAX])octets,
					      .serial_count = 1,
					      .by = CA_NAME,
					      .now_s = NOW_S};
	struct revocation_summary summary;

	OK(refresh_server_key(&server, NOW_S, &fault));
	cr_assert_eq(serial().len, SERIAL_MAX);
	memcpy(octets[0], serial().data, SERIAL_MAX);
	OK(revoke_certificates(authority_store(ca.authority), &revocation, NULL, NULL, &summary,
			       &fault));
	refresh(NOW_S + 1, false);
}

Test(server_key, is_another_one_for_other_names)
{
	OK(refresh_server_key(&server, NOW_S, &fault));
	(void)snprintf(ca.manifest->ca.endpoint.host, sizeof(ca.manifest->ca.endpoint.host),
		       "ca.example");
	start_again(false, NOW_S);
}

/* Killed between key and certificate, or damaged. */
Test(server_key, counts_files_that_do_not_fit_together_as_none)
{
	CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
	CLEANUP(clear_secret) struct secret pem = {0};

	OK(refresh_server_key(&server, NOW_S, &fault));
	OK(format_private_key(key, &pem, &fault));
	put_bytes(ca.layout->server, "server.key", bytes_of_secret(&pem), 0600);
	start_again(false, NOW_S);
	put_file(ca.layout->server, "server.key", "", 0600);
	start_again(false, NOW_S);
	start_again(true, NOW_S);
}

Test(server_key, is_used_and_written_later_where_it_cannot_be_written)
{
	cr_assert_eq(mkdirat(ca.layout->cert, SERVER_CERTIFICATE_FILE, 0755), 0);
	REFUSED(refresh_server_key(&server, NOW_S, &fault), ANY_CLASS, "ca/cert");
	cr_expect(is_own_key_valid(&server.own, NOW_S));
	cr_assert_eq(unlinkat(ca.layout->cert, SERVER_CERTIFICATE_FILE, AT_REMOVEDIR), 0);
	refresh(NOW_S, true);
	start_again(true, NOW_S);
}
