#ifndef CERTPOOL_NET_HTTP_H
#define CERTPOOL_NET_HTTP_H

#include "common/base/fault.h"

#define CONTENT_JOSE "application/jose"
#define CONTENT_PROBLEM "application/problem+json"
#define CONTENT_PEM "application/x-pem-file"

enum { MEDIA_TYPE_SIZE = 64 };

/* The HTTP status that a class of fault is answered with. */
unsigned int http_status(enum fault_class class);

/*
 * The media type of a Content-Type field in lower case, without its parameters. "" when text is
 * NULL or too long to be one that we know.
 */
void parse_media_type(const char *text, char ret_type[static MEDIA_TYPE_SIZE]);

#endif
