/* Without randomness from the kernel, every function that needs it fails. */
#include "common/crypto/key.h"
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number of calls of getrandom that succeed; all later ones fail. */
static unsigned int calls_left = UINT_MAX;

/* Whether they all return the same octets. */
static bool stuck;

/* Stands in for libc's in this test program. Each test is a process of its own. */
ssize_t getrandom(void *data, size_t len, unsigned int flags)
{
	if (calls_left == 0) {
		errno = ENOSYS;
		return -1;
	}
	calls_left--;
	if (stuck) {
		memset(data, 7, len);
		return (ssize_t)len;
	}
	return syscall(SYS_getrandom, data, len, flags);
}

/* catalogue 24, 102: neither without a content key nor without an IV */
Test(random_failure, encrypts_nothing)
{
	const struct shared_key key = {.kid = "link-1", .key = {1, 2, 3}};

	for (unsigned int left = 0; left < 2; left++) {
		struct buffer jwe = {0};

		calls_left = left;
		REFUSED(encrypt_message(&key, "certpool.status", NULL, bytes_of_string("M"), &jwe,
					&fault),
			FAULT_FAILED, "getrandom: no random octets");
		cr_expect_null(jwe.data);
	}
}

/* catalogue 102 */
Test(random_failure, makes_no_key_and_no_name)
{
	struct private_key *key = NULL;
	struct shared_key shared = {0};
	char jti[JTI_SIZE] = "kept";

	calls_left = 0;
	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_ECDSA_P384; type++) {
		REFUSED(generate_private_key((enum key_type)type, &key, &fault), FAULT_FAILED,
			"getrandom: no random octets");
		cr_expect_null(key);
	}
	for (unsigned int left = 0; left < 2; left++) {
		calls_left = left;
		REFUSED(generate_shared_key(&shared, &fault), FAULT_FAILED,
			"getrandom: no random octets");
		cr_expect_eq(shared.kid[0], '\0');
	}
	calls_left = 0;
	REFUSED(generate_jti(jti, &fault), FAULT_FAILED, "getrandom: no random octets");
	cr_expect_str_eq(jti, "kept");
}

/* catalogue 102: an ECDSA nonce that is known, or used twice, reveals the private key */
Test(random_failure, signs_nothing)
{
	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_ECDSA_P384; type++) {
		CLEANUP(free_private_key) struct private_key *key = NULL;
		struct buffer signature = {0};

		calls_left = UINT_MAX;
		OK(generate_private_key((enum key_type)type, &key, &fault));
		calls_left = 0;
		REFUSED(sign_data(key, default_signature_algorithm((enum key_type)type),
				  bytes_of_string("M"), &signature, &fault),
			FAULT_FAILED, "getrandom: no random octets");
		cr_expect_null(signature.data);
		REFUSED(sign_object_data(key, bytes_of_string("M"), &signature, &fault),
			FAULT_FAILED, "getrandom: no random octets");
		cr_expect_null(signature.data);
	}
}

/* R as Ecdsa-Sig-Value has it. */
static struct bytes first_integer(const struct buffer *signature)
{
	return (struct bytes){signature->data + 4, signature->data[3]};
}

/* The same R under one key twice reveals the key. */
Test(random_failure, gives_no_two_of_an_authoritys_signatures_one_secret_number)
{
	for (unsigned int type = KEY_ECDSA_P256; type <= KEY_ECDSA_P384; type++) {
		CLEANUP(free_private_key) struct private_key *key = NULL;
		CLEANUP(free_public_key) struct public_key *public_key = NULL;
		CLEANUP(clear_buffer) struct buffer one = {0};
		CLEANUP(clear_buffer) struct buffer other = {0};
		struct checked_signer signer = {.check = CHECK_WITH_PRIVATE_KEY};

		stuck = false;
		OK(generate_private_key((enum key_type)type, &key, &fault));
		OK(get_public_key(key, &public_key, &fault));
		signer.key = key;
		signer.public_key = public_key;
		stuck = true;
		OK(sign_checked_object_data(&signer, bytes_of_string("M"), &one, &fault));
		OK(sign_checked_object_data(&signer, bytes_of_string("N"), &other, &fault));
		cr_expect(!equal_bytes(first_integer(&one), first_integer(&other)));
	}
}
