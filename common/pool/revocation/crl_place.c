#include "common/pool/revocation/crl_place.h"

#include "common/base/file.h"
#include "common/net/client.h"
#include "common/pool/members/file_state.h"
#include "common/x509/revocation/crl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 30000, HTTP_OK = 200 };

/* RFC 2585 section 4.2. Other types are taken as well: what is no CRL is found out anyway. */
static const char content_type[] = "application/pkix-crl";

int open_crl_place(const char *name, struct crl_place *place, struct fault *fault)
{
	struct crl_place opened = {.is_url = strstr(name, "://") != NULL};

	if (opened.is_url && parse_url(name, &opened.endpoint, opened.path, fault) < 0)
		return prefix_fault(fault, "CRL");
	opened.name = strdup(name);
	if (opened.name == NULL)
		return set_memory_fault(fault);
	*place = opened;
	return 0;
}

void close_crl_place(struct crl_place *place)
{
	free(place->name);
	*place = (struct crl_place){0};
}

bool crl_place_is_due(const struct crl_place *place, bool has_current, int64_t now_s)
{
	int64_t every_s = has_current ? CRL_ASKED_EVERY_S : CRL_RETRIED_EVERY_S;
	int64_t age_s = now_s - place->looked_at_s;
	struct stat status;

	if (!place->looked)
		return true;
	if (place->is_url)
		return age_s < 0 || age_s >= every_s;
	return !place->known || stat(place->name, &status) < 0 ||
	       !same_file_state(&status, &place->status);
}

static int fetch_from_url(const struct crl_place *place, struct buffer *ret_content,
			  struct fault *fault)
{
	const struct http_client_settings settings = {.endpoint = place->endpoint,
						      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
						      .timeout_ms = TIMEOUT_MS};
	CLEANUP(free_http_client) struct http_client *client = NULL;
	CLEANUP(clear_http_answer) struct http_answer answer = {0};

	if (new_http_client(&settings, &client, fault) < 0 ||
	    exchange_http(client, place->path, NULL, (struct bytes){0}, CRL_PEM_MAX, &answer,
			  fault) < 0)
		return -1;
	if (answer.status != HTTP_OK)
		return check_http_answer(client, place->path, &answer, content_type, fault);
	*ret_content = take_buffer(&answer.body);
	return 0;
}

int fetch_crl(struct crl_place *place, int64_t now_s, struct buffer *ret_content,
	      struct fault *fault)
{
	place->looked = true;
	place->looked_at_s = now_s;
	if (place->is_url)
		return fetch_from_url(place, ret_content, fault);
	/* Before it is read, so that what changes meanwhile is seen the next time. */
	place->known = stat(place->name, &place->status) == 0;
	return read_file(AT_FDCWD, place->name, CRL_PEM_MAX, ret_content, fault);
}
