#include "common/x509/der.h"

#include "common/base/clock.h"
#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

/* catalogue 47: BER, indefinite lengths, huge object identifiers; catalogue 31: trailing octets */
Test(der, refuses_items_that_are_not_in_their_one_form)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *reason;
	} rows[] = {
#define ROW(octets, reason) {octets, sizeof(octets) - 1, reason}
		ROW("", "octet 0: expected a tag"),
		ROW("\x30", "octet 0: expected a tag"),
		ROW("\x30\x80\x00\x00", "shortest definite length"),
		ROW("\x30\x81\x01\x05", "shortest definite length"),
		ROW("\x30\x82\x00\x80", "shortest definite length"),
		ROW("\x30\x85\x00\x00\x00\x00\x00", "shortest definite length"),
		ROW("\x30\xff\x00", "shortest definite length"),
		ROW("\x30\x84\xff\xff\xff\xff\x00", "shortest definite length"),
		ROW("\x30\x05\x02\x01", "shortest definite length"),
		ROW("\x30\x02\x02\x01", "octet 2: expected a tag"),
		ROW("\x30\x00\x00", "octet 2: expected the end"),
		ROW("\x3f\x81\x01\x00", "expected a tag"),
		ROW("\x00\x00", "a type that X.509 uses"),
		ROW("\x10\x00", "a type that X.509 uses"),
		ROW("\x09\x01\x00", "a type that X.509 uses"),
		ROW("\x22\x00", "SEQUENCE, SET or a context tag"),
		ROW("\x24\x03\x04\x01\x00", "SEQUENCE, SET or a context tag"),
		ROW("\x60\x00", "SEQUENCE, SET or a context tag"),
		ROW("\x40\x01\x00", "a type that X.509 uses"),
		ROW("\x01\x01\x01", "BOOLEAN"),
		ROW("\x01\x02\xff\xff", "BOOLEAN"),
		ROW("\x01\x00", "BOOLEAN"),
		ROW("\x02\x00", "INTEGER"),
		ROW("\x02\x02\x00\x7f", "INTEGER"),
		ROW("\x02\x02\xff\x80", "INTEGER"),
		ROW("\x0a\x02\x00\x01", "ENUMERATED"),
		ROW("\x03\x00", "BIT STRING"),
		ROW("\x03\x02\x08\x00", "BIT STRING"),
		ROW("\x03\x01\x01", "BIT STRING"),
		ROW("\x03\x02\x01\x01", "BIT STRING"),
		ROW("\x05\x01\x00", "NULL"),
		ROW("\x06\x00", "OBJECT IDENTIFIER"),
		ROW("\x06\x02\x80\x01", "OBJECT IDENTIFIER"),
		ROW("\x06\x02\x55\x81", "OBJECT IDENTIFIER"),
		ROW("\x06\x0a\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01", "OBJECT IDENTIFIER"),
		ROW("\x0c\x02\xc0\x80", "UTF8String"),
		ROW("\x12\x01\x61", "NumericString"),
		ROW("\x13\x01\x40", "PrintableString"),
		ROW("\x13\x01\x00", "PrintableString"),
		ROW("\x16\x01\x80", "IA5String"),
		ROW("\x17\x01\xff", "UTCTime"),
		ROW("\x31\x06\x02\x01\x02\x02\x01\x01", "a SET in ascending order"),
		ROW("\xa0\x02\x30\x80", "shortest definite length"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes der = {(const uint8_t *)rows[i].octets, rows[i].len};

		REFUSED(check_der(der, "thing", &fault), FAULT_MALFORMED, rows[i].reason, "row %zu",
			i);
		cr_expect(strncmp(last_refusal()->text, "thing: not DER at octet ", 24) == 0, "%s",
			  last_refusal()->text);
	}
}

Test(der, accepts_the_one_form)
{
	static const struct bytes rows[] = {
		{(const uint8_t *)"\x30\x00", 2},
		{(const uint8_t *)"\x01\x01\x00", 3},
		{(const uint8_t *)"\x01\x01\xff", 3},
		{(const uint8_t *)"\x02\x01\x00", 3},
		{(const uint8_t *)"\x02\x02\x00\x80", 4},
		{(const uint8_t *)"\x02\x01\xff", 3},
		{(const uint8_t *)"\x03\x01\x00", 3},
		{(const uint8_t *)"\x03\x02\x01\x06", 4},
		{(const uint8_t *)"\x05\x00", 2},
		{(const uint8_t *)"\x06\x03\x55\x04\x03", 5},
		{(const uint8_t *)"\x31\x06\x02\x01\x01\x02\x01\x02", 8},
		{(const uint8_t *)"\x31\x00", 2},
		{(const uint8_t *)"\x80\x02\x30\x80", 4},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		OK(check_der(rows[i], "thing", &fault), "row %zu", i);
}

/* catalogue 47: deep nesting */
Test(der, refuses_a_depth_over_16)
{
	struct bytes nested = OCTETS("\x02\x01\x01");

	for (int depth = 1; depth <= 16; depth++)
		nested = item(depth % 2 == 0 ? DER_SET : DER_SEQUENCE, nested);
	OK(check_der(nested, "thing", &fault));
	nested = item(DER_SET, nested);
	REFUSED(check_der(nested, "thing", &fault), FAULT_MALFORMED, "depth of at most 16");
}

/* catalogue 47: 5000 levels, which must not cost 5000 frames */
Test(der, refuses_thousands_of_levels)
{
	CLEANUP(clear_buffer) struct buffer nested = {0};

	for (int level = 0; level < 5000; level++) {
		size_t left = 4 * (size_t)(5000 - level) - 4;
		uint8_t header[] = {0x31, 0x82, (uint8_t)(left >> 8), (uint8_t)left};

		append_bytes(&nested, (struct bytes){header, sizeof(header)});
	}
	REFUSED(check_der(bytes_of_buffer(&nested), "thing", &fault), FAULT_MALFORMED,
		"depth of at most 16");
}

Test(der, refuses_object_identifiers_over_64_octets)
{
	uint8_t arcs[65];

	memset(arcs, 1, sizeof(arcs));
	OK(check_der(item(DER_OID, (struct bytes){arcs, 64}), "thing", &fault));
	REFUSED(check_der(item(DER_OID, (struct bytes){arcs, 65}), "thing", &fault),
		FAULT_MALFORMED, "OBJECT IDENTIFIER");
}

Test(der, refuses_times_of_another_form)
{
	static const struct {
		uint8_t tag;
		const char *text;
	} rows[] = {
		{DER_UTC_TIME, ""},
		{DER_UTC_TIME, "2501010000Z"},
		{DER_UTC_TIME, "250101000000"},
		{DER_UTC_TIME, "250101000000+0000"},
		{DER_UTC_TIME, "250101000000z"},
		{DER_UTC_TIME, "251301000000Z"},
		{DER_UTC_TIME, "250229000000Z"},
		{DER_UTC_TIME, "250101240000Z"},
		{DER_UTC_TIME, "250101000060Z"},
		{DER_UTC_TIME, "25010100000-Z"},
		{DER_UTC_TIME, "20250101000000Z"},
		{DER_GENERALIZED_TIME, "250101000000Z"},
		{DER_GENERALIZED_TIME, "20500101000000.5Z"},
		{DER_GENERALIZED_TIME, "00000101000000Z"},
		{DER_GENERALIZED_TIME, "20500101000000"},
		{DER_OCTET_STRING, "250101000000Z"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct der_item time = {.tag = rows[i].tag,
					.content = bytes_of_string(rows[i].text)};
		int64_t time_s = -7;

		cr_expect(!read_der_time(&time, &time_s), "%s", rows[i].text);
		cr_expect_eq(time_s, -7);
	}
}

/* catalogue 95 */
Test(der, reads_times_on_both_sides_of_every_switch)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t time_s;
	} rows[] = {
		{DER_UTC_TIME, "700101000000Z", 0},
		{DER_UTC_TIME, "500101000000Z", -631152000},
		{DER_UTC_TIME, "380119031408Z", INT64_C(2147483648)},
		{DER_UTC_TIME, "491231235959Z", INT64_C(2524607999)},
		{DER_GENERALIZED_TIME, "20500101000000Z", INT64_C(2524608000)},
		{DER_GENERALIZED_TIME, "20240229120000Z", INT64_C(1709208000)},
		{DER_GENERALIZED_TIME, "99991231235959Z", INT64_C(253402300799)},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct der_item time = {.tag = rows[i].tag,
					.content = bytes_of_string(rows[i].text)};
		int64_t time_s = -7;

		cr_expect(read_der_time(&time, &time_s), "%s", rows[i].text);
		cr_expect_eq(time_s, rows[i].time_s, "%s: %jd", rows[i].text, (intmax_t)time_s);
	}
}

Test(der, writes_the_items_that_it_reads)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
	static uint8_t content[65536];

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		CLEANUP(clear_buffer) struct buffer buffer = {0};
		struct der_item read;
		struct bytes rest;

		append_der(&buffer, DER_OCTET_STRING, (struct bytes){content, lengths[i]});
		append_string(&buffer, "x");
		rest = bytes_of_buffer(&buffer);
		cr_assert(!read_der_tagged(&rest, DER_SEQUENCE, &read));
		cr_assert(read_der_tagged(&rest, DER_OCTET_STRING, &read), "%zu", lengths[i]);
		cr_expect_eq(read.content.len, lengths[i]);
		cr_expect_eq(read.whole.len, buffer.len - 1);
		cr_expect_eq(rest.len, (size_t)1);
	}
}

/* catalogue 95: UTCTime until 2049, GeneralizedTime before 1950 and from 2050 */
Test(der, writes_times_on_both_sides_of_every_switch)
{
	static const struct {
		const char *time;
		const char *der;
		const char *generalized;
	} rows[] = {
		{"1949-12-31T23:59:59Z",
		 "\x18\x0f"
		 "19491231235959Z",
		 "\x18\x0f"
		 "19491231235959Z"},
		{"1950-01-01T00:00:00Z",
		 "\x17\x0d"
		 "500101000000Z",
		 "\x18\x0f"
		 "19500101000000Z"},
		{"2049-12-31T23:59:59Z",
		 "\x17\x0d"
		 "491231235959Z",
		 "\x18\x0f"
		 "20491231235959Z"},
		{"2050-01-01T00:00:00Z",
		 "\x18\x0f"
		 "20500101000000Z",
		 "\x18\x0f"
		 "20500101000000Z"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};
		CLEANUP(clear_buffer) struct buffer generalized = {0};
		int64_t time_s;

		cr_assert_eq(parse_time(rows[i].time, &time_s, NULL), 0);
		append_der_time(&der, time_s);
		append_der_generalized_time(&generalized, time_s);
		cr_expect_str_eq((const char *)der.data, rows[i].der);
		cr_expect_str_eq((const char *)generalized.data, rows[i].generalized);
	}
}

Test(der, writes_numbers_in_their_shortest_form)
{
	static const struct {
		uint64_t number;
		struct {
			const char *octets;
			size_t len;
		} der;
	} rows[] = {
#define ROW(number, octets)                                                                        \
	{                                                                                          \
		number,                                                                            \
		{                                                                                  \
			octets, sizeof(octets) - 1                                                 \
		}                                                                                  \
	}
		ROW(0, "\x02\x01\x00"),
		ROW(127, "\x02\x01\x7f"),
		ROW(128, "\x02\x02\x00\x80"),
		ROW(256, "\x02\x02\x01\x00"),
		ROW(UINT64_MAX, "\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		append_der_number(&der, rows[i].number);
		cr_expect(equal_bytes(bytes_of_buffer(&der),
				      (struct bytes){(const uint8_t *)rows[i].der.octets,
						     rows[i].der.len}),
			  "row %zu", i);
	}
}

/* The same octets as with append_der, for lengths of one to four octets. */
Test(der, encloses_appended_octets)
{
	static const size_t lens[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
	static uint8_t content[65536];

	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		CLEANUP(clear_buffer) struct buffer expected = {0};
		CLEANUP(clear_buffer) struct buffer found = {0};

		append_string(&expected, "before");
		append_string(&found, "before");
		append_der(&expected, DER_SEQUENCE, (struct bytes){content, lens[i]});
		append_bytes(&found, (struct bytes){content, lens[i]});
		enclose_der(&found, 6, DER_SEQUENCE);
		cr_expect(equal_bytes(bytes_of_buffer(&found), bytes_of_buffer(&expected)),
			  "length %zu", lens[i]);
	}
}
