#include "common/ca/shared/issuer_copies.h"

#include "common/base/staging.h"
#include "common/ca/shared/client_key_copies.h"
#include "common/ca/store/driver.h"
#include "common/x509/certificate.h"
#include "common/x509/issuer.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct scratch_store scratch;
static struct store *store;
static struct layout *layout;

static void set_up(void)
{
	char path[300];

	make_scratch_store(&scratch);
	(void)snprintf(path, sizeof(path), "%s/ca", scratch.folder.path);
	OK(make_layout(path, &layout, &fault));
	store = open_scratch_store(&scratch);
	store->shared = true;
	OK(take_client_keys(store, layout, &fault));
}

static void tear_down(void)
{
	free_store(&store);
	free_layout(&layout);
	remove_scratch_store(&scratch);
}

TestSuite(issuer_copies, .init = set_up, .fini = tear_down);

static struct certificate *make_self_signed(void)
{
	const struct validity validity = {0, 5000000000};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct certificate *certificate = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, "CN=Issuer,serialNumber=2", &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	return certificate;
}

Test(issuer_copies, are_of_the_rotation_that_was_first)
{
	CLEANUP(free_certificate) struct certificate *first = make_self_signed();
	CLEANUP(free_certificate) struct certificate *second = make_self_signed();
	struct new_issuer issuer = {.number = 2, .certificate = first, .now_s = 1000};
	CLEANUP(clear_secret) struct secret pem = {0};

	OK(record_shared_issuer(store, layout, &issuer, bytes_of_string("first"), &fault));
	issuer.certificate = second;
	REFUSED(record_shared_issuer(store, layout, &issuer, bytes_of_string("second"), &fault),
		FAULT_BUSY, "another front end has just made issuer 2: nothing has changed");
	OK(read_issuer_key(store, layout, 2, &pem, &fault));
	cr_expect(equal_secrets(bytes_of_secret(&pem), bytes_of_string("first")));
}

/* The key, which its user checks against the certificate, is there first; the certificate never. */
Test(issuer_copies, are_not_made_of_a_certificate_that_the_root_did_not_sign)
{
	CLEANUP(free_certificate) struct certificate *root = make_self_signed();
	CLEANUP(free_certificate) struct certificate *foreign = make_self_signed();
	const struct new_issuer issuer = {.number = 2, .certificate = foreign, .now_s = 1000};
	CLEANUP(clear_buffer) struct buffer pem = {0};
	bool found;

	OK(format_certificate_pem(certificate_der(root), &pem, &fault));
	OK(write_file(layout->cert, "root.crt", STAGE_NEW, 0644, bytes_of_buffer(&pem), &fault));
	OK(record_shared_issuer(store, layout, &issuer, bytes_of_string("a key"), &fault));
	REFUSED(take_issuers(store, layout, &fault), FAULT_UNVERIFIED,
		"the certificate of issuer 2: ");
	OK(find_file(layout->cert, "ca.2.crt", &found, &fault));
	cr_expect(!found);
}
