/*
 * bench: measures this machine with a real CA, two clients and real servers in a scratch directory.
 * Each kind of work is first done a few times, to learn how much of it fits into --duration; only
 * the rest counts.
 */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/staging.h"
#include "common/base/workers.h"
#include "common/pool/members/pool.h"
#include "common/pool/revocation/ask_status.h"
#include "tools/node.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pool/client_pool.h"
#include "tools/pool/shipment.h"
#include "tools/scratch.h"
#include "tools/server_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MESSAGE_LEN = 1024,
	SIGNING_MEMBERS = 20, /* few, so that the receiver has verified their certificates before */
	FIRST_MESSAGES = 200,
	FIRST_MEMBERS = 250,
	FIRST_RSA_MEMBERS = 4,
	STATUS_CLIENTS = 4, /* connections */
};

struct bench_settings {
	enum key_type key;
	size_t size;
	int64_t duration_s;
	const char *directory;
};

static int take_key(void *field, const char *text, struct fault *fault)
{
	return parse_key_type(text, field, fault);
}

static const struct option bench_options[] = {
	{"key", 'k', false, "TYPE", take_key, offsetof(struct bench_settings, key),
	 "the type of all keys: ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, …", "ecdsa-p256"},
	{"size", 's', false, "N", take_count, offsetof(struct bench_settings, size),
	 "the size of the pool whose time is estimated", "10000"},
	{"duration", 'd', false, "DURATION", take_duration,
	 offsetof(struct bench_settings, duration_s), "how long to measure, approximately", "5s"},
	{"in", 0, false, "DIRECTORY", take_text, offsetof(struct bench_settings, directory),
	 "make the temporary directory in this one, to measure its disk", "."},
	{0},
};

/* How often a kind of work was done, and in what time. */
struct measurement {
	size_t count;
	int64_t duration_us;
};

enum bench_work { WORK_REQUEST, WORK_ENROLL, WORK_SEND, WORK_STATUS, WORK_COUNT };

/* The first client enrolls and sends, the second receives and asks for status. */
struct bench {
	const struct command *command;
	const struct bench_settings *settings;
	char *path;
	struct manifest *manifest;
	struct layout *layouts[2];
	struct server ca;
	struct server receiver;
	struct measurement measurements[WORK_COUNT];
};

static void clear_bench(struct bench *bench)
{
	drop_server(&bench->receiver);
	drop_server(&bench->ca);
	free_layout(&bench->layouts[0]);
	free_layout(&bench->layouts[1]);
	free_manifest(&bench->manifest);
	free(bench->path);
}

static struct client_node *client_at(const struct bench *bench, size_t index)
{
	return &bench->manifest->clients[index];
}

static double rate_of(const struct measurement *measurement)
{
	return measurement->duration_us > 0
		       ? (double)measurement->count * 1e6 / (double)measurement->duration_us
		       : 0;
}

/* The time since begin_us, for count more pieces of work. */
static void add_measurement(struct measurement *measurement, size_t count, int64_t begin_us)
{
	measurement->count += count;
	measurement->duration_us += read_stopwatch_us() - begin_us;
}

/* How often work of that rate (per second) fits into a share of the time: from 1 to most. */
static size_t choose_count(const struct bench *bench, double rate, double share, size_t most)
{
	double count = rate * share * (double)bench->settings->duration_s;

	if (count < 1)
		return 1;
	return count < (double)most ? (size_t)count : most;
}

/* With the widest limits, so that no policy slows the measurement. */
static int write_manifest(const struct bench *bench, const char *name, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer text = {0};
	CLEANUP(close_descriptor) int here = -1;
	const char *key = format_key_type(bench->settings->key);

	append_format(&text,
		      "version: 1\n"
		      "ca: {layout: ca, endpoint: \"http://127.0.0.1:0\", key: %s}\n"
		      "clients:\n"
		      "  client1: {pool: {size: %d, key: %s},\n"
		      "    policy: {certificates: %d, requests_per_minute: %d}}\n"
		      "  client2: {pool: {size: 1}, endpoint: \"http://127.0.0.1:0\"}\n",
		      key, POOL_SIZE_MAX, key, CERTIFICATES_MAX, REQUESTS_PER_MINUTE_MAX);
	if (check_buffer(&text, fault) < 0 || open_directory(AT_FDCWD, ".", &here, fault) < 0)
		return -1;
	return write_file(here, name, STAGE_NEW, 0644, bytes_of_buffer(&text), fault);
}

static int make_nodes(struct bench *bench, struct fault *fault)
{
	struct command quiet = *bench->command;
	const struct ca_key_settings none = {0};

	quiet.quiet = true;
	if (write_manifest(bench, "manifest.yaml", fault) < 0 ||
	    load_manifest("manifest.yaml", &bench->manifest, fault) < 0 ||
	    init_nodes(&quiet, bench->manifest, &none, NULL, 0, NULL, fault) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(bench->layouts); i++)
		if (open_layout(client_at(bench, i)->layout, &bench->layouts[i], fault) < 0)
			return -1;
	return 0;
}

static int start_servers(struct bench *bench, struct fault *fault)
{
	static const char listen[] = "http://127.0.0.1:0";
	const char *const serve[] = {"serve",    "--quiet", "--manifest", "manifest.yaml",
				     "--listen", listen,    NULL};
	const char *const receive[] = {"receive",       "client2",  "--quiet", "--manifest",
				       "manifest.yaml", "--listen", listen,    NULL};

	if (start_server(serve, &bench->ca, fault) < 0 ||
	    start_server(receive, &bench->receiver, fault) < 0)
		return -1;
	client_at(bench, 1)->endpoint = bench->receiver.endpoint;
	return 0;
}

/* Grows the pool to size; only new members are made and certified. */
static int enroll_members(struct bench *bench, size_t size, struct fault *fault)
{
	struct client_node *client = client_at(bench, 0);
	struct make_summary made = {0};
	struct enroll_summary enrolled = {0};
	int64_t begin_us = read_stopwatch_us();

	client->pool.size = size;
	if (make_client_pool(bench->command, bench->layouts[0], client, &made, fault) < 0)
		return -1;
	add_measurement(&bench->measurements[WORK_REQUEST], made.keys, begin_us);
	begin_us = read_stopwatch_us();
	if (enroll_client(bench->command, bench->layouts[0], client, &bench->ca.endpoint, &enrolled,
			  fault) < 0)
		return -1;
	add_measurement(&bench->measurements[WORK_ENROLL], enrolled.saved, begin_us);
	return 0;
}

/* Seconds to make and certify one member. */
static double member_cost(const struct bench *bench)
{
	double request = rate_of(&bench->measurements[WORK_REQUEST]);
	double enroll = rate_of(&bench->measurements[WORK_ENROLL]);

	return request > 0 && enroll > 0 ? 1 / request + 1 / enroll : 0;
}

/* The first members show how many more there is time for; their time does not count. */
static int measure_enrolling(struct bench *bench, struct fault *fault)
{
	const size_t first =
		bench->settings->key >= KEY_RSA_2048 ? FIRST_RSA_MEMBERS : FIRST_MEMBERS;
	double cost;

	if (enroll_members(bench, first, fault) < 0)
		return -1;
	cost = member_cost(bench);
	bench->measurements[WORK_REQUEST] = (struct measurement){0};
	bench->measurements[WORK_ENROLL] = (struct measurement){0};
	return enroll_members(
		bench, first + choose_count(bench, 1 / cost, 0.5, POOL_SIZE_MAX - first), fault);
}

/* A small pool signs, so that the receiver's cache of chains is warm, as in steady use. */
static int send_messages(struct bench *bench, size_t count, struct fault *fault)
{
	static const uint8_t payload[MESSAGE_LEN] = {0};
	struct client_node from = *client_at(bench, 0);
	const struct shipment shipment = {.command = bench->command,
					  .layout = bench->layouts[0],
					  .from = &from,
					  .to = client_at(bench, 1),
					  .payload = {payload, sizeof(payload)},
					  .count = count};
	struct shipment_result result = {0};
	int64_t begin_us = read_stopwatch_us();

	if (from.pool.size > SIGNING_MEMBERS)
		from.pool.size = SIGNING_MEMBERS;
	if (send_shipment(&shipment, &result, fault) < 0)
		return -1;
	add_measurement(&bench->measurements[WORK_SEND], result.verified, begin_us);
	return check_shipment(&result, fault);
}

static int measure_sending(struct bench *bench, struct fault *fault)
{
	double rate;

	if (send_messages(bench, FIRST_MESSAGES, fault) < 0)
		return -1;
	rate = rate_of(&bench->measurements[WORK_SEND]);
	bench->measurements[WORK_SEND] = (struct measurement){0};
	return send_messages(bench, choose_count(bench, rate, 0.25, COUNT_MAX), fault);
}

/* Threads that ask the CA for the status of one certificate until a time. */
struct status_load {
	const struct bench *bench;
	struct bytes certificate;
	int64_t deadline_us;
	size_t counts[STATUS_CLIENTS];
};

static int ask_until_deadline(size_t index, void *context, struct fault *fault)
{
	struct status_load *load = context;
	const struct bench *bench = load->bench;
	CLEANUP(free_status_client) struct status_client *client = NULL;
	struct status_answer answer;

	if (new_status_client(bench->layouts[1], client_at(bench, 1)->name, &bench->ca.endpoint,
			      STATUS_PATIENT, &client, fault) < 0)
		return -1;
	do {
		if (ask_status(client, load->certificate, read_clock(), &answer, fault) < 0)
			return -1;
		if (answer.status != STATUS_GOOD)
			return set_fault(fault, FAULT_UNVERIFIED,
					 "the status of a certificate at the CA: %s",
					 format_status(answer.status));
		load->counts[index]++;
	} while (read_stopwatch_us() < load->deadline_us);
	return 0;
}

static int measure_status(struct bench *bench, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer pem = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct status_load load = {.bench = bench};
	char name[FILE_NAME_SIZE];
	int64_t begin_us = read_stopwatch_us();

	name_certificate(1, name);
	if (read_file(bench->layouts[0]->cert, name, CERTIFICATE_PEM_MAX, &pem, fault) < 0 ||
	    unwrap_certificate_pem(bytes_of_buffer(&pem), &der, fault) < 0)
		return -1;
	load.certificate = bytes_of_buffer(&der);
	load.deadline_us = begin_us + bench->settings->duration_s * 250000;
	if (run_tasks(STATUS_CLIENTS, STATUS_CLIENTS, ask_until_deadline, &load, fault) < 0)
		return -1;
	for (size_t i = 0; i < STATUS_CLIENTS; i++)
		bench->measurements[WORK_STATUS].count += load.counts[i];
	add_measurement(&bench->measurements[WORK_STATUS], 0, begin_us);
	return 0;
}

static const struct {
	const char *text;
	const char *member; /* its name in the JSON object */
} works[WORK_COUNT] = {
	[WORK_REQUEST] = {"keys and requests made", "requests"},
	[WORK_ENROLL] = {"members certified", "certificates"},
	[WORK_SEND] = {"messages sent and verified", "messages"},
	[WORK_STATUS] = {"status questions answered", "status_questions"},
};

static int print_measurements_json(const struct bench *bench, struct fault *fault)
{
	CLEANUP(clear_json) struct json_line line = {0};
	const struct bench_settings *settings = bench->settings;

	add_json_text(&line, "key", format_key_type(settings->key));
	add_json_number(&line, "cores", count_cores());
	for (size_t i = 0; i < WORK_COUNT; i++) {
		const struct measurement *measurement = &bench->measurements[i];
		char name[64];

		add_json_number(&line, works[i].member, (long long)measurement->count);
		(void)snprintf(name, sizeof(name), "%s_seconds", works[i].member);
		add_json_thousandths(&line, name, measurement->duration_us / 1000);
		(void)snprintf(name, sizeof(name), "%s_per_second", works[i].member);
		add_json_thousandths(&line, name, (int64_t)(rate_of(measurement) * 1000 + 0.5));
	}
	add_json_number(&line, "pool_size", (long long)settings->size);
	add_json_thousandths(&line, "pool_seconds",
			     (int64_t)((double)settings->size * member_cost(bench) * 1000));
	return print_json(&line, fault);
}

/* In the unit and with the digits that suit the size. */
static void format_seconds(double seconds, char *ret_text, size_t size)
{
	if (seconds < 100)
		(void)snprintf(ret_text, size, "%.1f seconds", seconds);
	else if (seconds < 6000)
		(void)snprintf(ret_text, size, "%.0f minutes", seconds / 60);
	else
		(void)snprintf(ret_text, size, "%.1f hours", seconds / 3600);
}

static int print_measurements(const struct bench *bench, struct fault *fault)
{
	const struct bench_settings *settings = bench->settings;
	char duration[32];

	if (bench->command->json)
		return print_measurements_json(bench, fault);
	for (size_t i = 0; i < WORK_COUNT; i++) {
		const struct measurement *measurement = &bench->measurements[i];

		print_line("%-26s  %9zu in %6.2f s  %9.*f a second", works[i].text,
			   measurement->count, (double)measurement->duration_us / 1e6,
			   rate_of(measurement) < 100 ? 1 : 0, rate_of(measurement));
	}
	format_seconds((double)settings->size * member_cost(bench), duration, sizeof(duration));
	print_line("A pool of %zu, keys of %s, would take %s.", settings->size,
		   format_key_type(settings->key), duration);
	return 0;
}

static int measure(struct bench *bench, struct fault *fault)
{
	if (make_nodes(bench, fault) < 0 || start_servers(bench, fault) < 0 ||
	    measure_enrolling(bench, fault) < 0 || measure_sending(bench, fault) < 0 ||
	    measure_status(bench, fault) < 0)
		return -1;
	return stop_server(&bench->receiver, fault) < 0 ? -1 : stop_server(&bench->ca, fault);
}

static int run_bench(const struct command *command, const void *settings, struct fault *fault)
{
	const struct bench_settings *given = settings;
	CLEANUP(clear_bench) struct bench bench = {.command = command, .settings = given};

	if (enter_scratch(given->directory, "certpool-bench", &bench.path, fault) < 0)
		return -1;
	print_note(command, "measures in %s, which is removed at the end", bench.path);
	if (chdir(bench.path) < 0)
		return set_errno_fault(fault, "%s", bench.path);
	if (measure(&bench, fault) < 0)
		return -1;
	return print_measurements(&bench, fault);
}

const struct verb bench_verb = {
	.name = "bench",
	.group = VERB_LOOKING,
	.operands = "",
	.summary = "measure this machine: how long a pool would take",
	.details =
		"Makes a CA and two clients in a temporary directory, enrolls, sends messages and\n"
		"asks the CA for status, all in about --duration, and prints how much of each was\n"
		"done in a second. Uses all cores and the disk of --in, and no manifest.\n",
	.example = "certpool bench --duration 1s\n",
	.options = bench_options,
	.settings_size = sizeof(struct bench_settings),
	.run = run_bench,
};
