#include "common/layout/run_steps.h"

#include "common/layout/field.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 1000000 };

/* What the tables below read a step into. */
struct step_reading {
	struct run_step step;
	const struct manifest *manifest;
};

static int find_index(const struct yaml_node *value, const struct manifest *manifest,
		      size_t *ret_index, struct fault *fault)
{
	struct fault found = {0};
	const struct client_node *client;

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	client = find_client(manifest, value->text, &found);
	if (client == NULL)
		return set_value_fault(value, fault, "%s", found.text);
	*ret_index = (size_t)(client - manifest->clients);
	return 0;
}

static int set_client(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	const struct step_reading *reading = object;

	return find_index(value, reading->manifest,
			  (size_t *)(void *)((char *)object + field->offset), fault);
}

static const struct field send_fields[] = {
	{.name = "from",
	 .set = set_client,
	 .offset = offsetof(struct step_reading, step.from),
	 .required = true},
	{.name = "to",
	 .set = set_client,
	 .offset = offsetof(struct step_reading, step.to),
	 .required = true},
	{.name = "text",
	 .set = set_text,
	 .offset = offsetof(struct step_reading, step.text),
	 .required = true,
	 .high = MESSAGE_SIZE_MAX},
	{.name = "count",
	 .set = set_number,
	 .offset = offsetof(struct step_reading, step.count),
	 .fallback = "1",
	 .low = 1,
	 .high = COUNT_MAX},
	{0},
};

static const struct field verify_fields[] = {
	{.name = "by",
	 .set = set_client,
	 .offset = offsetof(struct step_reading, step.by),
	 .required = true},
	{.name = "online",
	 .set = set_flag,
	 .offset = offsetof(struct step_reading, step.online),
	 .fallback = "false"},
	{0},
};

/* Refuses a client that one step names twice. */
static int check_clients(const struct yaml_node *value, const struct run_step *step,
			 size_t client_count, struct fault *fault)
{
	bool *seen = calloc(client_count, sizeof(*seen));
	int result = 0;

	if (seen == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < step->client_count && result == 0; i++) {
		if (seen[step->clients[i]])
			result = set_value_fault(value->children[i], fault,
						 "expected each client once, found %s again",
						 value->children[i]->text);
		seen[step->clients[i]] = true;
	}
	free(seen);
	return result;
}

static int read_clients(const struct yaml_node *value, struct step_reading *reading,
			struct fault *fault)
{
	struct run_step *step = &reading->step;

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	if (value->count == 0)
		return set_value_fault(value, fault, "expected clients, found an empty list");
	step->clients = calloc(value->count, sizeof(*step->clients));
	if (step->clients == NULL)
		return set_memory_fault(fault);
	for (; step->client_count < value->count; step->client_count++)
		if (find_index(value->children[step->client_count], reading->manifest,
			       &step->clients[step->client_count], fault) < 0)
			return -1;
	return check_clients(value, step, reading->manifest->client_count, fault);
}

static int set_enroll(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct step_reading *reading = object;

	(void)field;
	reading->step.kind = STEP_ENROLL;
	return read_clients(value, reading, fault);
}

static int set_renew(const struct yaml_node *value, const struct field *field, void *object,
		     struct fault *fault)
{
	struct step_reading *reading = object;

	(void)field;
	reading->step.kind = STEP_RENEW;
	return read_clients(value, reading, fault);
}

static int check_send(const struct yaml_node *value, const struct step_reading *reading,
		      struct fault *fault)
{
	const struct run_step *step = &reading->step;
	const struct client_node *from = &reading->manifest->clients[step->from];
	const struct client_node *to = &reading->manifest->clients[step->to];
	const struct client_node *strict = from->message_limit < to->message_limit ? from : to;

	if (step->from == step->to)
		return set_value_fault(find_entry(value, "to"), fault,
				       "expected another client than the sender, found it");
	if (!to->has_endpoint)
		return set_value_fault(find_entry(value, "to"), fault,
				       "expected a client that receives, found %s, which has no "
				       "endpoint: give it one",
				       to->name);
	if (strlen(step->text) > strict->message_limit)
		return set_value_fault(find_entry(value, "text"), fault,
				       "expected at most %zu octets, the message_limit of %s, "
				       "found %zu",
				       strict->message_limit, strict->name, strlen(step->text));
	return 0;
}

static int set_send(const struct yaml_node *value, const struct field *field, void *object,
		    struct fault *fault)
{
	struct step_reading *reading = object;

	(void)field;
	reading->step.kind = STEP_SEND;
	if (read_fields(value, send_fields, reading, fault) < 0)
		return -1;
	return check_send(value, reading, fault);
}

static int set_verify(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct step_reading *reading = object;

	(void)field;
	reading->step.kind = STEP_VERIFY;
	return read_fields(value, verify_fields, reading, fault);
}

static const struct field step_fields[] = {
	{.name = "enroll", .set = set_enroll},
	{.name = "renew", .set = set_renew},
	{.name = "send", .set = set_send},
	{.name = "verify", .set = set_verify},
	{0},
};

static int read_step(const struct yaml_node *value, struct step_reading *reading,
		     struct fault *fault)
{
	reading->step.line = (int)value->line;
	if (expect_kind(value, YAML_MAPPING, fault) < 0)
		return -1;
	if (value->count != 1)
		return set_value_fault(value, fault,
				       "expected one of enroll, renew, send and verify in a step, "
				       "found %zu keys",
				       value->count);
	return read_fields(value, step_fields, reading, fault);
}

static void clear_step(struct run_step *step)
{
	free(step->clients);
	free(step->text);
	*step = (struct run_step){0};
}

int read_run_steps(const struct yaml_node *batch, struct manifest *manifest, struct fault *fault)
{
	if (expect_kind(batch, YAML_LIST, fault) < 0)
		return -1;
	if (batch->count == 0)
		return 0;
	manifest->steps = calloc(batch->count, sizeof(*manifest->steps));
	if (manifest->steps == NULL)
		return set_memory_fault(fault);
	for (; manifest->step_count < batch->count; manifest->step_count++) {
		struct step_reading reading = {.manifest = manifest};

		if (read_step(batch->children[manifest->step_count], &reading, fault) < 0) {
			clear_step(&reading.step);
			return -1;
		}
		manifest->steps[manifest->step_count] = reading.step;
	}
	return 0;
}

void free_run_steps(struct run_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		clear_step(&steps[i]);
	free(steps);
}
