/*
 * Records certificates in a record that exists, a certificate a transaction, from several threads
 * at once, each for a client of its own, and prints one line of JSON: how many, and in which time.
 */
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/ca/store/certificates.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 64, DER_LEN = 480, YEAR_S = 31536000, US_PER_S = 1000000 };

struct recorder {
	pthread_t thread;
	struct store *store;
	unsigned int number;
	int64_t end_us; /* of the stopwatch */
	uint64_t recorded;
	struct fault fault;
};

static int make_certificate(unsigned int number, struct issued_certificate *record,
			    struct fault *fault)
{
	int64_t now_s = read_clock();
	uint8_t *der = extend_buffer(&record->der, DER_LEN);

	record->issuer = 1;
	record->issued_at_s = now_s;
	record->not_before_s = now_s;
	record->not_after_s = now_s + YEAR_S;
	(void)snprintf(record->client, sizeof(record->client), "client%u", number);
	(void)snprintf(record->member, sizeof(record->member), "single");
	record->subject = strdup("CN=single");
	if (der == NULL || record->subject == NULL)
		return set_memory_fault(fault);
	if (fill_random(der, DER_LEN, fault) < 0)
		return -1;
	digest_sha256(bytes_of_buffer(&record->der), record->key_sha256);
	memcpy(record->serial, record->key_sha256, SERIAL_MAX);
	record->serial[0] = (uint8_t)(0x40 | (record->serial[0] & 0x3f));
	return 0;
}

static int record_one(struct recorder *recorder, struct fault *fault)
{
	CLEANUP(clear_issued_certificate) struct issued_certificate record = {0};
	enum insert_result result;

	if (make_certificate(recorder->number, &record, fault) < 0)
		return -1;
	const struct insertion insertion = {
		.records = &record, .count = 1, .quota = SIZE_MAX, .now_s = record.issued_at_s};

	if (insert_certificates(recorder->store, &insertion, &result, fault) < 0)
		return -1;
	if (result != INSERTED)
		return set_fault(fault, FAULT_FAILED, "a certificate was not recorded");
	recorder->recorded++;
	return 0;
}

static void *run_recorder(void *argument)
{
	struct recorder *recorder = argument;

	while (read_stopwatch_us() < recorder->end_us &&
	       record_one(recorder, &recorder->fault) == 0)
		continue;
	return NULL;
}

static int run_recorders(struct store *store, size_t count, double seconds, struct fault *fault)
{
	static struct recorder recorders[THREADS_MAX];
	int64_t begun_us = read_stopwatch_us();
	uint64_t recorded = 0;

	for (size_t i = 0; i < count; i++) {
		recorders[i] = (struct recorder){
			.store = store,
			.number = (unsigned int)i + 1,
			.end_us = begun_us + (int64_t)(seconds * US_PER_S),
		};
		if (pthread_create(&recorders[i].thread, NULL, run_recorder, &recorders[i]) != 0)
			return set_fault(fault, FAULT_FAILED, "cannot start a thread");
	}
	for (size_t i = 0; i < count; i++) {
		(void)pthread_join(recorders[i].thread, NULL);
		recorded += recorders[i].recorded;
		if (recorders[i].fault.class != FAULT_NONE)
			return pass_fault(&recorders[i].fault, fault);
	}
	printf("{\"certificates\":%" PRIu64 ",\"seconds\":%.6f}\n", recorded,
	       (double)(read_stopwatch_us() - begun_us) / US_PER_S);
	return 0;
}

int main(int count, char **arguments)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct fault fault = {0};
	unsigned long threads;

	if (count != 4) {
		(void)fputs("usage: single_certificates RECORD THREADS SECONDS\n", stderr);
		return 2;
	}
	threads = strtoul(arguments[2], NULL, 10);
	if (threads == 0 || threads > THREADS_MAX) {
		(void)fputs("single_certificates: expected 1 to 64 threads\n", stderr);
		return 2;
	}
	if (open_store(arguments[1], &store, &fault) == 0 &&
	    run_recorders(store, threads, strtod(arguments[3], NULL), &fault) == 0)
		return 0;
	(void)fprintf(stderr, "single_certificates: %s\n", fault.text);
	return 1;
}
