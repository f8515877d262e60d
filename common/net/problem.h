#ifndef CERTPOOL_NET_PROBLEM_H
#define CERTPOOL_NET_PROBLEM_H

#include "common/base/bytes.h"

/*
 * Problem details for HTTP (RFC 9457), of type about:blank: {"type","title","status","detail"},
 * the title being the status's reason phrase. Any octets may be in a detail: what is not UTF-8 is
 * replaced by '?'.
 */
int format_problem(unsigned int status, const char *detail, struct buffer *ret_body,
		   struct fault *fault) MUST_CHECK;

/*
 * The detail of a problem that somebody else wrote, or its title when it has none, without control
 * characters. false when the body is no problem or says neither.
 */
bool parse_problem(struct bytes body, char ret_detail[static FAULT_TEXT_SIZE]);

#endif
