#include "common/x509/issuer_set.h"

#include "common/x509/certificate_fields.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct issuer *make_issuer(const char *subject)
{
	const struct validity validity = {0, 1000000};
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_certificate) struct certificate *certificate = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct issuer *issuer = NULL;

	OK(generate_private_key(KEY_ECDSA_P256, &key, &fault));
	OK(create_root(key, subject, &validity, &der, &fault));
	OK(parse_certificate_der(bytes_of_buffer(&der), &certificate, &fault));
	OK(new_issuer(&certificate, &key, &issuer, &fault));
	return issuer;
}

Test(issuer_set, numbers_its_issuers_and_finds_them)
{
	CLEANUP(clear_issuer_set) struct issuer_set set = {0};
	struct issuer *issuer;

	cr_expect_null(newest_issuer(&set));
	cr_expect_null(newest_root_issuer(&set));
	for (unsigned int number = 1; number <= 3; number++) {
		char subject[16];

		(void)snprintf(subject, sizeof(subject), "CN=%u", number);
		issuer = make_issuer(subject);
		OK(add_issuer(&set, &issuer, &fault));
		cr_expect_null(issuer);
		cr_expect_eq(count_issuers(&set), number);
		cr_expect_eq(issuer_number(newest_issuer(&set)), number);
	}
	cr_expect_eq(newest_root_issuer(&set), newest_issuer(&set));
	cr_expect_null(get_issuer(&set, 0));
	cr_expect_null(get_issuer(&set, 4));
	cr_expect_str_eq(certificate_subject(issuer_certificate(get_issuer(&set, 2))), "CN=2");
	cr_expect_eq(
		get_issuer_by_name(
			&set, certificate_fields(issuer_certificate(get_issuer(&set, 2)))->subject),
		get_issuer(&set, 2));
	cr_expect_null(get_issuer_by_name(&set, (struct bytes){0}));
}

Test(issuer_set, refuses_more_than_it_has_room_for)
{
	CLEANUP(clear_issuer_set) struct issuer_set set = {0};
	struct issuer *issuer;

	for (unsigned int i = 0; i < ISSUERS_MAX; i++) {
		issuer = make_issuer("CN=Issuer");
		OK(add_issuer(&set, &issuer, &fault));
	}
	issuer = make_issuer("CN=Issuer");
	REFUSED(add_issuer(&set, &issuer, &fault), FAULT_TOO_LARGE,
		"expected at most 64 certificates of one CA");
	cr_expect_null(issuer);
}
