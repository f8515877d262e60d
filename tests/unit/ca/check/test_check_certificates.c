#include "common/ca/check/checks.h"

#include "tests/unit/ca/check/checked.h"

#include <criterion/criterion.h>

Test(check_certificates, compares_each_row_with_its_certificate)
{
	expect_found("UPDATE certificate SET serial = zeroblob(20) WHERE id = 2",
		     "expected the serial of its row, found another");
	expect_found("UPDATE certificate SET key_sha256 = zeroblob(32) WHERE id = 2",
		     "expected the public key of its row, found another");
	expect_found("UPDATE certificate SET subject = 'CN=x' WHERE id = 2",
		     "expected the subject of its row, CN=x, found CN=");
	expect_found("UPDATE certificate SET not_after = 1 WHERE id = 2",
		     "expected the validity of its row, found another");
	expect_found("UPDATE certificate SET issuer = 9 WHERE id = 2",
		     "expected one of the record's issuers, found 9");
}

Test(check_certificates, reads_each_certificate)
{
	expect_found("UPDATE certificate SET der = x'3000' WHERE id = 2",
		     "expected a certificate, found: ");
	expect_found("UPDATE certificate SET client = '/' WHERE id = 2",
		     "row 2 of certificate: expected serial, key, names and DER");
}

Test(check_certificates, verifies_each_signature)
{
	expect_found("UPDATE certificate SET der = CAST(substr(der, 1, length(der) - 1) ||"
		     " CASE substr(der, length(der)) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB)"
		     " WHERE id = 2",
		     "by the CA: ");
}

/* A responder's certificate would be refused as a member's. */
Test(check_certificates, expects_one_of_a_responder_where_the_record_has_one)
{
	expect_found("UPDATE certificate SET client = 'ca', member = 'ocsp' WHERE id = 2",
		     "of ca/ocsp: ");
}
