#include "common/net/client/fetch.h"

#include "common/net/client/libcurl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STATUS_OK = 200 };

/* A fetch under way. */
struct reception {
	const struct fetch *fetch;
	const struct libcurl *libcurl;
	CURL *curl;
	struct buffer page;
	size_t head_len;
	bool too_large;
	bool refused_address;
	char error[CURL_ERROR_SIZE];
};

static void clear_reception(struct reception *reception)
{
	if (reception->curl != NULL)
		reception->libcurl->easy_cleanup(reception->curl);
	clear_buffer(&reception->page);
}

/* --- addresses --- */

static bool may_fetch_from_ipv4(uint32_t address, bool own_host)
{
	static const struct {
		uint32_t network;
		unsigned int bits;
	} refused[] = {
		{0x00000000, 8},  /* 0.0.0.0/8: this network */
		{0xa9fe0000, 16}, /* 169.254.0.0/16: link-local */
		{0xc0000000, 24}, /* 192.0.0.0/24: protocol assignments */
		{0xe0000000, 3},  /* 224.0.0.0/4 and 240.0.0.0/4: multicast, reserved, broadcast */
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (((address ^ refused[i].network) >> (32 - refused[i].bits)) == 0)
			return false;
	return own_host || address >> 24 != 127;
}

static uint32_t read_ipv4(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
	       octets[3];
}

static bool may_fetch_from_ipv6(const uint8_t octets[static 16], bool own_host)
{
	static const uint8_t zeros[15];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(octets, mapped, sizeof(mapped)) == 0 ||
	    memcmp(octets, nat64, sizeof(nat64)) == 0)
		return may_fetch_from_ipv4(read_ipv4(octets + 12), own_host);
	if (octets[0] == 0x20 && octets[1] == 0x02)
		return may_fetch_from_ipv4(read_ipv4(octets + 2), own_host);
	if (memcmp(octets, zeros, sizeof(zeros)) == 0)
		return own_host && octets[15] == 1;
	/* ::/96, fe80::/10 and the site-local fec0::/10, ff00::/8. */
	return memcmp(octets, zeros, 12) != 0 && !(octets[0] == 0xfe && octets[1] >= 0x80) &&
	       octets[0] != 0xff;
}

bool may_fetch_from(const struct sockaddr *address, bool own_host)
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (address->sa_family == AF_INET) {
		memcpy(&ipv4, address, sizeof(ipv4));
		return may_fetch_from_ipv4(ntohl(ipv4.sin_addr.s_addr), own_host);
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&ipv6, address, sizeof(ipv6));
	return may_fetch_from_ipv6(ipv6.sin6_addr.s6_addr, own_host);
}

/* --- libcurl's callbacks --- */

/* libcurl calls this with each address to which the name was resolved, before it connects. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct reception *reception = context;

	(void)purpose;
	if (!may_fetch_from(&address->addr, reception->fetch->own_host)) {
		reception->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t receive_piece(char *data, size_t unit, size_t count, void *context)
{
	struct reception *reception = context;
	const size_t len = unit * count;

	reception->too_large = len > reception->fetch->max - reception->page.len;
	if (reception->too_large)
		return 0;
	append_bytes(&reception->page, (struct bytes){(const uint8_t *)data, len});
	return reception->page.failed ? 0 : len;
}

/* The head counts like the page, so that it has an end, too. */
static size_t receive_field(char *data, size_t unit, size_t count, void *context)
{
	struct reception *reception = context;
	const size_t len = unit * count;

	(void)data;
	reception->too_large = len > reception->fetch->max - reception->head_len;
	if (reception->too_large)
		return 0;
	reception->head_len += len;
	return len;
}

static int look_for_end(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
			curl_off_t up)
{
	const struct reception *reception = context;

	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return atomic_load(reception->fetch->cancelled);
}

/* --- the fetch --- */

int load_fetch(struct fault *fault)
{
	const struct libcurl *libcurl;

	return load_libcurl(&libcurl, fault);
}

static bool set_limits(const struct reception *reception)
{
	const struct libcurl *libcurl = reception->libcurl;
	CURL *curl = reception->curl;

	return libcurl->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		       CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_USERAGENT, "certpool") == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_TIMEOUT_MS, reception->fetch->timeout_ms) ==
		       CURLE_OK;
}

static bool set_callbacks(struct reception *reception)
{
	const struct libcurl *libcurl = reception->libcurl;
	CURL *curl = reception->curl;

	return libcurl->easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_OPENSOCKETDATA, reception) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_piece) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_WRITEDATA, reception) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_field) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_HEADERDATA, reception) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_for_end) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_XFERINFODATA, reception) == CURLE_OK &&
	       libcurl->easy_setopt(curl, CURLOPT_ERRORBUFFER, reception->error) == CURLE_OK;
}

static int explain(const struct reception *reception, const char *url, CURLcode code,
		   struct fault *fault)
{
	const struct fetch *fetch = reception->fetch;

	if (reception->page.failed)
		return set_memory_fault(fault);
	if (reception->refused_address)
		return set_fault(fault, FAULT_UNREACHABLE,
				 "%s: the host's address is one that the CA does not ask", url);
	if (reception->too_large)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "%s: expected a page of at most %zu octets, found more", url,
				 fetch->max);
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		return set_fault(fault, FAULT_NOT_FOUND, "%s: the host has no address", url);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return set_fault(fault, FAULT_UNREACHABLE, "%s: no whole answer within %ld s", url,
				 fetch->timeout_ms / 1000);
	return set_fault(fault, FAULT_UNREACHABLE, "%s: %s", url,
			 reception->error[0] != '\0' ? reception->error
						     : reception->libcurl->easy_strerror(code));
}

int fetch_page(const struct fetch *fetch, struct buffer *ret_page, struct fault *fault)
{
	CLEANUP(clear_reception) struct reception reception = {.fetch = fetch};
	CLEANUP(clear_buffer) struct buffer url = {0};
	const bool brackets = strchr(fetch->host, ':') != NULL;
	CURLcode code;
	long status = 0;

	append_format(&url, brackets ? "http://[%s]:%u%s" : "http://%s:%u%s", fetch->host,
		      (unsigned int)fetch->port, fetch->path);
	if (check_buffer(&url, fault) < 0 || load_libcurl(&reception.libcurl, fault) < 0)
		return -1;
	reception.curl = reception.libcurl->easy_init();
	if (reception.curl == NULL)
		return set_memory_fault(fault);
	if (!set_limits(&reception) || !set_callbacks(&reception) ||
	    reception.libcurl->easy_setopt(reception.curl, CURLOPT_URL, (const char *)url.data) !=
		    CURLE_OK)
		return set_fault(fault, FAULT_FAILED, "libcurl refuses an option");
	code = reception.libcurl->easy_perform(reception.curl);
	if (code != CURLE_OK)
		return explain(&reception, (const char *)url.data, code, fault);
	(void)reception.libcurl->easy_getinfo(reception.curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != STATUS_OK)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: expected status %d, without a redirect, found %ld",
				 (const char *)url.data, STATUS_OK, status);
	*ret_page = take_buffer(&reception.page);
	return check_buffer(ret_page, fault);
}
