#include "common/crypto/message.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A JWE is refused with a reason and of one class, or is a message under the one key there is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_key peer = {.peer = "client1", .key = {.kid = "link-1", .key = {1, 2, 3}}};
	const struct key_ring ring = {&peer, 1};
	CLEANUP(clear_decrypted_message) struct decrypted_message message = {0};
	struct fault fault = {0};

	if (decrypt_message(&ring, (struct bytes){data, size}, &message, &fault) < 0) {
		assert(message.plaintext.data == NULL);
		assert(fault.class == FAULT_UNDECRYPTABLE && fault.text[0] != '\0');
		return 0;
	}
	assert(equal_bytes(bytes_of_string(message.peer), bytes_of_string("client1")));
	assert(message.plaintext.len < size);
	return 0;
}
