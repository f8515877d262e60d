#include "common/ca/acme/orders.h"

#include "common/ca/issue/certify_foreign.h"
#include "common/crypto/base64.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct derived_key keys[] = {{.kid = "a", .key = {1}}, {.kid = "b", .key = {2}}};

static struct acme_order make_order(void)
{
	struct acme_order order = {.id = {7}, .account = {8}, .expires_s = NOW_S};

	memcpy(order.request.profile, "server", sizeof("server"));
	OK(add_alt_name(&order.request.names, "DNS:www.example.org", &fault));
	OK(add_alt_name(&order.request.names, "IP:2001:db8::1", &fault));
	return order;
}

Test(orders, are_in_their_URLs_under_a_key)
{
	CLEANUP(clear_acme_order) struct acme_order order = make_order();
	CLEANUP(clear_acme_order) struct acme_order again = {0};
	CLEANUP(clear_acme_order) struct acme_order authorization = {0};
	CLEANUP(clear_buffer) struct buffer token = {0};
	CLEANUP(clear_buffer) struct buffer second = {0};

	OK(append_token(&order, TOKEN_ORDER, 0, &keys[0], &token, &fault));
	OK(parse_token(bytes_of_buffer(&token), TOKEN_ORDER, keys, 2, &again, &fault));
	cr_expect_arr_eq(again.id, order.id, ORDER_ID_LEN);
	cr_expect_arr_eq(again.account, order.account, ACCOUNT_ID_LEN);
	cr_expect_eq(again.expires_s, NOW_S);
	cr_expect_str_eq(again.request.profile, "server");
	cr_assert_eq(again.request.names.count, 2);
	cr_expect_str_eq(again.request.names.names[1], "IP:2001:db8::1");
	OK(append_token(&order, TOKEN_AUTHORIZATION, 1, &keys[1], &second, &fault));
	OK(parse_token(bytes_of_buffer(&second), TOKEN_AUTHORIZATION, keys, 2, &authorization,
		       &fault));
	cr_assert_eq(authorization.request.names.count, 1);
	cr_expect_str_eq(authorization.request.names.names[0], "IP:2001:db8::1");
}

Test(orders, are_refused_under_another_key_and_when_anything_was_changed)
{
	CLEANUP(clear_acme_order) struct acme_order order = make_order();
	CLEANUP(clear_buffer) struct buffer token = {0};
	CLEANUP(clear_buffer) struct buffer octets = {0};
	struct acme_order none = {0};

	OK(append_token(&order, TOKEN_ORDER, 0, &keys[0], &token, &fault));
	REFUSED(parse_token(bytes_of_buffer(&token), TOKEN_ORDER, &keys[1], 1, &none, &fault),
		FAULT_NOT_FOUND, "no such order");
	REFUSED(parse_token(bytes_of_buffer(&token), TOKEN_ORDER, keys, 0, &none, &fault),
		FAULT_NOT_FOUND, "no such order");
	REFUSED(parse_token(bytes_of_buffer(&token), TOKEN_AUTHORIZATION, keys, 2, &none, &fault),
		FAULT_NOT_FOUND, "no such order");
	REFUSED(parse_token(bytes_of_string(""), TOKEN_ORDER, keys, 2, &none, &fault),
		FAULT_NOT_FOUND, "no such order");
	OK(decode_base64url(bytes_of_buffer(&token), &octets, &fault));
	for (size_t i = 0; i < octets.len; i++) {
		CLEANUP(clear_buffer) struct buffer changed = {0};

		octets.data[i] ^= 1;
		append_base64url(&changed, bytes_of_buffer(&octets));
		REFUSED(parse_token(bytes_of_buffer(&changed), TOKEN_ORDER, keys, 2, &none, &fault),
			FAULT_NOT_FOUND, "no such order", "octet %zu", i);
		octets.data[i] ^= 1;
	}
}

Test(orders, have_names_of_a_bounded_length)
{
	CLEANUP(clear_acme_order) struct acme_order order = {.expires_s = NOW_S};
	CLEANUP(clear_buffer) struct buffer token = {0};
	char name[ALT_NAME_MAX];

	memset(name, 'a', sizeof(name));
	memcpy(name, "URI:x:", 6);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 9; i++)
		OK(add_alt_name(&order.request.names, name, &fault));
	REFUSED(append_token(&order, TOKEN_ORDER, 0, &keys[0], &token, &fault), FAULT_TOO_LARGE,
		"4096 octets");
}

static int count_order(void *context, const struct acme_order *order, struct fault *fault)
{
	(void)fault;
	cr_expect_str_eq(order->request.names.names[0], "DNS:strict-1.example");
	++*(size_t *)context;
	return 0;
}

/* Two requests for one order, at one front end or at two: one of them has a certificate. */
Test(orders, are_final_once)
{
	struct ca_fixture fixture;
	CLEANUP(clear_acme_order) struct acme_order order = {.id = {7}, .account = {8}};
	uint8_t serial[SERIAL_MAX];
	size_t count = 0;
	bool found;

	make_ca(&fixture, NOW_S);
	OK(add_alt_name(&order.request.names, "DNS:strict-1.example", &fault));
	for (int i = 0; i < 2; i++) {
		CLEANUP(free_private_key) struct private_key *key = make_key(KEY_ECDSA_P256);
		CLEANUP(clear_buffer) struct buffer pem = make_csr(key, "CN=a", NULL);
		CLEANUP(free_csr) struct csr *csr = NULL;
		struct foreign_answer answer = {0};

		OK(parse_csr_pem(bytes_of_buffer(&pem), &csr, &fault));
		const struct foreign_request request = {.client = "strict",
							.csr = csr,
							.prefix = "acme",
							.names = &order.request.names,
							.beside = record_order,
							.beside_context = &order};

		OK(find_final_order(authority_store(fixture.authority), order.id, serial, &found,
				    &fault));
		cr_expect_eq(found, i == 1);
		if (i == 0)
			OK(certify_foreign(fixture.authority, &request, NOW_S, &answer, &fault));
		else
			REFUSED(certify_foreign(fixture.authority, &request, NOW_S, &answer,
						&fault),
				FAULT_REFUSED, "has its certificate");
		clear_buffer(&answer.der);
	}
	cr_expect_eq(count_rows(&fixture), 1);
	OK(list_final_orders(authority_store(fixture.authority), order.account, 10, count_order,
			     &count, &fault));
	cr_expect_eq(count, 1);
	remove_ca(&fixture);
}
