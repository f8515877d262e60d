#include "common/ca/acme/nonces.h"

#include "common/base/random.h"
#include "common/crypto/base64.h"
#include "common/crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_LEN = 8, MAC_LEN = 16, WORD_BITS = 64 };

struct nonces {
	uint8_t key[SHA256_LEN];
	pthread_mutex_t lock;
	uint64_t next;                         /* the count of the next nonce */
	uint64_t used[NONCES_MAX / WORD_BITS]; /* a bit for each of the last ones */
};

int new_nonces(struct nonces **ret_nonces, struct fault *fault)
{
	struct nonces *nonces = calloc(1, sizeof(*nonces));

	if (nonces == NULL)
		return set_memory_fault(fault);
	pthread_mutex_init(&nonces->lock, NULL);
	if (fill_random(nonces->key, sizeof(nonces->key), fault) < 0) {
		free_nonces(&nonces);
		return -1;
	}
	*ret_nonces = nonces;
	return 0;
}

void free_nonces(struct nonces **pointer)
{
	struct nonces *nonces = TAKE(*pointer);

	if (nonces == NULL)
		return;
	pthread_mutex_destroy(&nonces->lock);
	wipe(nonces->key, sizeof(nonces->key));
	free(nonces);
}

static void format_nonce(const struct nonces *nonces, uint64_t count,
			 char ret_nonce[static NONCE_SIZE])
{
	uint8_t octets[COUNT_LEN + MAC_LEN];
	uint8_t mac[SHA256_LEN];
	CLEANUP(clear_buffer) struct buffer text = {0};

	for (size_t i = 0; i < COUNT_LEN; i++)
		octets[i] = (uint8_t)(count >> 8 * (COUNT_LEN - 1 - i));
	hmac_sha256(nonces->key, (struct bytes){octets, COUNT_LEN}, mac);
	memcpy(octets + COUNT_LEN, mac, MAC_LEN);
	append_base64url(&text, (struct bytes){octets, sizeof(octets)});
	/* Without memory there is a nonce that nobody accepts. */
	memset(ret_nonce, '-', NONCE_SIZE - 1);
	ret_nonce[NONCE_SIZE - 1] = '\0';
	if (!text.failed)
		memcpy(ret_nonce, text.data, NONCE_SIZE);
}

/* The bit of a count; *ret_word is where it is. */
static uint64_t find_bit(struct nonces *nonces, uint64_t count, uint64_t **ret_word)
{
	*ret_word = &nonces->used[count % NONCES_MAX / WORD_BITS];
	return UINT64_C(1) << count % WORD_BITS;
}

void make_nonce(struct nonces *nonces, char ret_nonce[static NONCE_SIZE])
{
	uint64_t *word;
	uint64_t bit;
	uint64_t count;

	pthread_mutex_lock(&nonces->lock);
	count = nonces->next++;
	bit = find_bit(nonces, count, &word);
	*word &= ~bit;
	pthread_mutex_unlock(&nonces->lock);
	format_nonce(nonces, count, ret_nonce);
}

/* Whether this process made the nonce, and when. */
static bool read_nonce(const struct nonces *nonces, const char *nonce, uint64_t *ret_count)
{
	CLEANUP(clear_buffer) struct buffer octets = {0};
	struct fault ignored = {0};
	char expected[NONCE_SIZE];
	uint64_t count = 0;

	if (strlen(nonce) != NONCE_SIZE - 1 ||
	    decode_base64url(bytes_of_string(nonce), &octets, &ignored) < 0)
		return false;
	for (size_t i = 0; i < COUNT_LEN; i++)
		count = count << 8 | octets.data[i];
	format_nonce(nonces, count, expected);
	*ret_count = count;
	return equal_secrets(bytes_of_string(expected), bytes_of_string(nonce));
}

static bool look_at_nonce(struct nonces *nonces, const char *nonce, bool use)
{
	uint64_t *word;
	uint64_t count;
	uint64_t bit;
	bool fresh;

	if (!read_nonce(nonces, nonce, &count))
		return false;
	pthread_mutex_lock(&nonces->lock);
	bit = find_bit(nonces, count, &word);
	fresh = nonces->next - count <= NONCES_MAX && (*word & bit) == 0;
	if (fresh && use)
		*word |= bit;
	pthread_mutex_unlock(&nonces->lock);
	return fresh;
}

bool is_fresh_nonce(struct nonces *nonces, const char *nonce)
{
	return look_at_nonce(nonces, nonce, false);
}

bool use_nonce(struct nonces *nonces, const char *nonce)
{
	return look_at_nonce(nonces, nonce, true);
}
