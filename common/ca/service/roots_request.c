#include "common/ca/service/roots_request.h"

#include "common/base/clock.h"
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

static void add_certificate(struct ca_certificates *all, const struct certificate *certificate)
{
	if (certificate == NULL)
		return;
	for (size_t i = 0; i < all->count; i++)
		if (equal_bytes(all->der[i], certificate_der(certificate)))
			return;
	all->der[all->count++] = certificate_der(certificate);
}

int collect_ca_certificates(const struct authority *authority, const struct layout *layout,
			    struct ca_certificates *ret_all, struct fault *fault)
{
	const struct issuer_set *issuers = authority_issuers(authority);
	CLEANUP(clear_ca_certificates) struct ca_certificates all = {.count = 0};

	if (read_ca_roots(layout, &all.roots, fault) < 0)
		return -1;
	for (size_t i = 0; i < all.roots.cross.count; i++)
		add_certificate(&all, all.roots.cross.certificates[i]);
	for (unsigned int number = 1; number <= count_issuers(issuers); number++)
		if (get_issuer(issuers, number) != NULL)
			add_certificate(&all, issuer_certificate(get_issuer(issuers, number)));
	add_certificate(&all, all.roots.root);
	add_certificate(&all, all.roots.next);
	MOVE(ret_all, all);
	return 0;
}

void clear_ca_certificates(struct ca_certificates *all)
{
	clear_ca_roots(&all->roots);
	all->count = 0;
}
