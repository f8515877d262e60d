#include "common/crypto/agreement/key_agreement.h"

#include "common/base/hex.h"
#include "common/base/random.h"
#include "common/crypto/digest.h"
#include "common/crypto/shared_key.h"

#include <nettle/curve25519.h>
#include <stdio.h>
#include <string.h>

enum { KEY_TEXT_LEN = 2 * AGREEMENT_KEY_LEN };

void clear_agreement_key(struct agreement_key *key)
{
	wipe(key, sizeof(*key));
}

int generate_agreement_key(struct agreement_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};

	if (fill_random(key.private_half, sizeof(key.private_half), fault) < 0)
		return -1;
	curve25519_mul_g(key.public_half, key.private_half);
	*ret_key = key;
	return 0;
}

int format_agreement_key(const struct agreement_key *key, struct secret *ret_text,
			 struct fault *fault)
{
	CLEANUP(clear_secret) struct secret text = {0};

	if (allocate_secret(KEY_TEXT_LEN + 1, &text, fault) < 0)
		return -1;
	format_hex((struct bytes){key->private_half, AGREEMENT_KEY_LEN}, (char *)text.data);
	text.data[KEY_TEXT_LEN] = '\n';
	*ret_text = take_secret(&text);
	return 0;
}

int parse_agreement_key(struct bytes text, struct agreement_key *ret_key, struct fault *fault)
{
	CLEANUP(clear_agreement_key) struct agreement_key key = {0};
	char digits[KEY_TEXT_LEN + 1] = "";
	bool parsed;

	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len == KEY_TEXT_LEN)
		memcpy(digits, text.data, KEY_TEXT_LEN);
	parsed = parse_hex(digits, key.private_half, AGREEMENT_KEY_LEN);
	wipe(digits, sizeof(digits));
	if (!parsed)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected the private half of a key pair, %d lower-case "
				 "hexadecimal digits",
				 KEY_TEXT_LEN);
	curve25519_mul_g(key.public_half, key.private_half);
	*ret_key = key;
	return 0;
}

/* The key that both sides get, for this pair of public halves alone. False: a half is none. */
static bool agree(const uint8_t private_half[static AGREEMENT_KEY_LEN],
		  const uint8_t other[static AGREEMENT_KEY_LEN],
		  const uint8_t ephemeral[static AGREEMENT_KEY_LEN],
		  const uint8_t recipient[static AGREEMENT_KEY_LEN], struct shared_key *ret_key)
{
	static const uint8_t zeros[AGREEMENT_KEY_LEN];
	uint8_t secret[AGREEMENT_KEY_LEN];
	char first[KEY_TEXT_LEN + 1];
	char second[KEY_TEXT_LEN + 1];
	char label[2 * KEY_TEXT_LEN + 64];
	bool agreed;

	curve25519_mul(secret, private_half, other);
	agreed = !equal_secrets((struct bytes){secret, sizeof(secret)},
				(struct bytes){zeros, sizeof(zeros)});
	format_hex((struct bytes){ephemeral, AGREEMENT_KEY_LEN}, first);
	format_hex((struct bytes){recipient, AGREEMENT_KEY_LEN}, second);
	(void)snprintf(label, sizeof(label), "certpool sealed to a key %s %s", first, second);
	derive_key((struct bytes){secret, sizeof(secret)}, label, ret_key->key);
	wipe(secret, sizeof(secret));
	return agreed;
}

int seal_to_key(const uint8_t public_half[static AGREEMENT_KEY_LEN], const char *context,
		struct bytes plaintext, struct buffer *ret_sealed, struct fault *fault)
{
	CLEANUP(clear_agreement_key) struct agreement_key ephemeral = {0};
	CLEANUP(clear_shared_key) struct shared_key key = {0};
	CLEANUP(clear_buffer) struct buffer body = {0};
	CLEANUP(clear_buffer) struct buffer sealed = {0};

	if (generate_agreement_key(&ephemeral, fault) < 0)
		return -1;
	if (!agree(ephemeral.private_half, public_half, ephemeral.public_half, public_half, &key))
		return set_fault(fault, FAULT_MALFORMED, "%s: expected a public key of X25519",
				 context);
	if (seal_under_key(&key, context, plaintext, &body, fault) < 0)
		return -1;
	append_bytes(&sealed, (struct bytes){ephemeral.public_half, AGREEMENT_KEY_LEN});
	append_bytes(&sealed, bytes_of_buffer(&body));
	if (check_buffer(&sealed, fault) < 0)
		return -1;
	*ret_sealed = take_buffer(&sealed);
	return 0;
}

int open_with_key(const struct agreement_key *key, const char *context, struct bytes sealed,
		  struct secret *ret_plaintext, struct fault *fault)
{
	CLEANUP(clear_shared_key) struct shared_key agreed = {0};
	struct bytes body;

	if (sealed.len <= AGREEMENT_KEY_LEN)
		return set_fault(fault, FAULT_UNDECRYPTABLE, "%s: cut off", context);
	body = (struct bytes){sealed.data + AGREEMENT_KEY_LEN, sealed.len - AGREEMENT_KEY_LEN};
	if (!agree(key->private_half, sealed.data, sealed.data, key->public_half, &agreed))
		return set_fault(fault, FAULT_UNDECRYPTABLE, "%s: cannot be decrypted", context);
	return open_under_key(&agreed, context, body, ret_plaintext, fault);
}
