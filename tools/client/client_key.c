#include "tools/client/client_key.h"

#include "common/ca/shared/client_key_copies.h"
#include "common/crypto/key_file.h"
#include "tools/node.h"

int find_or_make_client_key(const struct command *command, const struct ca_operator *ca,
			    const struct client *client, struct shared_key *ret_key,
			    struct fault *fault)
{
	CLEANUP(close_descriptor) int lock = -1;
	struct fault absent = {0};

	if (client->disabled || client->revoked)
		return set_fault(fault, FAULT_REFUSED,
				 "the client \"%s\" is %s, and can have no certificates",
				 client->name, client->revoked ? "revoked" : "disabled");
	if (lock_or_wait(command, ca->layout, &lock, fault) < 0)
		return -1;
	if (read_shared_key(ca->layout, client->name, ret_key, &absent) == 0)
		return 0;
	if (absent.class != FAULT_NOT_FOUND)
		return pass_fault(&absent, fault);
	if (generate_shared_key(ret_key, fault) < 0)
		return -1;
	return write_client_key(ca->store, ca->layout, client->name, ret_key, fault);
}
