#include "common/pool/revocation/status_cache.h"

#include "common/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Each certificate has one place; whoever comes later to the same place takes it. */
enum { PLACE_COUNT = 1024 };

struct kept_status {
	bool used;
	uint8_t certificate_sha256[SHA256_LEN];
	int64_t asked_at_s;
	struct status_answer answer;
};

struct status_cache {
	pthread_mutex_t lock;
	struct status_client *client;
	struct kept_status kept[PLACE_COUNT];
};

int new_status_cache(const struct layout *layout, const char *client, const struct endpoint *ca,
		     struct status_cache **ret_online, struct fault *fault)
{
	CLEANUP(free_status_cache) struct status_cache *online = calloc(1, sizeof(*online));

	if (online == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&online->lock, NULL);
	if (new_status_client(layout, client, ca, &online->client, fault) < 0)
		return -1;
	*ret_online = TAKE(online);
	return 0;
}

void free_status_cache(struct status_cache **online_pointer)
{
	struct status_cache *online = TAKE(*online_pointer);

	if (online == NULL)
		return;
	free_status_client(&online->client);
	pthread_mutex_destroy(&online->lock);
	free(online);
}

static bool is_fresh(const struct kept_status *kept, const uint8_t sha256[static SHA256_LEN],
		     int64_t now_s)
{
	int64_t age_s = now_s - kept->asked_at_s;

	return kept->used && age_s >= 0 && age_s < STATUS_KEPT_S &&
	       memcmp(kept->certificate_sha256, sha256, SHA256_LEN) == 0;
}

static int find_status(struct status_cache *online, struct bytes der, int64_t now_s,
		       struct status_answer *ret_answer, struct fault *fault)
{
	uint8_t sha256[SHA256_LEN];
	struct kept_status *kept;

	digest_sha256(der, sha256);
	kept = &online->kept[(sha256[0] << 8 | sha256[1]) % PLACE_COUNT];
	if (!is_fresh(kept, sha256, now_s)) {
		if (ask_status(online->client, der, now_s, &kept->answer, fault) < 0) {
			kept->used = false;
			return -1;
		}
		kept->used = true;
		kept->asked_at_s = now_s;
		memcpy(kept->certificate_sha256, sha256, SHA256_LEN);
	}
	*ret_answer = kept->answer;
	return 0;
}

static void judge_status(const struct status_answer *answer, struct verdict *verdict)
{
	char revoked_at[TIME_TEXT_SIZE];

	switch (answer->status) {
	case STATUS_GOOD:
		return;
	case STATUS_REVOKED:
		format_time(answer->revoked_at_s, revoked_at);
		reject_because(verdict, "the CA says that the certificate was revoked at %s (%s)",
			       revoked_at, answer->reason);
		return;
	case STATUS_EXPIRED:
	case STATUS_UNKNOWN:
	case STATUS_COUNT:
		reject_because(verdict, "the CA says that the certificate is %s",
			       format_status(answer->status));
	}
}

void check_cached_status(struct status_cache *online, const struct certificate *certificate,
			 int64_t now_s, struct verdict *verdict)
{
	struct status_answer answer;
	struct fault fault = {0};
	int found;

	pthread_mutex_lock(&online->lock);
	found = find_status(online, certificate_der(certificate), now_s, &answer, &fault);
	pthread_mutex_unlock(&online->lock);
	if (found < 0)
		reject_because(verdict, "the certificate's status cannot be had from the CA: %s",
			       fault.text);
	else
		judge_status(&answer, verdict);
}
