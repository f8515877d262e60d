#include "common/crypto/pkcs11_key.h"

#include "common/base/workers.h"
#include "common/crypto/signature.h"
#include "tests/support/expect.h"
#include "tests/support/token.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct scratch scratch;

static void remove_place(void)
{
	remove_scratch(&scratch);
}

static void make_place(void)
{
	make_scratch(&scratch);
	make_token(&scratch);
}

static int open_key(const char *url, const char *pin, struct private_key **ret_key,
		    struct fault *fault)
{
	return open_token_key(url, bytes_of_string(pin), ret_key, fault);
}

static void expect_no_key(const char *url, const char *pin, enum fault_class class,
			  const char *found)
{
	struct private_key *key = NULL;

	REFUSED(open_key(url, pin, &key, &fault), class, found, "%s", url);
	cr_expect_null(key);
	NOT_SAID("471");
}

/* catalogue 101: a PIN is tried once, and not at all when that could lock the token */
Test(pkcs11_key, gives_a_pin_once_and_not_at_the_last_try)
{
	static const struct {
		const char *pin;
		int attempt;
		unsigned int flags;
		const char *problem; /* NULL: it is given */
	} rows[] = {
		{TOKEN_PIN, 0, GNUTLS_PIN_USER, NULL},
		{TOKEN_PIN, 0, GNUTLS_PIN_USER | GNUTLS_PIN_COUNT_LOW, NULL},
		{TOKEN_PIN, 1, GNUTLS_PIN_USER, "the PIN is wrong"},
		{TOKEN_PIN, 0, GNUTLS_PIN_USER | GNUTLS_PIN_WRONG, "the PIN is wrong"},
		{TOKEN_PIN, 0, GNUTLS_PIN_USER | GNUTLS_PIN_FINAL_TRY, "would lock the token"},
		{"", 0, GNUTLS_PIN_USER, "expected one in a file"},
		{"0123456789abcdef", 0, GNUTLS_PIN_USER, "longer than a token takes"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct token_pin *pin = NULL;
		char told[16] = "";
		int code;

		OK(new_token_pin(bytes_of_string(rows[i].pin), &pin, &fault));
		code = answer_token(pin, rows[i].attempt, "", "", rows[i].flags, told,
				    sizeof(told));
		cr_expect_eq(code == 0, rows[i].problem == NULL, "row %zu", i);
		cr_expect_str_eq(told, rows[i].problem == NULL ? rows[i].pin : "");
		if (rows[i].problem != NULL) {
			cr_assert_not_null(token_pin_problem(pin));
			cr_expect_not_null(strstr(token_pin_problem(pin), rows[i].problem),
					   "row %zu", i);
			/* And at every later try. */
			cr_expect_lt(
				answer_token(pin, 0, "", "", GNUTLS_PIN_USER, told, sizeof(told)),
				0, "row %zu", i);
		} else {
			cr_expect_null(token_pin_problem(pin));
		}
		free_token_pin(&pin);
	}
}

/* catalogue 101: wrong PIN, no PIN, no token, no key, a key that is not sensitive and private */
Test(pkcs11_key, refuses_keys_that_cannot_be_had, .init = make_place, .fini = remove_place)
{
	struct private_key *key = NULL;

	make_token_key("ec", "ecdsa", "secp256r1");
	make_loose_token_key("loose");
	expect_no_key(TOKEN_URL ";object=ec", "4712", FAULT_REFUSED,
		      "the PIN is wrong: it was tried once, and will not be tried again");
	expect_no_key(TOKEN_URL ";object=ec", "", FAULT_REFUSED, "expected one in a file");
	expect_no_key(TOKEN_URL ";object=none", TOKEN_PIN, FAULT_NOT_FOUND,
		      "object=none: the token has no such private key: to make one, run p11tool");
	expect_no_key("pkcs11:token=other;object=ec", TOKEN_PIN, FAULT_UNREACHABLE,
		      "there is no such token");
	expect_no_key(TOKEN_URL ";object=loose", TOKEN_PIN, FAULT_REFUSED, "CKA_PRIVATE");
	OK(open_key(TOKEN_URL ";object=ec", TOKEN_PIN, &key, &fault));
	free_private_key(&key);
}

static void expect_signs(const char *label, enum key_type type)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public = NULL;
	CLEANUP(clear_buffer) struct buffer signature = {0};
	CLEANUP(clear_secret) struct secret pem = {0};
	enum signature_algorithm algorithm = default_signature_algorithm(type);
	struct verdict verdict = {0};
	char url[128];

	(void)snprintf(url, sizeof(url), "%s;object=%s", TOKEN_URL, label);
	OK(open_key(url, TOKEN_PIN, &key, &fault));
	cr_expect_eq(private_key_type(key), type);
	OK(get_public_key(key, &public, &fault));
	OK(sign_data(key, algorithm, bytes_of_string("abc"), &signature, &fault));
	OK(verify_data(public, algorithm, bytes_of_string("abc"), bytes_of_buffer(&signature),
		       &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	REFUSED(format_private_key(key, &pem, &fault), FAULT_REFUSED, "does not leave it");
}

Test(pkcs11_key, signs_with_keys_that_do_not_leave_it, .init = make_place, .fini = remove_place)
{
	make_token_key("p256", "ecdsa", "secp256r1");
	make_token_key("p384", "ecdsa", "secp384r1");
	make_token_key("rsa", "rsa", "2048");
	expect_signs("p256", KEY_ECDSA_P256);
	expect_signs("p384", KEY_ECDSA_P384);
	expect_signs("rsa", KEY_RSA_2048);
}

struct signing {
	const struct private_key *key;
	const struct public_key *public;
};

static int sign_and_verify(size_t index, void *context, struct fault *fault)
{
	const struct signing *signing = context;
	CLEANUP(clear_buffer) struct buffer signature = {0};
	struct bytes data = {(const uint8_t *)&index, sizeof(index)};
	struct verdict verdict = {0};

	if (sign_data(signing->key, SIGNATURE_ES256, data, &signature, fault) < 0 ||
	    verify_data(signing->public, SIGNATURE_ES256, data, bytes_of_buffer(&signature),
			&verdict, fault) < 0)
		return -1;
	return verdict.invalid ? set_fault(fault, FAULT_UNVERIFIED, "%s", verdict.reason) : 0;
}

/* catalogue 101: a removed token gives an error and no signature */
Test(pkcs11_key, signs_from_several_threads_until_it_is_gone, .init = make_place,
     .fini = remove_place)
{
	CLEANUP(free_private_key) struct private_key *key = NULL;
	CLEANUP(free_public_key) struct public_key *public = NULL;
	struct signing signing;

	make_token_key("ec", "ecdsa", "secp256r1");
	OK(open_key(TOKEN_URL ";object=ec;type=private", TOKEN_PIN, &key, &fault));
	OK(get_public_key(key, &public, &fault));
	signing = (struct signing){key, public};
	OK(run_tasks(400, 4, sign_and_verify, &signing, &fault));
	remove_token(&scratch);
	REFUSED(run_tasks(8, 4, sign_and_verify, &signing, &fault), FAULT_FAILED, NULL);
}
