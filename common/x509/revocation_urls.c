#include "common/x509/revocation_urls.h"

#include "common/x509/certificate_builder.h"
#include "common/x509/der.h"

/* GeneralName: uniformResourceIdentifier [6] IA5String (RFC 5280 section 4.2.1.6). */
enum { GENERAL_NAME_URI = DER_CONTEXT + 6 };

/* Makes what the buffer holds from `begin` on the content of items, the innermost tag first. */
static void enclose(struct buffer *buffer, size_t begin, const uint8_t *tags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		enclose_der(buffer, begin, tags[i]);
}

void append_crl_distribution_points(struct buffer *extensions, const char *url)
{
	static const uint8_t tags[] = {
		DER_CONTEXT_CONSTRUCTED, /* fullName */
		DER_CONTEXT_CONSTRUCTED, /* distributionPoint, a CHOICE, so tagged explicitly */
		DER_SEQUENCE,            /* DistributionPoint */
		DER_SEQUENCE,            /* CRLDistributionPoints */
	};
	CLEANUP(clear_buffer) struct buffer value = {0};

	append_der(&value, GENERAL_NAME_URI, bytes_of_string(url));
	enclose(&value, 0, tags, COUNT_OF(tags));
	append_ce_extension(extensions, EXTENSION_CRL_DISTRIBUTION_POINTS, false,
			    bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}

void append_ocsp_access(struct buffer *extensions, const char *url)
{
	/* 1.3.6.1.5.5.7.1.1 and 1.3.6.1.5.5.7.48.1 */
	static const uint8_t id_pe_access[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};
	static const uint8_t id_ad_ocsp[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01};
	static const uint8_t tags[] = {
		DER_SEQUENCE, /* AccessDescription */
		DER_SEQUENCE, /* AuthorityInfoAccessSyntax */
	};
	CLEANUP(clear_buffer) struct buffer value = {0};

	append_der(&value, DER_OID, (struct bytes){id_ad_ocsp, sizeof(id_ad_ocsp)});
	append_der(&value, GENERAL_NAME_URI, bytes_of_string(url));
	enclose(&value, 0, tags, COUNT_OF(tags));
	append_extension(extensions, (struct bytes){id_pe_access, sizeof(id_pe_access)}, false,
			 bytes_of_buffer(&value));
	extensions->failed |= value.failed;
}
