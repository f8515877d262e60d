#include "common/net/http.h"

#include "common/base/bytes.h"

#include <criterion/criterion.h>

Test(http, gives_every_class_its_status)
{
	static const struct {
		enum fault_class class;
		unsigned int status;
	} rows[] = {
		{FAULT_NONE, 200},       {FAULT_FAILED, 500},    {FAULT_USAGE, 400},
		{FAULT_MALFORMED, 400},  {FAULT_TOO_LARGE, 413}, {FAULT_UNDECRYPTABLE, 400},
		{FAULT_UNVERIFIED, 403}, {FAULT_NOT_FOUND, 404}, {FAULT_PARTIAL, 500},
		{FAULT_REFUSED, 403},    {FAULT_BUSY, 503},      {FAULT_UNREACHABLE, 502},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(http_status(rows[i].class), rows[i].status, "class %u",
			     (unsigned int)rows[i].class);
}

Test(http, gives_every_status_a_class)
{
	static const struct {
		unsigned int status;
		enum fault_class class;
	} rows[] = {
		{400, FAULT_REFUSED},   {401, FAULT_REFUSED},     {403, FAULT_REFUSED},
		{404, FAULT_NOT_FOUND}, {413, FAULT_TOO_LARGE},   {429, FAULT_BUSY},
		{503, FAULT_BUSY},      {500, FAULT_UNREACHABLE}, {302, FAULT_UNREACHABLE},
		{0, FAULT_UNREACHABLE},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(class_of_http_status(rows[i].status), rows[i].class, "status %u",
			     rows[i].status);
}

Test(http, reads_media_types)
{
	static const struct {
		const char *text;
		const char *type;
	} rows[] = {
		{"application/jose", "application/jose"},
		{"Application/JOSE; charset=utf-8", "application/jose"},
		{"text/plain ;x", "text/plain"},
		{"text/plain\t", "text/plain"},
		{";", ""},
		{"", ""},
		{NULL, ""},
		{"a23456789b23456789c23456789d23456789e23456789f23456789g23456789",
		 "a23456789b23456789c23456789d23456789e23456789f23456789g23456789"},
		{"a23456789b23456789c23456789d23456789e23456789f23456789g234567890", ""},
	};
	char type[MEDIA_TYPE_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		parse_media_type(rows[i].text, type);
		cr_expect_str_eq(type, rows[i].type);
	}
}
