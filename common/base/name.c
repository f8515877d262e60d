#include "common/base/name.h"

#include <string.h>

bool valid_name(const char *name)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789_-";
	size_t len = strnlen(name, NAME_SIZE);

	return len > 0 && len < NAME_SIZE && name[0] != '-' && strspn(name, alphabet) == len;
}
