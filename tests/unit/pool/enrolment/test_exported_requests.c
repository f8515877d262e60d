#include "common/pool/enrolment/exported_requests.h"

#include "common/layout/manifest.h"
#include "tests/support/expect.h"
#include "tests/unit/pool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JTI "AAAAAAAAAAAAAAAAAAAAAA"
#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define START "1790000000 " JTI " " SHA256 " "

/* catalogue 31, 39 */
Test(exported_requests, refuses_a_line_in_another_format)
{
	static const char *const texts[] = {
		"\n",
		"hello\n",
		START "1",
		START "\n",
		START "0\n",
		START "01\n",
		START "-1\n",
		START "1-\n",
		START "2-1\n",
		START "1,\n",
		START "1,1\n",
		START "2,1\n",
		START "1-5,3\n",
		START "1 \n",
		START "1\r\n",
		START "1-1001\n",
		START "1-999,2000-2001\n",
		START "1000001\n",
		START "99999999\n",
		" " START "1\n",
		"0 " JTI " " SHA256 " 1\n",
		"1790000000000 " JTI " " SHA256 " 1\n",
		"1790000000 AAAA " SHA256 " 1\n",
		"1790000000 ABCDEFGHIJKLMNOPQRSTU* " SHA256 " 1\n",
		"1790000000 " JTI " 0011 1\n",
		"1790000000 " JTI " " SHA256 "00 1\n",
		"1790000000 " JTI " " SHA256 "\n",
		START "1\n" START "2\n",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CLEANUP(clear_exported_requests) struct exported_requests requests = {0};

		REFUSED(parse_exported_requests(bytes_of_string(texts[i]), &requests, &fault),
			FAULT_MALFORMED, "line ", "%s", texts[i]);
		cr_expect_eq(requests.count, 0);
	}
}

/* catalogue 28 */
Test(exported_requests, refuses_a_nul)
{
	static const uint8_t text[] = START "1\0\n";
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};

	REFUSED(parse_exported_requests((struct bytes){text, sizeof(text) - 1}, &requests, &fault),
		FAULT_MALFORMED, "line 1: expected text and a line end");
}

Test(exported_requests, is_written_as_it_was_read)
{
	static const char text[] =
		START "1-1000\n"
		      "1790000001 BAAAAAAAAAAAAAAAAAAAAA " SHA256 " 7\n"
		      "1790000002 CAAAAAAAAAAAAAAAAAAAAA " SHA256 " 1-2,5,9-11,1000000\n";
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};
	CLEANUP(clear_buffer) struct buffer written = {0};

	OK(parse_exported_requests(bytes_of_string(text), &requests, &fault));
	cr_assert_eq(requests.count, 3);
	cr_expect_eq(requests.items[0].count, 1000);
	cr_expect_eq(requests.items[0].sha256[1], 0x11);
	cr_expect_eq(requests.items[2].count, 7);
	cr_expect_eq(requests.items[2].members[4], 10);
	OK(format_exported_requests(&requests, &written, &fault));
	cr_expect_str_eq((const char *)written.data, text);
}

static void add(struct exported_requests *requests, const char *jti, int64_t iat_s)
{
	struct exported_request request = {.iat_s = iat_s, .count = 1};

	memcpy(request.jti, jti, JTI_SIZE);
	request.members = calloc(1, sizeof(*request.members));
	cr_assert_not_null(request.members);
	request.members[0] = 1;
	OK(add_exported_request(requests, &request, &fault));
}

Test(exported_requests, stay_until_they_are_answered_or_too_old)
{
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};

	add(&requests, "AAAAAAAAAAAAAAAAAAAAAA", 1000);
	add(&requests, "BAAAAAAAAAAAAAAAAAAAAA", 2000);
	add(&requests, "CAAAAAAAAAAAAAAAAAAAAA", 3000);
	remove_exported_request(&requests, "BAAAAAAAAAAAAAAAAAAAAA");
	remove_exported_request(&requests, "DAAAAAAAAAAAAAAAAAAAAA");
	cr_expect_eq(requests.count, 2);
	cr_expect_null(find_exported_request(&requests, "BAAAAAAAAAAAAAAAAAAAAA"));
	drop_old_exported_requests(&requests, 1001 + EXPORTED_EXPIRY_S);
	cr_expect_null(find_exported_request(&requests, "AAAAAAAAAAAAAAAAAAAAAA"));
	cr_expect_not_null(find_exported_request(&requests, "CAAAAAAAAAAAAAAAAAAAAA"));
}

/* catalogue 76: a staged file of a killed process is no obstacle */
Test(exported_requests, is_a_file_of_its_owner_alone)
{
	struct fixture fixture;
	CLEANUP(clear_exported_requests) struct exported_requests requests = {0};
	CLEANUP(clear_exported_requests) struct exported_requests none = {0};
	CLEANUP(clear_exported_requests) struct exported_requests again = {0};

	open_fixture(&fixture);
	OK(read_exported_requests(fixture.layouts[0], &none, &fault));
	cr_expect_eq(none.count, 0);
	add(&requests, JTI, 1000);
	put_file(fixture.layouts[0]->state, ".requests.new", "1790000000 AAA", 0600);
	OK(write_exported_requests(fixture.layouts[0], &requests, &fault));
	cr_expect_eq(mode_of(fixture.layouts[0]->state, "exported"), 0600);
	OK(read_exported_requests(fixture.layouts[0], &again, &fault));
	cr_expect_eq(again.count, 1);
	put_file(fixture.layouts[0]->state, "exported", "x\n", 0600);
	REFUSED(read_exported_requests(fixture.layouts[0], &none, &fault), FAULT_MALFORMED,
		"client1/state/exported: line 1: expected");
	close_fixture(&fixture);
}
