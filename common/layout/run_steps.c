#include "common/layout/run_steps.h"

#include "common/layout/field.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 1000000 };

/* The object of the tables below: a step, and the clients that it may name. */
struct step_context {
	struct run_step step;
	const struct client_node *clients;
	size_t client_count;
};

static int find_index(const struct yaml_node *value, const struct step_context *context,
		      size_t *ret_index, struct fault *fault)
{
	struct fault problem = {0};
	const struct client_node *client;

	if (expect_kind(value, YAML_SCALAR, fault) < 0)
		return -1;
	client = find_client_node(context->clients, context->client_count, value->file, value->text,
				  &problem);
	if (client == NULL)
		return set_value_fault(value, fault, "%s", problem.text);
	*ret_index = (size_t)(client - context->clients);
	return 0;
}

static int set_client(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	const struct step_context *context = object;

	return find_index(value, context, (size_t *)(void *)((char *)object + field->offset),
			  fault);
}

static const struct field send_fields[] = {
	{.name = "from",
	 .set = set_client,
	 .offset = offsetof(struct step_context, step.from),
	 .required = true},
	{.name = "to",
	 .set = set_client,
	 .offset = offsetof(struct step_context, step.to),
	 .required = true},
	{.name = "text",
	 .set = set_text,
	 .offset = offsetof(struct step_context, step.text),
	 .required = true,
	 .high = MESSAGE_SIZE_MAX},
	{.name = "count",
	 .set = set_number,
	 .offset = offsetof(struct step_context, step.count),
	 .fallback = "1",
	 .low = 1,
	 .high = COUNT_MAX},
	{0},
};

static const struct field verify_fields[] = {
	{.name = "by",
	 .set = set_client,
	 .offset = offsetof(struct step_context, step.by),
	 .required = true},
	{.name = "online",
	 .set = set_flag,
	 .offset = offsetof(struct step_context, step.online),
	 .fallback = "false"},
	{0},
};

/* Refuses a client that one step names twice. */
static int check_repetition(const struct yaml_node *value, const struct run_step *step,
			    size_t client_count, struct fault *fault)
{
	bool *named = calloc(client_count, sizeof(*named));
	int result = 0;

	if (named == NULL)
		return set_memory_fault(fault);
	for (size_t i = 0; i < step->client_count && result == 0; i++) {
		if (named[step->clients[i]])
			result = set_value_fault(value->children[i], fault,
						 "expected each client once, found %s again",
						 value->children[i]->text);
		named[step->clients[i]] = true;
	}
	free(named);
	return result;
}

static int read_step_clients(const struct yaml_node *value, struct step_context *context,
			     struct fault *fault)
{
	struct run_step *step = &context->step;

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	if (value->count == 0)
		return set_value_fault(value, fault, "expected clients, found an empty list");
	step->clients = calloc(value->count, sizeof(*step->clients));
	if (step->clients == NULL)
		return set_memory_fault(fault);
	for (; step->client_count < value->count; step->client_count++)
		if (find_index(value->children[step->client_count], context,
			       &step->clients[step->client_count], fault) < 0)
			return -1;
	return check_repetition(value, step, context->client_count, fault);
}

static int set_enroll(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct step_context *context = object;

	(void)field;
	context->step.kind = STEP_ENROLL;
	return read_step_clients(value, context, fault);
}

static int set_renew(const struct yaml_node *value, const struct field *field, void *object,
		     struct fault *fault)
{
	struct step_context *context = object;

	(void)field;
	context->step.kind = STEP_RENEW;
	return read_step_clients(value, context, fault);
}

static int check_send(const struct yaml_node *value, const struct step_context *context,
		      struct fault *fault)
{
	const struct run_step *step = &context->step;
	const struct client_node *from = &context->clients[step->from];
	const struct client_node *to = &context->clients[step->to];
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
	struct step_context *context = object;

	(void)field;
	context->step.kind = STEP_SEND;
	if (read_fields(value, send_fields, context, fault) < 0)
		return -1;
	return check_send(value, context, fault);
}

static int set_verify(const struct yaml_node *value, const struct field *field, void *object,
		      struct fault *fault)
{
	struct step_context *context = object;

	(void)field;
	context->step.kind = STEP_VERIFY;
	return read_fields(value, verify_fields, context, fault);
}

static const struct field step_fields[] = {
	{.name = "enroll", .set = set_enroll},
	{.name = "renew", .set = set_renew},
	{.name = "send", .set = set_send},
	{.name = "verify", .set = set_verify},
	{0},
};

static int read_step(const struct yaml_node *value, struct step_context *context,
		     struct fault *fault)
{
	context->step.line = (int)value->line;
	if (expect_kind(value, YAML_MAPPING, fault) < 0)
		return -1;
	if (value->count != 1)
		return set_value_fault(value, fault,
				       "expected one of enroll, renew, send and verify in a step, "
				       "found %zu keys",
				       value->count);
	return read_fields(value, step_fields, context, fault);
}

int read_run_steps(const struct yaml_node *value, const struct client_node *clients,
		   size_t client_count, struct run_step **ret_steps, size_t *ret_count,
		   struct fault *fault)
{
	struct run_step *steps = NULL;

	if (expect_kind(value, YAML_LIST, fault) < 0)
		return -1;
	if (value->count > 0) {
		steps = calloc(value->count, sizeof(*steps));
		if (steps == NULL)
			return set_memory_fault(fault);
	}
	for (size_t i = 0; i < value->count; i++) {
		struct step_context context = {.clients = clients, .client_count = client_count};
		int result = read_step(value->children[i], &context, fault);

		steps[i] = context.step;
		if (result == 0)
			continue;
		free_run_steps(steps, value->count);
		return -1;
	}
	*ret_steps = steps;
	*ret_count = value->count;
	return 0;
}

void free_run_steps(struct run_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(steps[i].clients);
		free(steps[i].text);
	}
	free(steps);
}
