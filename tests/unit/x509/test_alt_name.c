#include "common/x509/alt_name.h"

#include "tests/support/expect.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <string.h>

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"

/* catalogue 125: an address as a DNS name */
Test(alt_name, refuses_names_that_are_not_well_formed)
{
	static const struct {
		const char *name;
		const char *reason;
	} rows[] = {
		{"", "expected DNS:, URI:, email: or IP:"},
		{"example.org", "expected DNS:, URI:, email: or IP:"},
		{"dns:example.org", "expected DNS:, URI:, email: or IP:"},
		{"RID:1.2.3.4", "expected DNS:, URI:, email: or IP:"},
		{"DNS:", "not well formed"},
		{"DNS:a..b", "not well formed"},
		{"DNS:.a", "not well formed"},
		{"DNS:a.", "not well formed"},
		{"DNS:-a", "not well formed"},
		{"DNS:a-", "not well formed"},
		{"DNS:a b", "ASCII without spaces"},
		{"DNS:a\nb", "ASCII without spaces"},
		{"DNS:caf\xc3\xa9", "ASCII without spaces"},
		{"DNS:a/b", "not well formed"},
		{"DNS:a,DNS:b", "not well formed"},
		{"DNS:*", "not well formed"},
		{"DNS:a.*.b", "not well formed"},
		{"DNS:a*.b", "not well formed"},
		{"DNS:" LABEL_63 "x.org", "not well formed"},
		{"DNS:" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".", "not well formed"},
		{"DNS:10.0.0.1", "expected a host's name (RFC 1123 section 2.1), found an address: "
				 "write \"IP:10.0.0.1\""},
		{"DNS:a.1", "not well formed"},
		{"DNS:7", "not well formed"},
		{"DNS:*.0.0.1", "not well formed"},
		{"email:a@10.0.0.1", "not well formed"},
		{"URI:", "not well formed"},
		{"URI:x", "not well formed"},
		{"URI:x:", "not well formed"},
		{"URI:1x:y", "not well formed"},
		{"URI::y", "not well formed"},
		{"URI:x:%zz", "not well formed"},
		{"URI:x:%a", "not well formed"},
		{"URI:x:<y>", "not well formed"},
		{"URI:x:\"y\"", "not well formed"},
		{"email:a", "not well formed"},
		{"email:@b", "not well formed"},
		{"email:a@", "not well formed"},
		{"email:a@b@c", "not well formed"},
		{"email:.a@b", "not well formed"},
		{"email:a.@b", "not well formed"},
		{"email:\"a\"@b", "not well formed"},
		{"email:Name<a@b>", "not well formed"},
		{"email:" LABEL_63 "xx@b", "not well formed"},
		{"IP:", "not well formed"},
		{"IP:1.2.3", "not well formed"},
		{"IP:1.2.3.256", "not well formed"},
		{"IP:1.2.3.4/8", "not well formed"},
		{"IP:::g", "not well formed"},
		{"IP:fe80::1%eth0", "not well formed"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct alt_names names = {0};

		REFUSED(add_alt_name(&names, rows[i].name, &fault), FAULT_MALFORMED, rows[i].reason,
			"%s", rows[i].name);
		cr_expect_eq(names.count, (size_t)0);
	}
}

Test(alt_name, refuses_names_over_the_limit)
{
	char name[ALT_NAME_MAX + 2] = "URI:x:";
	struct alt_names names = {0};

	memset(name + 6, 'y', sizeof(name) - 7);
	cr_expect_eq(strlen(name), (size_t)ALT_NAME_MAX + 1);
	REFUSED(add_alt_name(&names, name, &fault), FAULT_MALFORMED, "at most 512 characters");
	name[ALT_NAME_MAX] = '\0';
	cr_expect_eq(add_alt_name(&names, name, NULL), 0);
	clear_alt_names(&names);
}

/* catalogue 46: "a\0b"; catalogue 43: kinds of name that a policy could not see */
Test(alt_name, refuses_der_that_is_not_general_names)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *reason;
	} rows[] = {
#define ROW(octets, reason) {octets, sizeof(octets) - 1, reason}
		ROW("", "not DER"),
		ROW("\x30\x00", "at least one name"),
		ROW("\x31\x03\x82\x01x", "at least one name"),
		ROW("\x30\x03\x82\x01x\x00", "expected the end"),
		ROW("\x30\x80\x82\x01x\x00\x00", "not DER"),
		ROW("\x30\x05\x82\x03"
		    "a\0b",
		    "NUL"),
		ROW("\x30\x05\x86\x03"
		    "x:\0",
		    "NUL"),
		ROW("\x30\x02\x82\x00", "not well formed"),
		ROW("\x30\x0a\x82\x08"
		    "10.0.0.1",
		    "found an address"),
		ROW("\x30\x05\x82\x03"
		    "a\nb",
		    "ASCII"),
		ROW("\x30\x03\x82\x01\xe9", "ASCII"),
		ROW("\x30\x03\x87\x01\x01", "4 or 16 octets"),
		ROW("\x30\x0a\x87\x08\x01\x02\x03\x04\xff\xff\xff\xff", "4 or 16 octets"),
		ROW("\x30\x05\x88\x03\x2a\x03\x04", "tag 0x88"),
		ROW("\x30\x04\xa4\x02\x30\x00", "tag 0xa4"),
		ROW("\x30\x0b\xa0\x09\x06\x02\x2a\x03\xa0\x03\x0c\x01x", "tag 0xa0"),
		ROW("\x30\x05\xa2\x03\x04\x01x", "tag 0xa2"),
		ROW("\x30\x03\x04\x01x", "tag 0x04"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes der = {(const uint8_t *)rows[i].octets, rows[i].len};
		struct alt_names names = {0};

		REFUSED(parse_alt_names(der, &names, &fault), FAULT_MALFORMED, rows[i].reason,
			"row %zu", i);
		cr_expect_null(names.names);
	}
}

Test(alt_name, reads_the_names_that_it_writes)
{
	static const struct {
		const char *given;
		const char *canonical;
	} rows[] = {
		{"DNS:a", "DNS:a"},
		{"DNS:client1-1.Example.org", "DNS:client1-1.Example.org"},
		{"DNS:*.example.org", "DNS:*.example.org"},
		{"DNS:_x._tcp.example.org", "DNS:_x._tcp.example.org"},
		{"DNS:" LABEL_63 ".org", "DNS:" LABEL_63 ".org"},
		{"URI:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
		 "URI:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
		{"URI:https://example.org/a?b=%2f#c", "URI:https://example.org/a?b=%2f#c"},
		{"email:first.last+tag@example.org", "email:first.last+tag@example.org"},
		{"IP:192.0.2.1", "IP:192.0.2.1"},
		{"IP:2001:DB8:0:0::1", "IP:2001:db8::1"},
		{"IP:0:0:0:0:0:0:0:1", "IP:::1"},
	};
	struct alt_names names = {0};
	struct alt_names again = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		OK(add_alt_name(&names, rows[i].given, &fault));
	append_alt_names(&der, &names);
	OK(parse_alt_names(bytes_of_buffer(&der), &again, &fault));
	cr_assert_eq(again.count, COUNT_OF(rows));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_str_eq(names.names[i], rows[i].canonical);
		cr_expect_str_eq(again.names[i], rows[i].canonical);
	}
	clear_alt_names(&names);
	clear_alt_names(&again);
}
