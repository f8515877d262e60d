#include "common/x509/pem.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define BEGIN "-----BEGIN THING-----"
#define END "-----END THING-----"

Test(pem, refuses_text_that_is_not_one_block)
{
	static const struct {
		const char *text;
		const char *reason;
	} rows[] = {
		{"", "-----BEGIN THING-----"},
		{"AAAA", "-----BEGIN THING-----"},
		{BEGIN, "-----BEGIN THING-----"},
		{BEGIN END, "-----BEGIN THING-----"},
		{BEGIN "\nAAAA\n", "-----BEGIN THING-----"},
		{"text\n" BEGIN "\nAAAA\n" END "\n", "no text before or after"},
		{BEGIN "\nAAAA\n" END "\ntext", "no text before or after"},
		{BEGIN "\nAAAA\n-----END OTHER-----\n", "-----END THING-----"},
		{"-----BEGIN OTHER-----\nAAAA\n" END "\n", "-----BEGIN THING-----"},
		{"----- BEGIN THING-----\nAAAA\n" END, "-----BEGIN THING-----"},
		{BEGIN "AAAA\n" END, "line to end after"},
		{BEGIN "\nAAAA\n" END "\n" BEGIN "\nAAAA\n" END "\n", "base64"},
		{BEGIN "\nProc-Type: 4,ENCRYPTED\n\nAAAA\n" END, "base64"},
		{BEGIN "\nAAA\n" END, "base64"},
		{BEGIN "\nAA A\n" END, "base64"},
		{BEGIN "\nAAAA \n" END, "base64"},
		{BEGIN "\nAA\rAA\n" END, "base64"},
		{BEGIN "\nAB==\n" END, "base64"},
		{BEGIN "\nAA==\nAAAA\n" END, "base64"},
		{BEGIN "\nAA-_\n" END, "base64"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		REFUSED(unwrap_pem(bytes_of_string(rows[i].text), "THING", NULL, 1000, &der,
				   &fault),
			FAULT_MALFORMED, rows[i].reason, "row %zu", i);
		cr_expect_eq(der.len, (size_t)0);
	}
}

/* catalogue 30 */
Test(pem, refuses_more_than_the_limit)
{
	struct bytes pem = bytes_of_string(BEGIN "\nAAAA\n" END "\n");
	CLEANUP(clear_buffer) struct buffer der = {0};

	OK(unwrap_pem(pem, "THING", NULL, pem.len, &der, &fault));
	clear_buffer(&der);
	REFUSED(unwrap_pem(pem, "THING", NULL, pem.len - 1, &der, &fault), FAULT_TOO_LARGE,
		"at most");
}

Test(pem, accepts_white_space_around_the_block_and_either_line_end)
{
	static const char *const rows[] = {
		BEGIN "\nAAEC\n" END,
		" \r\n\t" BEGIN "\r\nAA\r\nEC\r\n" END "\r\n \n",
		BEGIN "\n\nAAEC\n\n" END "\n",
		"-----BEGIN NEW THING-----\nAAEC\n-----END NEW THING-----\n",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(clear_buffer) struct buffer der = {0};

		OK(unwrap_pem(bytes_of_string(rows[i]), "THING", "NEW THING", 1000, &der, &fault),
		   "row %zu", i);
		cr_expect(equal_bytes(bytes_of_buffer(&der),
				      (struct bytes){(const uint8_t *)"\0\1\2", 3}));
	}
}

Test(pem, reads_the_text_that_it_writes)
{
	static uint8_t octets[200];

	for (size_t len = 0; len < sizeof(octets); len++) {
		CLEANUP(clear_buffer) struct buffer pem = {0};
		CLEANUP(clear_buffer) struct buffer der = {0};
		struct bytes expected = {octets, len};

		octets[len] = (uint8_t)(len * 7);
		OK(format_pem(expected, "THING", &pem, &fault));
		cr_expect(strstr((char *)pem.data, BEGIN "\n") == (char *)pem.data);
		for (char *line = (char *)pem.data; *line != '\0'; line += strcspn(line, "\n") + 1)
			cr_expect_leq(strcspn(line, "\n"), (size_t)64);
		OK(unwrap_pem(bytes_of_buffer(&pem), "THING", NULL, 1000, &der, &fault));
		cr_expect(equal_bytes(bytes_of_buffer(&der), expected), "%zu octets", len);
	}
}

Test(pem, cuts_a_text_into_its_blocks)
{
	static const char first[] = BEGIN "\nAAAA\n" END;
	static const char second[] = BEGIN "\nAAAB\n" END;
	CLEANUP(clear_buffer) struct buffer text = {0};
	struct bytes rest;

	append_format(&text, "%s\r\n\n%s\n garbage ", first, second);
	rest = bytes_of_buffer(&text);
	cr_expect(equal_bytes(cut_pem(&rest, "THING"), bytes_of_string(first)));
	cr_expect(equal_bytes(cut_pem(&rest, "THING"), bytes_of_string(second)));
	cr_expect(equal_bytes(cut_pem(&rest, "THING"), bytes_of_string("garbage ")));
	cr_expect_eq(rest.len, (size_t)0);
	cr_expect_eq(cut_pem(&rest, "THING").len, (size_t)0);
	rest = bytes_of_string("garbage\n-----BEGIN THING-----\nx");
	cr_expect(equal_bytes(cut_pem(&rest, "THING"), bytes_of_string("garbage\n")));
	cr_expect(
		equal_bytes(cut_pem(&rest, "THING"), bytes_of_string("-----BEGIN THING-----\nx")));
}
