#include "common/crypto/message.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_key peer = {.peer = "client1", .key = {.kid = "link-1", .key = {1, 2, 3}}};
	const struct key_ring ring = {&peer, 1};
	struct decrypted_message message = {0};
	struct fault fault = {0};

	if (decrypt_message(&ring, (struct bytes){data, size}, &message, &fault) == 0)
		clear_decrypted_message(&message);
	return 0;
}
