#ifndef CERTPOOL_NET_CLIENT_HELLO_H
#define CERTPOOL_NET_CLIENT_HELLO_H

#include "common/base/bytes.h"

#include <gnutls/gnutls.h>

/*
 * The first message of a TLS client (RFC 8446 section 4.1.2). libmicrohttpd closes the connection
 * of a handshake that fails, without an alert, and does not say why: so what clients are refused
 * for most is found here first.
 *
 * Returns why a server with TLS 1.3, and with TLS 1.2 if that is allowed, has nothing in common
 * with the client, and the alert to send; NULL: it may have. The text is for the log.
 * Shape: hello is the message without its type and length.
 */
const char *find_hello_problem(struct bytes hello, bool allow_tls_1_2,
			       gnutls_alert_description_t *ret_alert);

#endif
