#ifndef CERTPOOL_NET_HTTP_H
#define CERTPOOL_NET_HTTP_H

#include "common/base/fault.h"

#define CONTENT_JOSE "application/jose"
#define CONTENT_PROBLEM "application/problem+json"
#define CONTENT_PEM "application/x-pem-file"

enum { MEDIA_TYPE_SIZE = 64 };

/* The HTTP status of an answer that reports a fault of the class. */
unsigned int http_status(enum fault_class class);

/*
 * The class of the fault that a client makes of a status: 413 FAULT_TOO_LARGE, 429 and 503
 * FAULT_BUSY, 400, 401 and 403 FAULT_REFUSED, 404 FAULT_NOT_FOUND, others FAULT_UNREACHABLE.
 */
enum fault_class class_of_http_status(unsigned int status);

/*
 * The media type of a Content-Type field in lower case, without its parameters. "" when the text is
 * NULL, or longer than any type that certpool uses.
 */
void parse_media_type(const char *text, char ret_type[static MEDIA_TYPE_SIZE]);

#endif
