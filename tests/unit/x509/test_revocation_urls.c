#include "common/x509/revocation_urls.h"

#include "common/x509/certificate_fields.h"
#include "tests/support/gnutls_objects.h"
#include "tests/unit/x509/forge.h"

#include <criterion/criterion.h>
#include <gnutls/x509-ext.h>
#include <string.h>

/* The value of the one extension that the DER is. */
static gnutls_datum_t read_value(const struct buffer *der, struct bytes oid)
{
	struct bytes rest = bytes_of_buffer(der);
	struct extension extension;
	struct fault fault = {0};

	cr_assert_eq(check_der(rest, "extension", &fault), 0, "%s", fault.text);
	cr_assert(read_extension(&rest, &extension));
	cr_expect_eq(rest.len, (size_t)0);
	cr_expect(equal_bytes(extension.oid, oid));
	cr_expect(!extension.critical);
	return datum_of(extension.value);
}

/* Short, and longer than a length of one octet. */
static const char short_url[] = "http://a/crl";

static char *make_long_url(void)
{
	static char url[300] = "http://ca.example.org/";

	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	return url;
}

static void expect_point(const char *url)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_x509_crl_dist_points_t points = NULL;
	gnutls_datum_t text = {0};
	gnutls_datum_t found = {0};
	unsigned int type = 0;

	append_crl_distribution_points(&der, url);
	text = read_value(&der, OCTETS("\x55\x1d\x1f"));
	cr_assert_eq(gnutls_x509_crl_dist_points_init(&points), 0);
	cr_assert_eq(gnutls_x509_ext_import_crl_dist_points(&text, points, 0), 0);
	cr_assert_eq(gnutls_x509_crl_dist_points_get(points, 0, &type, &found, NULL), 0);
	cr_expect_eq(type, GNUTLS_SAN_URI);
	cr_expect(equal_bytes((struct bytes){found.data, found.size}, bytes_of_string(url)));
	cr_expect_eq(gnutls_x509_crl_dist_points_get(points, 1, &type, &found, NULL),
		     GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
	gnutls_x509_crl_dist_points_deinit(points);
}

Test(revocation_urls, writes_a_distribution_point_that_gnutls_reads)
{
	expect_point(short_url);
	expect_point(make_long_url());
}

static void expect_access(const char *url)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	gnutls_x509_aia_t access = NULL;
	gnutls_datum_t text = {0};
	gnutls_datum_t oid = {0};
	gnutls_datum_t found = {0};
	unsigned int type = 0;

	append_ocsp_access(&der, url);
	text = read_value(&der, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01"));
	cr_assert_eq(gnutls_x509_aia_init(&access), 0);
	cr_assert_eq(gnutls_x509_ext_import_aia(&text, access, 0), 0);
	cr_assert_eq(gnutls_x509_aia_get(access, 0, &oid, &type, &found), 0);
	cr_expect_str_eq((const char *)oid.data, GNUTLS_OID_AD_OCSP);
	cr_expect_eq(type, GNUTLS_SAN_URI);
	cr_expect(equal_bytes((struct bytes){found.data, found.size}, bytes_of_string(url)));
	gnutls_x509_aia_deinit(access);
}

Test(revocation_urls, writes_an_access_that_gnutls_reads)
{
	expect_access(short_url);
	expect_access(make_long_url());
}

/* What was in the buffer stays before it. */
Test(revocation_urls, appends)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct bytes expected = JOIN(
		OCTETS("x"),
		extension(31, false,
			  item(DER_SEQUENCE,
			       item(DER_SEQUENCE, item(DER_CONTEXT_CONSTRUCTED,
						       item(DER_CONTEXT_CONSTRUCTED,
							    item(DER_CONTEXT + 6,
								 bytes_of_string(short_url))))))));

	append_string(&der, "x");
	append_crl_distribution_points(&der, short_url);
	cr_expect(equal_bytes(bytes_of_buffer(&der), expected));
}
