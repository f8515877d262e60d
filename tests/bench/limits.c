/*
 * Measures Nettle's arithmetic on all cores of this machine at once, and prints one line of JSON:
 * the time of a key pair, a signature and its check (µs of one core), and the resulting limits of
 * certificates and messages a second for every program that uses Nettle.
 *
 * A certificate: a key, a signature by it and its check (proof of possession), the CA's signature
 * and its check. A message: a signature and its check. The CA's key is of the same type.
 */
#include "common/base/clock.h"
#include "common/base/key_type.h"
#include "common/base/random.h"
#include "common/base/workers.h"

#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/eddsa.h>
#include <nettle/rsa.h>
#include <nettle/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGEST_LEN = 32,
	MESSAGE_LEN = 300, /* about the signed octets of a certificate */
	RSA_BITS = 2048,
	RSA_EXPONENT = 65537,
	RSA_KEY_TURNS =
		6, /* the factor by which RSA keys are measured longer: their times differ */
	CORES_MAX = 256,
	US_PER_S = 1000000,
};

/* The keys of one thread, and its last signature. */
struct keys {
	struct ecc_scalar ec_private;
	struct ecc_point ec_public;
	struct dsa_signature ec_signature;
	uint8_t ed_private[ED25519_KEY_SIZE];
	uint8_t ed_public[ED25519_KEY_SIZE];
	uint8_t ed_signature[ED25519_SIGNATURE_SIZE];
	struct rsa_private_key rsa_private;
	struct rsa_public_key rsa_public;
	mpz_t rsa_signature;
};

typedef bool operation_function(struct keys *keys);

static const uint8_t message[MESSAGE_LEN] = {1};

/* Nettle's interface for randomness has no way to report an error. */
static void draw(void *context, size_t len, uint8_t *ret_data)
{
	struct fault fault = {0};

	(void)context;
	if (fill_random(ret_data, len, &fault) < 0)
		abort();
}

static bool make_ec_key(struct keys *keys)
{
	ecdsa_generate_keypair(&keys->ec_public, &keys->ec_private, NULL, draw);
	return true;
}

static bool sign_ec(struct keys *keys)
{
	ecdsa_sign(&keys->ec_private, NULL, draw, DIGEST_LEN, message, &keys->ec_signature);
	return true;
}

static bool verify_ec(struct keys *keys)
{
	return ecdsa_verify(&keys->ec_public, DIGEST_LEN, message, &keys->ec_signature) == 1;
}

static bool make_ed_key(struct keys *keys)
{
	draw(NULL, sizeof(keys->ed_private), keys->ed_private);
	ed25519_sha512_public_key(keys->ed_public, keys->ed_private);
	return true;
}

static bool sign_ed(struct keys *keys)
{
	ed25519_sha512_sign(keys->ed_public, keys->ed_private, MESSAGE_LEN, message,
			    keys->ed_signature);
	return true;
}

static bool verify_ed(struct keys *keys)
{
	return ed25519_sha512_verify(keys->ed_public, MESSAGE_LEN, message, keys->ed_signature) ==
	       1;
}

static bool make_rsa_key(struct keys *keys)
{
	mpz_set_ui(keys->rsa_public.e, RSA_EXPONENT);
	return rsa_generate_keypair(&keys->rsa_public, &keys->rsa_private, NULL, draw, NULL, NULL,
				    RSA_BITS, 0) == 1;
}

static bool sign_rsa(struct keys *keys)
{
	return rsa_sha256_sign_digest_tr(&keys->rsa_public, &keys->rsa_private, NULL, draw, message,
					 keys->rsa_signature) == 1;
}

static bool verify_rsa(struct keys *keys)
{
	return rsa_sha256_verify_digest(&keys->rsa_public, message, keys->rsa_signature) == 1;
}

static const struct type {
	enum key_type type;
	operation_function *make;
	operation_function *sign;
	operation_function *verify;
	unsigned int make_turns;
} types[] = {
	{KEY_ECDSA_P256, make_ec_key, sign_ec, verify_ec, 1},
	{KEY_ED25519, make_ed_key, sign_ed, verify_ed, 1},
	{KEY_RSA_2048, make_rsa_key, sign_rsa, verify_rsa, RSA_KEY_TURNS},
};

static void clear_keys(struct keys *keys)
{
	ecc_scalar_clear(&keys->ec_private);
	ecc_point_clear(&keys->ec_public);
	dsa_signature_clear(&keys->ec_signature);
	rsa_private_key_clear(&keys->rsa_private);
	rsa_public_key_clear(&keys->rsa_public);
	mpz_clear(keys->rsa_signature);
}

static void init_keys(struct keys *keys)
{
	ecc_scalar_init(&keys->ec_private, nettle_get_secp_256r1());
	ecc_point_init(&keys->ec_public, nettle_get_secp_256r1());
	dsa_signature_init(&keys->ec_signature);
	rsa_private_key_init(&keys->rsa_private);
	rsa_public_key_init(&keys->rsa_public);
	mpz_init(keys->rsa_signature);
}

/* One operation, measured by all threads at the same time. */
struct measurement {
	const struct type *type;
	operation_function *operation;
	int64_t duration_us;
	double took_us[CORES_MAX]; /* one operation, by thread */
};

static int measure_on_thread(size_t index, void *context, struct fault *fault)
{
	struct measurement *measurement = context;
	CLEANUP(clear_keys) struct keys keys = {0};
	int64_t begun_us;
	int64_t now_us;
	uint64_t count = 0;

	init_keys(&keys);
	if (!measurement->type->make(&keys) || !measurement->type->sign(&keys))
		return set_fault(fault, FAULT_FAILED, "Nettle cannot make a key of this type");
	begun_us = read_stopwatch_us();
	do {
		if (!measurement->operation(&keys))
			return set_fault(fault, FAULT_FAILED, "Nettle refuses what it signed");
		count++;
		now_us = read_stopwatch_us();
	} while (now_us - begun_us < measurement->duration_us);
	measurement->took_us[index] = (double)(now_us - begun_us) / (double)count;
	return 0;
}

/* The time that one operation takes on one core while the others do the same. */
static int measure(const struct type *type, operation_function *operation, int64_t duration_us,
		   double *ret_us, struct fault *fault)
{
	struct measurement measurement = {
		.type = type, .operation = operation, .duration_us = duration_us};
	unsigned int cores = count_cores() < CORES_MAX ? count_cores() : CORES_MAX;
	double rate = 0;

	if (run_tasks(cores, cores, measure_on_thread, &measurement, fault) < 0)
		return -1;
	for (unsigned int i = 0; i < cores; i++)
		rate += 1 / measurement.took_us[i];
	*ret_us = cores / rate;
	return 0;
}

static int print_type(const struct type *type, int64_t duration_us, struct fault *fault)
{
	double per_s = (double)count_cores() * US_PER_S;
	double make_us;
	double sign_us;
	double verify_us;

	if (measure(type, type->make, duration_us * type->make_turns, &make_us, fault) < 0 ||
	    measure(type, type->sign, duration_us, &sign_us, fault) < 0 ||
	    measure(type, type->verify, duration_us, &verify_us, fault) < 0)
		return -1;
	printf("\"%s\":{\"key_us\":%.2f,\"sign_us\":%.2f,\"verify_us\":%.2f,\"enroll_rate\":%.1f,"
	       "\"message_rate\":%.1f}",
	       format_key_type(type->type), make_us, sign_us, verify_us,
	       per_s / (make_us + 2 * sign_us + 2 * verify_us), per_s / (sign_us + verify_us));
	return 0;
}

/* Measures the named types, or all. */
static bool is_wanted(const struct type *type, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], format_key_type(type->type)) == 0)
			return true;
	return count == 0;
}

static int print_limits(int64_t duration_us, int count, char **names, struct fault *fault)
{
	const char *separator = "";

	printf("{\"nettle\":\"%d.%d\",\"cores\":%u,\"types\":{", NETTLE_VERSION_MAJOR,
	       NETTLE_VERSION_MINOR, count_cores());
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (!is_wanted(&types[i], count, names))
			continue;
		(void)fputs(separator, stdout);
		separator = ",";
		if (print_type(&types[i], duration_us, fault) < 0)
			return -1;
	}
	puts("}}");
	return 0;
}

int main(int count, char **arguments)
{
	int64_t duration_us = count > 1 ? (int64_t)(strtod(arguments[1], NULL) * US_PER_S) : 0;
	struct fault fault = {0};

	if (duration_us <= 0) {
		(void)fputs("usage: limits SECONDS [ecdsa-p256|ed25519|rsa-2048]...\n", stderr);
		return 2;
	}
	if (print_limits(duration_us, count - 2, arguments + 2, &fault) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "limits: %s\n", fault.text);
	return EXIT_FAILURE;
}
