#include "common/x509/issuer_set.h"

#include "common/x509/certificate_fields.h"

int add_issuer(struct issuer_set *set, struct issuer **issuer_pointer, struct fault *fault)
{
	CLEANUP(free_issuer) struct issuer *issuer = TAKE(*issuer_pointer);
	unsigned int count = count_issuers(set);

	if (count == ISSUERS_MAX)
		return set_fault(fault, FAULT_TOO_LARGE,
				 "expected at most %d certificates of one CA, found more: make a "
				 "new CA in a layout of its own",
				 ISSUERS_MAX);
	number_issuer(issuer, count + 1);
	set->issuers[count] = TAKE(issuer);
	/* Only then do readers see it. */
	atomic_store(&set->count, count + 1);
	return 0;
}

void clear_issuer_set(struct issuer_set *set)
{
	unsigned int count = count_issuers(set);

	atomic_store(&set->count, 0);
	for (unsigned int i = 0; i < count; i++)
		free_issuer(&set->issuers[i]);
}

unsigned int count_issuers(const struct issuer_set *set)
{
	return atomic_load(&set->count);
}

struct issuer *get_issuer(const struct issuer_set *set, unsigned int number)
{
	return number >= 1 && number <= count_issuers(set) ? set->issuers[number - 1] : NULL;
}

struct issuer *newest_issuer(const struct issuer_set *set)
{
	return get_issuer(set, count_issuers(set));
}

struct issuer *newest_root_issuer(const struct issuer_set *set)
{
	for (unsigned int number = count_issuers(set); number > 0; number--)
		if (is_root_issuer(get_issuer(set, number)))
			return get_issuer(set, number);
	return NULL;
}

struct issuer *get_issuer_by_name(const struct issuer_set *set, struct bytes name)
{
	/* The newest first: it is mostly the one. */
	for (unsigned int number = count_issuers(set); number > 0; number--) {
		struct issuer *issuer = get_issuer(set, number);

		if (equal_bytes(certificate_fields(issuer_certificate(issuer))->subject, name))
			return issuer;
	}
	return NULL;
}
