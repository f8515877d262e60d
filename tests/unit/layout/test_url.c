#include "common/layout/url.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <string.h>

struct refusal_row {
	const char *text;
	const char *found;
};

Test(url, refuses_what_is_no_web_url)
{
	static const struct refusal_row rows[] = {
		{"", "expected http://HOST or https://HOST"},
		{"ca.example.org/crl", "found \"ca.example.org/crl\""},
		{"ldap://h/crl", "found \"ldap://h/crl\""},
		{"HTTP://h/crl", "found \"HTTP://h/crl\""},
		{"http://", "found \"http://\""},
		{"http:///crl", "found \"http:///crl\""},
		{"https://?x", "found \"https://?x\""},
		{"http://0.0.0.0/crl", "found \"http://0.0.0.0/crl\", at which a server listens"},
		{"https://[::]", "at which a server listens"},
		{"http://h/a b", "expected the characters of a URL"},
		{"http://h/\"", "expected the characters of a URL"},
		{"http://h/\xc3\xa9", "expected the characters of a URL"},
		{"http://h/\n", "expected the characters of a URL"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		REFUSED(check_web_url(rows[i].text, &fault), FAULT_USAGE, rows[i].found, "%s",
			rows[i].text);
}

Test(url, takes_a_web_url_of_at_most_512_octets)
{
	char text[URL_MAX + 2] = "http://h/";

	memset(text + strlen(text), 'x', URL_MAX - strlen(text));
	OK(check_web_url(text, &fault));
	OK(check_web_url("https://[::1]:8440/crl?a=%20&b#c", &fault));
	text[URL_MAX] = 'x';
	REFUSED(check_web_url(text, &fault), FAULT_USAGE, "at most 512 octets, found 513");
}

/* catalogue 101: a PIN is refused in the URL, and the message does not repeat it */
Test(url, refuses_what_names_no_key_or_holds_a_pin_and_quotes_nothing)
{
	static const struct refusal_row rows[] = {
		{"PKCS11:object=x;pin-value=4711", "begins with pkcs11:, in lower case"},
		{"pkcs11", "begins with pkcs11:"},
		{"pkcs11:", "that names one key"},
		{"pkcs11:token=4711", "that names one key"},
		{"pkcs11:object=x?pin-value=4711", "without pin-value"},
		{"pkcs11:object=x;pin-value=4711", "without pin-value"},
		{"pkcs11:object=x?module-name=y&pin-value=4711", "without pin-value"},
		{"pkcs11:object=x?PIN-VALUE=4711", "without pin-value"},
		{"pkcs11:object=x?pin-source=file:/4711", "without pin-value and pin-source"},
		{"pkcs11:object=x;pinfile=/4711", "without pin-value"},
		{"pkcs11:object=x?pin- value=4711", "expected the characters of a URL"},
		{"pkcs11:object=x;type=public", "of a private key"},
		{"pkcs11:object=x;TYPE=private", "of a private key"},
		{"pkcs11:object=\"4711\"", "expected the characters of a URL"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect(is_key_url(rows[i].text), "%s", rows[i].text);
		REFUSED(check_key_url(rows[i].text, &fault), FAULT_USAGE, rows[i].found, "%s",
			rows[i].text);
		NOT_SAID("4711");
	}
}

Test(url, takes_a_key_by_its_label_or_its_id)
{
	OK(check_key_url("pkcs11:token=a%20b;object=ca;type=private", &fault));
	OK(check_key_url("pkcs11:id=%01%02", &fault));
	cr_expect(!is_key_url("ecdsa-p256"));
}
