#include "common/net/client_hello.h"
#include "tests/fuzz/target.h"

#include <assert.h>

/* A client's first message is refused with a reason and one of four alerts, or not; and whoever is
   not refused with TLS 1.3 alone is not refused with TLS 1.2 beside it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes hello = {data, size};
	gnutls_alert_description_t alert;

	if (find_hello_problem(hello, false, &alert) == NULL) {
		assert(size > 38);
		assert(find_hello_problem(hello, true, &alert) == NULL);
	} else {
		assert(alert == GNUTLS_A_DECODE_ERROR || alert == GNUTLS_A_PROTOCOL_VERSION ||
		       alert == GNUTLS_A_HANDSHAKE_FAILURE ||
		       alert == GNUTLS_A_NO_APPLICATION_PROTOCOL);
	}
	return 0;
}
