#include "common/wire/key_exchange.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLAIMS                                                                                     \
	"\"iss\":\"client1\",\"aud\":\"ca\",\"iat\":1790000000,\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define JWK(MORE)                                                                                  \
	"\"key\":{\"kty\":\"oct\",\"alg\":\"A256KW\",\"kid\":\"new\","                             \
	"\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"" MORE "}"

/* catalogue 31 */
Test(key_exchange, refuses_questions_that_are_not_as_the_format_says)
{
	static const struct {
		const char *json;
		const char *part;
	} rows[] = {
		{"", "JSON"},
		{"{}", "iss"},
		{"{" CLAIMS "," JWK("") "}", "together"},
		{"{" CLAIMS ",\"old_ends\":1790000000}", "together"},
		{"{" CLAIMS "," JWK("") ",\"old_ends\":-1}", "old_ends"},
		{"{" CLAIMS ",\"key\":\"x\",\"old_ends\":1790000000}", "key"},
		{"{" CLAIMS ",\"key\":{\"kty\":\"oct\"},\"old_ends\":1790000000}", "alg"},
		{"{" CLAIMS "," JWK(",\"exp\":1790000000") ",\"old_ends\":1790000000}",
		 "without exp"},
		{"{" CLAIMS ",\"more\":1}", "unknown member"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct key_request request = {0};
		struct request_claims claims = {0};

		REFUSED(parse_key_request(bytes_of_string(rows[i].json), &request, &claims, &fault),
			FAULT_MALFORMED, rows[i].part, "row %zu", i);
		cr_expect_not(request.offer.present);
	}
}

Test(key_exchange, reads_the_questions_and_answers_that_it_writes)
{
	for (unsigned int with = 0; with < 2; with++) {
		struct key_request request = {
			.claims = {"client1", "ca", 1790000000, "AAAAAAAAAAAAAAAAAAAAAA"}};
		struct key_answer answer = {.claims = {.iss = "ca", .aud = "client1"}};
		struct key_request read_request = {0};
		struct key_answer read_answer = {0};
		struct request_claims claims = {0};
		struct secret json = {0};

		request.offer.present = with == 1;
		request.offer.old_ends_s = 1790003600;
		OK(generate_shared_key(&request.offer.key, &fault));
		answer.successor = request.offer;
		OK(format_key_request(&request, &json, &fault));
		OK(parse_key_request(bytes_of_secret(&json), &read_request, &claims, &fault));
		cr_expect_str_eq(claims.jti, request.claims.jti);
		cr_expect_eq(read_request.offer.present, with == 1);
		clear_secret(&json);
		OK(format_key_answer(&answer, &json, &fault));
		OK(parse_key_answer(bytes_of_secret(&json), &read_answer, &fault));
		cr_expect_eq(read_answer.successor.present, with == 1);
		clear_secret(&json);
		if (with == 0)
			continue;
		cr_expect_str_eq(read_request.offer.key.kid, request.offer.key.kid);
		cr_expect_arr_eq(read_answer.successor.key.key, request.offer.key.key,
				 SHARED_KEY_LEN);
		cr_expect_eq(read_answer.successor.old_ends_s, 1790003600);
	}
}
