#include "common/net/http.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

unsigned int http_status(enum fault_class class)
{
	switch (class) {
	case FAULT_NONE:
		return 200;
	case FAULT_USAGE:
	case FAULT_MALFORMED:
	case FAULT_UNDECRYPTABLE:
		return 400;
	case FAULT_UNVERIFIED:
	case FAULT_REFUSED:
		return 403;
	case FAULT_NOT_FOUND:
		return 404;
	case FAULT_TOO_LARGE:
		return 413;
	case FAULT_FAILED:
	case FAULT_PARTIAL:
		return 500;
	case FAULT_UNREACHABLE:
		return 502;
	case FAULT_BUSY:
	case FAULT_INTERRUPTED:
		return 503;
	}
	return 500;
}

enum fault_class class_of_http_status(unsigned int status)
{
	switch (status) {
	case 400:
	case 401:
	case 403:
		return FAULT_REFUSED;
	case 404:
		return FAULT_NOT_FOUND;
	case 413:
		return FAULT_TOO_LARGE;
	case 429:
	case 503:
		return FAULT_BUSY;
	default:
		return FAULT_UNREACHABLE;
	}
}

void parse_media_type(const char *text, char ret_type[static MEDIA_TYPE_SIZE])
{
	size_t len = text != NULL ? strcspn(text, "; \t") : 0;

	if (len >= MEDIA_TYPE_SIZE)
		len = 0;
	for (size_t i = 0; i < len; i++)
		ret_type[i] = (char)tolower((unsigned char)text[i]);
	ret_type[len] = '\0';
}
