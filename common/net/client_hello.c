#include "common/net/client_hello.h"

enum {
	VERSION_TLS_1_2 = 0x0303,
	VERSION_TLS_1_3 = 0x0304,
	RANDOM_LEN = 32,
	/* Extensions. */
	SUPPORTED_GROUPS = 10,   /* RFC 8446 section 4.2.7 */
	PROTOCOLS = 16,          /* RFC 7301 section 3.1 */
	SUPPORTED_VERSIONS = 43, /* RFC 8446 section 4.2.1 */
};

/* The suites and groups of the priorities in tls_connection.c: AEAD and forward secrecy alone. */
static const uint16_t suites_1_3[] = {0x1301, 0x1302, 0x1303};
static const uint16_t suites_1_2[] = {0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8};
static const uint16_t groups[] = {0x001d, 0x0017, 0x0018};

static bool take_octets(struct bytes *rest, size_t len, struct bytes *ret_octets)
{
	if (rest->len < len)
		return false;
	*ret_octets = (struct bytes){rest->data, len};
	*rest = (struct bytes){rest->data + len, rest->len - len};
	return true;
}

static bool take_uint(struct bytes *rest, size_t len, size_t *ret_number)
{
	struct bytes octets;

	if (!take_octets(rest, len, &octets))
		return false;
	*ret_number = 0;
	for (size_t i = 0; i < len; i++)
		*ret_number = *ret_number << 8 | octets.data[i];
	return true;
}

/* A vector (RFC 8446 section 3.4), whose length has len_len octets. */
static bool take_vector(struct bytes *rest, size_t len_len, struct bytes *ret_content)
{
	size_t len;

	return take_uint(rest, len_len, &len) && take_octets(rest, len, ret_content);
}

/* What of the message counts here. */
struct hello {
	size_t legacy_version;
	struct bytes suites;
	/* Empty: the extension is not there. */
	struct bytes groups;
	struct bytes protocols;
	struct bytes versions;
};

static bool take_extensions(struct bytes extensions, struct hello *hello)
{
	while (extensions.len > 0) {
		struct bytes content;
		size_t type;

		if (!take_uint(&extensions, 2, &type) || !take_vector(&extensions, 2, &content))
			return false;
		if ((type == SUPPORTED_VERSIONS && !take_vector(&content, 1, &hello->versions)) ||
		    (type == SUPPORTED_GROUPS && !take_vector(&content, 2, &hello->groups)) ||
		    (type == PROTOCOLS && !take_vector(&content, 2, &hello->protocols)))
			return false;
	}
	return true;
}

static bool parse_hello(struct bytes rest, struct hello *ret_hello)
{
	struct bytes ignored;
	struct bytes extensions;

	if (!take_uint(&rest, 2, &ret_hello->legacy_version) ||
	    !take_octets(&rest, RANDOM_LEN, &ignored) || !take_vector(&rest, 1, &ignored) ||
	    !take_vector(&rest, 2, &ret_hello->suites) || !take_vector(&rest, 1, &ignored))
		return false;
	return rest.len == 0 || (take_vector(&rest, 2, &extensions) && rest.len == 0 &&
				 take_extensions(extensions, ret_hello));
}

static bool offers_version(const struct hello *hello, size_t version)
{
	struct bytes rest = hello->versions;
	size_t each;

	if (rest.len == 0)
		return version != VERSION_TLS_1_3 && hello->legacy_version >= version;
	while (take_uint(&rest, 2, &each))
		if (each == version)
			return true;
	return false;
}

static bool offers_one_of(struct bytes offered, const uint16_t *wanted, size_t count)
{
	size_t each;

	while (take_uint(&offered, 2, &each))
		for (size_t i = 0; i < count; i++)
			if (each == wanted[i])
				return true;
	return false;
}

static bool offers_http(struct bytes protocols)
{
	struct bytes each;

	while (take_vector(&protocols, 1, &each))
		if (equal_bytes(each, bytes_of_string("http/1.1")))
			return true;
	return false;
}

const char *find_hello_problem(struct bytes octets, bool allow_tls_1_2,
			       gnutls_alert_description_t *ret_alert)
{
	struct hello hello = {0};
	bool tls_1_3;
	bool tls_1_2;

	*ret_alert = GNUTLS_A_DECODE_ERROR;
	if (!parse_hello(octets, &hello))
		return "expected a ClientHello (RFC 8446 section 4.1.2), found other octets";
	tls_1_3 = offers_version(&hello, VERSION_TLS_1_3);
	tls_1_2 = allow_tls_1_2 && offers_version(&hello, VERSION_TLS_1_2);
	*ret_alert = GNUTLS_A_PROTOCOL_VERSION;
	if (!tls_1_3 && !tls_1_2)
		return allow_tls_1_2 ? "the client offers neither TLS 1.3 nor TLS 1.2"
				     : "the client does not offer TLS 1.3";
	*ret_alert = GNUTLS_A_HANDSHAKE_FAILURE;
	if (!(tls_1_3 && offers_one_of(hello.suites, suites_1_3, COUNT_OF(suites_1_3))) &&
	    !(tls_1_2 && offers_one_of(hello.suites, suites_1_2, COUNT_OF(suites_1_2))))
		return "the client offers no cipher suite with AES-GCM or ChaCha20 and forward "
		       "secrecy";
	if (hello.groups.len > 0 && !offers_one_of(hello.groups, groups, COUNT_OF(groups)))
		return "the client offers neither X25519 nor secp256r1 nor secp384r1";
	*ret_alert = GNUTLS_A_NO_APPLICATION_PROTOCOL;
	if (hello.protocols.len > 0 && !offers_http(hello.protocols))
		return "the client does not offer HTTP/1.1 (ALPN)";
	return NULL;
}
