#include "common/net/client_hello.h"

#include <criterion/criterion.h>

/* What a hello offers, as lists of 16-bit numbers that end with 0. versions[0] 0: no extension. */
struct offer {
	uint16_t legacy;
	uint16_t versions[4];
	uint16_t suites[4];
};

static void append_uint(struct buffer *buffer, size_t number, size_t len)
{
	for (size_t i = len; i-- > 0;)
		append_bytes(buffer,
			     (struct bytes){(const uint8_t[]){(uint8_t)(number >> 8 * i)}, 1});
}

static size_t count(const uint16_t *numbers)
{
	size_t count = 0;

	while (count < 4 && numbers[count] != 0)
		count++;
	return count;
}

static void append_numbers(struct buffer *buffer, const uint16_t *numbers, size_t len_len)
{
	append_uint(buffer, 2 * count(numbers), len_len);
	for (size_t i = 0; i < count(numbers); i++)
		append_uint(buffer, numbers[i], 2);
}

static void make_hello(const struct offer *offer, struct buffer *hello)
{
	const uint8_t nothing[32] = {0};

	append_uint(hello, offer->legacy, 2);
	append_bytes(hello, (struct bytes){nothing, sizeof(nothing)});
	append_uint(hello, 0, 1); /* legacy_session_id */
	append_numbers(hello, offer->suites, 2);
	append_uint(hello, 0x0100, 2); /* legacy_compression_methods: null */
	if (offer->versions[0] == 0)
		return;
	append_uint(hello, 4 + 1 + 2 * count(offer->versions), 2);
	append_uint(hello, 43, 2);
	append_uint(hello, 1 + 2 * count(offer->versions), 2);
	append_numbers(hello, offer->versions, 1);
}

Test(client_hello, refuses_what_has_nothing_in_common)
{
	static const char no_version[] = "does not offer TLS 1.3";
	static const char neither[] = "neither TLS 1.3 nor TLS 1.2";
	static const char no_suite[] = "no cipher suite";
	static const struct {
		struct offer offer;
		bool allow_tls_1_2;
		const char *part; /* NULL: it is not refused */
		gnutls_alert_description_t alert;
	} rows[] = {
		/* Catalogue 69: TLS 1.2, and older. */
		{{0x0303, {0}, {0xc02b}}, false, no_version, GNUTLS_A_PROTOCOL_VERSION},
		{{0x0303, {0x0303, 0x0302}, {0xc02b}},
		 false,
		 no_version,
		 GNUTLS_A_PROTOCOL_VERSION},
		{{0x0301, {0}, {0xc02b}}, true, neither, GNUTLS_A_PROTOCOL_VERSION},
		{{0x0303, {0x0302}, {0xc02b}}, true, neither, GNUTLS_A_PROTOCOL_VERSION},
		/* A legacy version alone never means TLS 1.3 (RFC 8446 section 4.1.2). */
		{{0x0304, {0}, {0x1301}}, false, no_version, GNUTLS_A_PROTOCOL_VERSION},
		/* NULL, no PFS, CBC. */
		{{0x0303, {0}, {0x003b}}, true, no_suite, GNUTLS_A_HANDSHAKE_FAILURE},
		{{0x0303, {0}, {0x009c, 0x002f}}, true, no_suite, GNUTLS_A_HANDSHAKE_FAILURE},
		{{0x0303, {0}, {0xc013, 0xc009}}, true, no_suite, GNUTLS_A_HANDSHAKE_FAILURE},
		{{0x0303, {0x0304}, {0xc02b}}, false, no_suite, GNUTLS_A_HANDSHAKE_FAILURE},
		{{0x0303, {0x0304, 0x0303}, {0x1305}}, true, no_suite, GNUTLS_A_HANDSHAKE_FAILURE},
		{{0x0303, {0x0304, 0x0303}, {0x1303, 0xc02b}}, false, NULL, 0},
		{{0x0303, {0x0304, 0x0303}, {0xc02b}}, true, NULL, 0},
		{{0x0303, {0}, {0x009c, 0xc030}}, true, NULL, 0},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer hello = {0};
		gnutls_alert_description_t alert;
		const char *problem;

		make_hello(&rows[i].offer, &hello);
		problem =
			find_hello_problem(bytes_of_buffer(&hello), rows[i].allow_tls_1_2, &alert);
		cr_expect_eq(problem == NULL, rows[i].part == NULL, "row %zu: %s", i, problem);
		if (problem == NULL || rows[i].part == NULL)
			continue;
		cr_expect_not_null(strstr(problem, rows[i].part), "row %zu: %s", i, problem);
		cr_expect_eq(alert, rows[i].alert, "row %zu", i);
	}
}

Test(client_hello, refuses_every_beginning_of_one)
{
	static const struct offer offer = {0x0303, {0x0304, 0x0303}, {0x1301, 0xc02b}};
	CLEANUP(clear_buffer) struct buffer hello = {0};
	gnutls_alert_description_t alert;

	make_hello(&offer, &hello);
	cr_expect_null(find_hello_problem(bytes_of_buffer(&hello), false, &alert));
	for (size_t len = 0; len < hello.len; len++)
		cr_expect_not_null(
			find_hello_problem((struct bytes){hello.data, len}, false, &alert), "%zu",
			len);
	append_uint(&hello, 0, 1);
	cr_expect_not_null(find_hello_problem(bytes_of_buffer(&hello), false, &alert));
	cr_expect_eq(alert, GNUTLS_A_DECODE_ERROR);
}
