#include "common/ca/page/detail_pages.h"

#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"
#include "tests/unit/ca/records.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A CA that has certified one key of client1. */
static struct ca_fixture fixture;
static struct page_source source;
static struct certificate *certificate;
static struct buffer page;
static char serial[SERIAL_TEXT_SIZE];

static void set_up(void)
{
	make_ca(&fixture, NOW_S);
	certificate = certify_one(&fixture, NOW_S);
	format_serial(certificate_serial(certificate), serial);
	source = (struct page_source){.store = authority_store(fixture.authority),
				      .layout = fixture.layout,
				      .manifest = fixture.manifest,
				      .now_s = NOW_S};
}

static void tear_down(void)
{
	clear_buffer(&page);
	free_certificate(&certificate);
	remove_ca(&fixture);
}

TestSuite(detail_pages, .init = set_up, .fini = tear_down);

static bool has(const char *part)
{
	return page.data != NULL && memmem(page.data, page.len, part, strlen(part)) != NULL;
}

static bool show_client(const char *name)
{
	bool found = false;

	clear_buffer(&page);
	OK(format_client_page(&source, name, &found, &page, &fault));
	cr_expect_eq(found, page.len > 0);
	return found;
}

static bool show_certificate(struct bytes number)
{
	uint8_t octets[SERIAL_MAX] = {0};
	bool found = false;

	memcpy(octets, number.data, number.len);
	clear_buffer(&page);
	OK(format_certificate_page(&source, octets, &found, &page, &fault));
	cr_expect_eq(found, page.len > 0);
	return found;
}

Test(detail_pages, show_a_client_and_its_certificates)
{
	cr_assert(show_client("client1"));
	cr_expect(has(serial));
	cr_expect(has("id=\"client\""));
	cr_expect(has("certified"), "its event");
	cr_assert(show_client("client2"));
	cr_expect(!has(serial), "another client's");
	cr_expect(has("<p class=\"soft\">None.</p>"));
	cr_expect(!show_client("nobody"));
}

/* Its certificates stay when a client is removed. */
Test(detail_pages, show_the_certificates_of_a_client_that_is_no_more)
{
	bool changed;

	OK(remove_client(source.store, "client1", NOW_S, &changed, &fault));
	OK(remove_client(source.store, "client2", NOW_S, &changed, &fault));
	cr_assert(show_client("client1"));
	cr_expect(has(serial));
	cr_expect(!has("id=\"client\""));
	cr_expect(!show_client("client2"), "it had none");
}

Test(detail_pages, show_a_certificate_with_its_chain_and_its_octets)
{
	static const uint8_t zeros[SERIAL_MAX] = {0};

	cr_assert(show_certificate(certificate_serial(certificate)));
	cr_expect(has("-----BEGIN CERTIFICATE-----"));
	cr_expect(has("CN=Test Root"));
	cr_expect(has("ecdsa-p256"));
	cr_expect(!show_certificate((struct bytes){zeros, SERIAL_MAX}));
}

Test(detail_pages, say_that_a_certificate_is_not_valid_yet)
{
	cr_assert(show_certificate(certificate_serial(certificate)));
	cr_expect(has("\"state\">valid<"));
	source.now_s = certificate_not_before(certificate) - 1;
	cr_assert(show_certificate(certificate_serial(certificate)));
	cr_expect(has("\"state past\">not yet valid<"));
	cr_assert(show_client("client1"));
	cr_expect(has("\"state past\">not yet valid<"));
}

Test(detail_pages, do_not_show_a_certificate_that_is_damaged)
{
	uint8_t octets[SERIAL_MAX];
	bool found;

	memcpy(octets, certificate_serial(certificate).data, SERIAL_MAX);
	run_foreign_sql(fixture.store_path, "UPDATE certificate SET der = x'3000'");
	REFUSED(format_certificate_page(&source, octets, &found, &page, &fault), FAULT_FAILED,
		"the CA's record: ");
	cr_expect_eq(page.len, 0);
}

static void search(const char *query)
{
	clear_buffer(&page);
	OK(format_search_page(&source, query, &page, &fault));
}

Test(detail_pages, find_clients_by_a_part_of_the_name_in_any_case)
{
	search("LIENT");
	cr_expect(has(">client1</a>") || has("client/client1"));
	cr_expect(has("client3"));
	cr_expect(!has("strict"));
	search("no such client");
	cr_expect(has("None whose name has this in it."));
}

static void expect_found(const char *query, bool expected)
{
	search(query);
	/* A row of the table links to the certificate's page. */
	cr_expect_eq(has("certificate/"), expected, "%s", query);
}

/* As people copy serials: with 0x, colons, capitals. Half an octet at the end is left out. */
Test(detail_pages, find_a_certificate_by_its_serial_or_the_beginning_of_it)
{
	static const struct {
		const char *before;
		size_t digits;
		const char *after;
		bool found;
	} rows[] = {
		{"", 40, "", true},     {"0x", 40, "", true}, {"0X", 6, "", true},
		{"", 4, "", true},      {"", 5, "", true},    {"", 2, ":", true},
		{"", 1, "", false},     {"", 4, "g", false},  {"", 40, "00", false},
		{"0x0x", 4, "", false}, {" ", 4, "", false},
	};
	char query[3 * SERIAL_MAX + 8];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(query, sizeof(query), "%s%.*s%s", rows[i].before,
			       (int)rows[i].digits, serial, rows[i].after);
		expect_found(query, rows[i].found);
	}
	(void)snprintf(query, sizeof(query), "%.2s:%.2s", serial, serial + 2);
	expect_found(query, true);
	(void)snprintf(query, sizeof(query), "%.3s%c", serial, serial[3] == '0' ? '1' : '0');
	expect_found(query, false);
	for (char *at = serial; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	expect_found(serial, true);
}
