#ifndef CERTPOOL_NET_HTTP_H
#define CERTPOOL_NET_HTTP_H

#include "common/base/fault.h"

#define CONTENT_JOSE "application/jose"
#define CONTENT_PROBLEM "application/problem+json"
#define CONTENT_PEM "application/x-pem-file"

/* The HTTP status that a class of fault is answered with. */
unsigned int http_status(enum fault_class class);

#endif
