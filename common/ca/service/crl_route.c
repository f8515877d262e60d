#include "common/ca/service/crl_route.h"

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/ca/store/issuers.h"
#include "common/crypto/digest.h"
#include "common/net/http.h"
#include "common/x509/pem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A client may cache a CRL for this long before it asks whether there is a later one. */
enum { CRL_FRESH_S = 300 };

void init_crl_route(struct crl_route *route, struct authority *authority)
{
	const struct ca_crl_options options = authority_crl_options(authority);

	route->authority = authority;
	init_crl_caches(&route->caches, &options, authority_issuers(authority));
	init_crl_chain(&route->chain);
	if (authority_root_crl(authority) != NULL) {
		init_other_root_crl_cache(&route->next_root, options.layout, NEXT_ROOT_CRL_FILE);
		init_other_root_crl_cache(&route->old_root, options.layout, OLD_ROOT_CRL_FILE);
	}
}

void clear_crl_route(struct crl_route *route)
{
	if (route->authority == NULL)
		return;
	clear_crl_caches(&route->caches);
	clear_crl_chain(&route->chain);
	clear_root_crl_cache(&route->next_root);
	clear_root_crl_cache(&route->old_root);
	*route = (struct crl_route){0};
}

/* A revocation makes another CRL at once; a client that has the tag gets no second copy. */
static void fill_caching(struct http_caching *caching, const struct crl_info *info, int64_t now_s)
{
	int64_t end_s = now_s + CRL_FRESH_S;

	if (info->next_update_s < end_s)
		end_s = info->next_update_s;
	*caching = (struct http_caching){
		.now_s = now_s, .last_modified_s = info->this_update_s, .expires_s = end_s};
	(void)snprintf(caching->etag, sizeof(caching->etag), "crl-%" PRIu64, info->number);
}

/* Each root counts its CRLs from 1 on: their numbers alone are no tag. */
static void tag_root_crl(struct http_caching *caching, const struct shared_body *body)
{
	uint8_t sha256[SHA256_LEN];

	digest_sha256(shared_octets(body), sha256);
	format_hex((struct bytes){sha256, SHA256_LEN}, caching->etag);
}

/* The text of a failure may name files: only the log has it. */
static int read_root_crl_of(struct crl_route *route, struct shared_body **ret_body,
			    struct crl_info *ret_info, struct fault *ret_problem,
			    struct fault *fault)
{
	struct root_crl_cache *root_crl = authority_root_crl(route->authority);
	struct fault problem = {0};

	if (get_root_crl(root_crl, ret_body, ret_info, &problem) == 0)
		return 0;
	if (problem.class != FAULT_NOT_FOUND)
		return set_fault(fault, FAULT_FAILED, "%s", problem.text);
	*ret_problem = problem;
	return set_fault(fault, FAULT_NOT_FOUND,
			 "this CA has no CRL of its root yet: its operator makes one with certpool "
			 "crl --root");
}

/* FAULT_FAILED keeps the reason out of the answer, and in the log. */
static int set_crl_fault(const struct fault *problem, struct fault *fault)
{
	bool open = problem->class == FAULT_BUSY || problem->class == FAULT_NOT_FOUND;

	return set_fault(fault, open ? problem->class : FAULT_FAILED, "%s", problem->text);
}

/* The CRLs of a chain, and of all of them the newest number and time and the first end. */
struct chain_parts {
	struct shared_body *crls[CHAIN_CRLS_MAX];
	size_t count;
	struct crl_info info;
	struct buffer root_digests; /* of the roots' CRLs */
};

static void release_chain_parts(struct chain_parts *parts)
{
	while (parts->count > 0)
		release_shared_body(&parts->crls[--parts->count]);
	clear_buffer(&parts->root_digests);
}

static void note_part(struct chain_parts *parts, const struct crl_info *info)
{
	parts->count++;
	if (info->number > parts->info.number)
		parts->info.number = info->number;
	if (info->this_update_s > parts->info.this_update_s)
		parts->info.this_update_s = info->this_update_s;
	if (info->next_update_s < parts->info.next_update_s)
		parts->info.next_update_s = info->next_update_s;
}

static void note_root_part(struct chain_parts *parts, const struct crl_info *info)
{
	uint8_t sha256[SHA256_LEN];

	digest_sha256(shared_octets(parts->crls[parts->count]), sha256);
	append_bytes(&parts->root_digests, (struct bytes){sha256, SHA256_LEN});
	note_part(parts, info);
	/* The root's numbers are of another sequence. */
	parts->info.number = 0;
}

/* Of the next root or the old one: for verifiers that hold either root, whose path to the other
   one's certificates has a cross certificate. One that cannot be read keeps nobody from the
   others. */
static void gather_other_root(struct root_crl_cache *cache, struct chain_parts *parts,
			      int64_t now_s)
{
	struct crl_info info;
	struct fault ignored = {0};

	if (get_root_crl(cache, &parts->crls[parts->count], &info, &ignored) < 0)
		return;
	if (info.next_update_s >= now_s)
		note_root_part(parts, &info);
	else
		release_shared_body(&parts->crls[parts->count]);
}

/* Of a root that lies apart. */
static int gather_root_crls(struct crl_route *route, struct chain_parts *parts, int64_t now_s,
			    struct fault *ret_problem, struct fault *fault)
{
	struct crl_info info = {0};

	if (read_root_crl_of(route, &parts->crls[0], &info, ret_problem, fault) < 0)
		return -1;
	note_root_part(parts, &info);
	gather_other_root(&route->next_root, parts, now_s);
	gather_other_root(&route->old_root, parts, now_s);
	return check_buffer(&parts->root_digests, fault);
}

/* Of the issuers that have not ended. */
static int gather_crls(struct crl_route *route, struct chain_parts *parts, int64_t now_s,
		       struct fault *fault)
{
	struct crl_cache *cache;

	for (unsigned int i = 1; (cache = find_crl_cache(&route->caches, i)) != NULL; i++) {
		struct crl_info info;
		struct fault problem = {0};

		if (get_crl(cache, now_s, &parts->crls[parts->count], &info, &problem) == 0)
			note_part(parts, &info);
		else if (problem.class != FAULT_NOT_FOUND)
			return set_crl_fault(&problem, fault);
	}
	return 0;
}

/* The numbers of the issuers' CRLs are of one sequence. */
static void tag_chain(struct http_caching *caching, const struct chain_parts *parts)
{
	char roots[SHA256_LEN + 1] = ""; /* half of a digest, in hexadecimal */
	uint8_t sha256[SHA256_LEN];

	digest_sha256(bytes_of_buffer(&parts->root_digests), sha256);
	format_hex((struct bytes){sha256, SHA256_LEN / 2}, roots);
	(void)snprintf(caching->etag, sizeof(caching->etag), "crl-%s-%" PRIu64 "-%zu", roots,
		       parts->info.number, parts->count);
}

/* The root's CRL and those of the CA's issuers, in PEM. */
static int serve_crl_chain(struct crl_route *route, struct http_response *response,
			   struct fault *ret_problem, struct fault *fault)
{
	CLEANUP(release_chain_parts)
	struct chain_parts parts = {.info = {.next_update_s = INT64_MAX}};
	struct fault problem = {0};
	int64_t now_s = read_clock();

	if (authority_root_crl(route->authority) != NULL &&
	    gather_root_crls(route, &parts, now_s, ret_problem, fault) < 0)
		return -1;
	if (gather_crls(route, &parts, now_s, fault) < 0)
		return -1;
	if (get_crl_chain(&route->chain, parts.crls, parts.count, &response->shared, &problem) < 0)
		return set_crl_fault(&problem, fault);
	response->content_type = CONTENT_PEM;
	fill_caching(&response->caching, &parts.info, now_s);
	tag_chain(&response->caching, &parts);
	return 0;
}

static int serve_issuer_crl(struct crl_route *route, unsigned int issuer,
			    struct http_response *response, struct fault *fault)
{
	struct crl_cache *cache = find_crl_cache(&route->caches, issuer);
	struct crl_info info;
	struct fault problem = {0};
	int64_t now_s = read_clock();

	if (cache == NULL)
		return set_fault(fault, FAULT_NOT_FOUND, "this CA has no issuer of that number");
	if (get_crl(cache, now_s, &response->shared, &info, &problem) < 0)
		return set_crl_fault(&problem, fault);
	response->content_type = CONTENT_CRL;
	fill_caching(&response->caching, &info, now_s);
	return 0;
}

unsigned int parse_issuer_path(const char *path, const char *prefix)
{
	char expected[64];

	for (unsigned int number = FIRST_ISSUER; number <= ISSUERS_MAX; number++) {
		(void)snprintf(expected, sizeof(expected), "%s/%u", prefix, number);
		if (strcmp(path, expected) == 0)
			return number;
	}
	return 0;
}

static int serve_root_crl(struct crl_route *route, struct http_response *response,
			  struct fault *ret_problem, struct fault *fault)
{
	struct crl_info info;

	if (read_root_crl_of(route, &response->shared, &info, ret_problem, fault) < 0)
		return -1;
	response->content_type = CONTENT_CRL;
	fill_caching(&response->caching, &info, read_clock());
	tag_root_crl(&response->caching, response->shared);
	return 0;
}

int serve_crl_of(struct crl_route *route, const struct http_request *request,
		 struct http_response *response, struct fault *ret_problem, struct fault *fault)
{
	bool is_root = strcmp(request->path, ROOT_CRL_PATH) == 0;
	const struct issuer *root = newest_root_issuer(authority_issuers(route->authority));

	if (is_root && authority_root_crl(route->authority) != NULL)
		return serve_root_crl(route, response, ret_problem, fault);
	if (is_root && root != NULL)
		return serve_issuer_crl(route, issuer_number(root), response, fault);
	if (!is_root && strcmp(request->path, CRL_PATH) != 0)
		return serve_issuer_crl(route, parse_issuer_path(request->path, CRL_PATH), response,
					fault);
	if (strcmp(request->query, "chain") == 0)
		return serve_crl_chain(route, response, ret_problem, fault);
	return serve_issuer_crl(route, FIRST_ISSUER, response, fault);
}

int check_crls(struct crl_route *route, int64_t now_s, struct fault *fault)
{
	CLEANUP(release_chain_parts) struct chain_parts parts = {0};

	return gather_crls(route, &parts, now_s, fault);
}
