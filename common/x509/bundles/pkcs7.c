#include "common/x509/bundles/pkcs7.h"

#include "common/x509/der.h"

#include <stdlib.h>
#include <string.h>

/* 1.2.840.113549.1.7.1 and 1.2.840.113549.1.7.2 */
static const struct bytes id_data = DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
static const struct bytes id_signed_data = DER_LITERAL("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02");

/* DER sorts the items of a SET OF (X.690 section 11.6). */
static int compare_octets(const void *a, const void *b)
{
	const struct bytes *x = a;
	const struct bytes *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->data, y->data, len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void append_signed_data(struct buffer *der, const struct bytes *certificates, size_t count)
{
	const struct bytes empty = {0};
	const size_t begin = der->len;
	size_t inner;

	append_der_number(der, 1);
	append_der(der, DER_SET, empty); /* digestAlgorithms */
	inner = der->len;
	append_der(der, DER_OID, id_data);
	enclose_der(der, inner, DER_SEQUENCE);
	inner = der->len;
	for (size_t i = 0; i < count; i++)
		append_bytes(der, certificates[i]);
	enclose_der(der, inner, DER_CONTEXT_CONSTRUCTED);
	append_der(der, DER_SET, empty); /* signerInfos */
	enclose_der(der, begin, DER_SEQUENCE);
}

int format_certs_only(const struct bytes *certificates, size_t count, struct buffer *ret_der,
		      struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct bytes *sorted = calloc(count, sizeof(*sorted));
	size_t content;

	if (sorted == NULL)
		return set_memory_fault(fault);
	memcpy(sorted, certificates, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_octets);
	append_der(&der, DER_OID, id_signed_data);
	content = der.len;
	append_signed_data(&der, sorted, count);
	enclose_der(&der, content, DER_CONTEXT_CONSTRUCTED);
	enclose_der(&der, 0, DER_SEQUENCE);
	free(sorted);
	if (check_buffer(&der, fault) < 0)
		return -1;
	*ret_der = take_buffer(&der);
	return 0;
}
