/* How the parts of this folder work together: keys, a signed message, an encrypted message. */
#include "common/crypto/message.h"
#include "common/crypto/signed_message.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>

/* A message is signed, then encrypted; the receiver decrypts, then verifies. */
Test(crypto, is_used_like_this)
{
	const struct bytes text = bytes_of_string("hello");
	const struct bytes chain[] = {bytes_of_string("DER of the signer's certificate")};
	struct message_claims claims = {.iss = "client1", .aud = "client2", .iat_s = 1790000000};
	CLEANUP(free_private_key) struct private_key *private_key = NULL;
	CLEANUP(free_public_key) struct public_key *public_key = NULL;
	CLEANUP(clear_shared_key) struct shared_key shared_key = {0};
	CLEANUP(clear_key_ring) struct key_ring ring = {0};
	CLEANUP(clear_buffer) struct buffer jws = {0};
	CLEANUP(clear_buffer) struct buffer jwe = {0};
	CLEANUP(clear_decrypted_message) struct decrypted_message decrypted = {0};
	CLEANUP(clear_signed_message) struct signed_message message = {0};
	struct verdict verdict = {0};

	/* Both nodes have the shared key; the sender has a key pair. */
	OK(generate_shared_key(&shared_key, &fault));
	OK(generate_private_key(KEY_ECDSA_P256, &private_key, &fault));
	OK(get_public_key(private_key, &public_key, &fault));

	/* The sender. */
	OK(generate_jti(claims.jti, &fault));
	OK(sign_message(private_key, &claims, chain, 1, text, &jws, &fault));
	OK(encrypt_message(&shared_key, MESSAGE_TYPE, NULL, bytes_of_buffer(&jws), &jwe, &fault));

	/* The receiver, which takes the public key from the verified chain. */
	OK(add_peer_key(&ring, "client1", &shared_key, &fault));
	OK(decrypt_message(&ring, bytes_of_buffer(&jwe), &decrypted, &fault));
	cr_expect_str_eq(decrypted.peer, "client1");
	OK(parse_signed_message(bytes_of_secret(&decrypted.plaintext), &message, &fault));
	OK(verify_message(&message, public_key, &verdict, &fault));
	cr_expect(!verdict.invalid, "%s", verdict.reason);
	cr_expect(equal_bytes(bytes_of_buffer(&message.payload), text));
	cr_expect_str_eq(message.claims.aud, "client2");
}
