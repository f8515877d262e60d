/*
 * The parser of command lines. A table of slots, one for each option that the verb may have,
 * collects what the command line gives; then each slot is set from there, from the environment or
 * from its default.
 */
#include "tools/options.h"

#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "common/base/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option common_options[] = {
	{"manifest", 'm', false, "FILE", take_text, offsetof(struct command, manifest),
	 "the manifest", "manifest.yaml"},
	{"json", 0, false, NULL, take_switch, offsetof(struct command, json),
	 "print JSON, one object a line", NULL},
	{"quiet", 'q', false, NULL, take_switch, offsetof(struct command, quiet),
	 "print nothing on standard error but what went wrong", NULL},
	{"help", 'h', true, NULL, take_switch, offsetof(struct command, help), "show this help",
	 NULL},
	{"version", 'V', true, NULL, take_switch, offsetof(struct command, version),
	 "show the version", NULL},
	{0},
};

/* An option that this command line may have, and its value there. */
struct option_slot {
	const struct option *option;
	void *base; /* the struct that the option's offset counts from */
	/* On the command line; only a repeatable option may have several. */
	const char *given[TEXTS_MAX];
	size_t given_count;
};

struct option_slots {
	struct option_slot slots[OPTIONS_MAX];
	size_t count;
};

/* The environment can switch an option off too; the command line can only switch it on. */
int take_switch(void *field, const char *text, struct fault *fault)
{
	static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*(bool *)field = i % 2 == 1;
			return 0;
		}
	}
	return set_fault(fault, FAULT_USAGE, "expected 1 or 0, found \"%s\"", text);
}

int take_text(void *field, const char *text, struct fault *fault)
{
	if (*text == '\0')
		return set_fault(fault, FAULT_USAGE, "expected a value, found an empty one");
	*(const char **)field = text;
	return 0;
}

int take_texts(void *field, const char *text, struct fault *fault)
{
	struct text_list *list = field;

	if (take_text(&list->items[list->count], text, fault) < 0)
		return -1;
	list->count++;
	return 0;
}

int take_count(void *field, const char *text, struct fault *fault)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value = digits <= 9 ? strtoul(text, NULL, 10) : 0;

	if (text[digits] != '\0' || value < 1 || value > COUNT_MAX)
		return set_fault(fault, FAULT_USAGE,
				 "expected a whole number from 1 to %d, found \"%s\"", COUNT_MAX,
				 text);
	*(size_t *)field = value;
	return 0;
}

int take_instant(void *field, const char *text, struct fault *fault)
{
	struct instant *instant = field;
	int64_t time_s;

	if (parse_time(text, &time_s, fault) < 0)
		return -1;
	instant->given = true;
	instant->time_s = time_s;
	return 0;
}

int take_duration(void *field, const char *text, struct fault *fault)
{
	return parse_duration(text, field, fault);
}

int take_endpoint(void *field, const char *text, struct fault *fault)
{
	return parse_endpoint(text, field, fault);
}

int take_endpoints(void *field, const char *text, struct fault *fault)
{
	struct endpoint_list *list = field;

	if (parse_endpoint(text, &list->endpoints[list->count], fault) < 0)
		return -1;
	list->count++;
	return 0;
}

void name_variable(const struct option *option, char ret_name[static VARIABLE_SIZE])
{
	(void)snprintf(ret_name, VARIABLE_SIZE, VARIABLE_PREFIX "%s", option->name);
	for (char *c = ret_name; *c != '\0'; c++) {
		if (*c == '-')
			*c = '_';
		else if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
}

bool has_variable(const struct verb *verb, const struct option *option)
{
	if (option->no_environment)
		return false;
	for (const struct option *common = common_options; common->name != NULL; common++)
		if (common == option)
			return true;
	return !verb->irrevocable;
}

static void add_slots(struct option_slots *slots, const struct option *options, void *base)
{
	for (; options != NULL && options->name != NULL && slots->count < OPTIONS_MAX; options++)
		slots->slots[slots->count++] =
			(struct option_slot){.option = options, .base = base};
}

static struct option_slot *find_long(struct option_slots *slots, const char *name, size_t len)
{
	for (size_t i = 0; i < slots->count; i++) {
		const char *candidate = slots->slots[i].option->name;

		if (strlen(candidate) == len && strncmp(candidate, name, len) == 0)
			return &slots->slots[i];
	}
	return NULL;
}

static struct option_slot *find_letter(struct option_slots *slots, char letter)
{
	for (size_t i = 0; i < slots->count; i++)
		if (slots->slots[i].option->letter == letter)
			return &slots->slots[i];
	return NULL;
}

static int refuse_option(const struct option_slots *slots, const char *option,
			 const struct verb *verb, struct fault *fault)
{
	char name[NAME_SIZE];
	struct nearest_name meant = {.word = name};
	const char *begin = option + strspn(option, "-");

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(begin, "="), begin);
	for (size_t i = 0; i < slots->count; i++)
		compare_name(&meant, slots->slots[i].option->name);
	if (meant.nearest != NULL)
		return set_fault(fault, FAULT_USAGE, "%s: no such option: did you mean --%s?",
				 option, meant.nearest);
	return set_fault(fault, FAULT_USAGE, "%s: no such option: see certpool help %s", option,
			 verb->name);
}

/* Of an option that is given again the last value counts, unless it may be repeated. */
static int give_value(struct option_slot *slot, const char *value, struct fault *fault)
{
	if (slot->option->set != take_texts && slot->option->set != take_endpoints)
		slot->given_count = 0;
	if (slot->given_count == TEXTS_MAX)
		return set_fault(fault, FAULT_USAGE, "--%s: expected at most %d times, found more",
				 slot->option->name, TEXTS_MAX);
	slot->given[slot->given_count++] = value;
	return 0;
}

/* The value is attached to the option, or else is the next argument. */
static int take_value(struct option_slot *slot, const char *attached, const char ***next,
		      struct fault *fault)
{
	if (attached == NULL)
		attached = **next;
	else
		(*next)--;
	if (attached == NULL)
		return set_fault(fault, FAULT_USAGE, "--%s: expected a value after it (%s)",
				 slot->option->name, slot->option->argument);
	(*next)++;
	return give_value(slot, attached, fault);
}

/* --name, --name=value, --name value */
static int parse_long(struct option_slots *slots, const struct verb *verb, const char *argument,
		      const char ***next, struct fault *fault)
{
	const char *name = argument + 2;
	size_t len = strcspn(name, "=");
	const char *attached = name[len] == '=' ? name + len + 1 : NULL;
	struct option_slot *slot = find_long(slots, name, len);

	if (slot == NULL)
		return refuse_option(slots, argument, verb, fault);
	if (slot->option->argument != NULL)
		return take_value(slot, attached, next, fault);
	if (attached != NULL)
		return set_fault(fault, FAULT_USAGE, "--%s: takes no value, found \"%s\"",
				 slot->option->name, attached);
	return give_value(slot, "1", fault);
}

/* -q, -m value, -mvalue, -qm value */
static int parse_short(struct option_slots *slots, const struct verb *verb, const char *argument,
		       const char ***next, struct fault *fault)
{
	for (const char *letter = argument + 1; *letter != '\0'; letter++) {
		struct option_slot *slot = find_letter(slots, *letter);

		if (slot == NULL)
			return refuse_option(slots, argument, verb, fault);
		if (slot->option->argument != NULL)
			return take_value(slot, letter[1] != '\0' ? letter + 1 : NULL, next, fault);
		if (give_value(slot, "1", fault) < 0)
			return -1;
	}
	return 0;
}

/* Options fill their slots; operands move to the front of the arguments. */
static int sort_arguments(struct option_slots *slots, const struct verb *verb,
			  const char **arguments, size_t *ret_operands, struct fault *fault)
{
	const char **next = arguments;
	bool options = true;
	size_t operands = 0;

	while (*next != NULL) {
		const char *argument = *next++;
		int result = 0;

		if (!options || argument[0] != '-' || argument[1] == '\0')
			arguments[operands++] = argument;
		else if (strcmp(argument, "--") == 0)
			options = false;
		else if (argument[1] == '-')
			result = parse_long(slots, verb, argument, &next, fault);
		else
			result = parse_short(slots, verb, argument, &next, fault);
		if (result < 0)
			return -1;
	}
	*ret_operands = operands;
	return 0;
}

/* The context of a message says where the value came from. */
static int set_slot(const struct option_slot *slot, const struct verb *verb, struct fault *fault)
{
	const struct option *option = slot->option;
	void *field = (char *)slot->base + option->offset;
	const char *value = option->initial;
	char variable[VARIABLE_SIZE];
	const char *from_environment;

	for (size_t i = 0; i < slot->given_count; i++)
		if (option->set(field, slot->given[i], fault) < 0)
			return prefix_fault(fault, "--%s", option->name);
	if (slot->given_count > 0)
		return 0;
	name_variable(option, variable);
	from_environment = has_variable(verb, option) ? getenv(variable) : NULL;
	if (from_environment != NULL && *from_environment != '\0')
		return option->set(field, from_environment, fault) == 0
			       ? 0
			       : prefix_fault(fault, "environment, %s", variable);
	return value != NULL ? option->set(field, value, fault) : 0;
}

static int check_operands(const struct verb *verb, size_t count, struct fault *fault)
{
	if (count >= verb->fewest && count <= verb->most)
		return 0;
	return set_fault(fault, FAULT_USAGE, "expected %s, found %s: see certpool help %s",
			 verb->expected != NULL ? verb->expected : "no argument",
			 count == 0 ? "none" : counted(count, "argument", "arguments").text,
			 verb->name);
}

int parse_command(const struct verb *verb, const char **arguments, struct command *ret_command,
		  void *ret_settings, struct fault *fault)
{
	struct command command = {.verb = verb, .operands = arguments};
	struct option_slots slots = {0};

	add_slots(&slots, common_options, &command);
	add_slots(&slots, verb->options, ret_settings);
	if (sort_arguments(&slots, verb, arguments, &command.operand_count, fault) < 0)
		return -1;
	for (size_t i = 0; i < slots.count; i++)
		if (set_slot(&slots.slots[i], verb, fault) < 0)
			return -1;
	if (!command.help && !command.version &&
	    check_operands(verb, command.operand_count, fault) < 0)
		return -1;
	*ret_command = command;
	return 0;
}
