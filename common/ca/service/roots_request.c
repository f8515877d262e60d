#include "common/ca/service/roots_request.h"

#include "common/base/clock.h"
#include "common/ca/revocation/ca_roots.h"
#include "common/ca/store/client_roots.h"

enum { NOTES_PER_MINUTE = 20 };

int note_roots(struct store *store, struct rate *rate, const char *client,
	       const struct roots_request *request, struct fault *fault)
{
	const struct bytes digests = {request->sha256[0], request->count * SHA256_LEN};
	int64_t wait_s;
	bool is_new;

	if (find_new_roots(store, client, digests, &is_new, fault) < 0)
		return -1;
	if (!is_new || !take_turn(rate, client, NOTES_PER_MINUTE, read_stopwatch_us(), &wait_s))
		return 0;
	return note_client_roots(store, client, digests, fault);
}

int answer_roots(const struct layout *layout, struct roots_answer *ret_answer, struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(clear_roots_answer) struct roots_answer answer = {0};

	if (read_ca_roots(layout, &roots, fault) < 0 ||
	    format_certificate_pem(certificate_der(roots.root), &answer.roots[answer.root_count++],
				   fault) < 0 ||
	    (roots.next != NULL &&
	     format_certificate_pem(certificate_der(roots.next), &answer.roots[answer.root_count++],
				    fault) < 0))
		return -1;
	for (size_t i = 0; i < roots.cross.count && i < CROSS_CERTIFICATES_MAX; i++)
		if (format_certificate_pem(certificate_der(roots.cross.certificates[i]),
					   &answer.cross[answer.cross_count++], fault) < 0)
			return -1;
	MOVE(ret_answer, answer);
	return 0;
}
