#include "tests/bench/parts/load_settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const char load_usage[] =
	"usage: load [--connections N] [--seconds S | --requests N] [--while PROCESS]\n"
	"            [--method GET|POST] [--content-type TYPE] [--header FIELD]\n"
	"            [--body FILE]... [--lines FILE] [--may-be-empty]\n"
	"            [--roots FILE] [--handshakes full|resumed] URL\n"
	"       load --hello FILE\n"
	"Asks URL (at 127.0.0.1 or [::1]) from 4 connections for 3 seconds, or as told, and no "
	"longer\n"
	"than PROCESS runs; POST when there is a body. Several bodies are sent in turn;\n"
	"a body in each line of FILE is sent once. --handshakes: each request has a connection,\n"
	"with the ticket of the one before or without. --hello: writes what a client says first.\n";

static const struct option options[] = {
	{"connections", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 's'},
	{"requests", required_argument, NULL, 'r'},
	{"method", required_argument, NULL, 'm'},
	{"content-type", required_argument, NULL, 't'},
	{"body", required_argument, NULL, 'b'},
	{"lines", required_argument, NULL, 'l'},
	{"may-be-empty", no_argument, NULL, 'e'},
	{"while", required_argument, NULL, 'w'},
	{"header", required_argument, NULL, 'h'},
	{"roots", required_argument, NULL, 'R'},
	{"handshakes", required_argument, NULL, 'k'},
	{"hello", required_argument, NULL, 'o'},
	{0},
};

static bool take_option(struct load_settings *settings, int option, const char *value)
{
	switch (option) {
	case 'c':
		settings->connections = (unsigned int)strtoul(value, NULL, 10);
		return settings->connections >= 1 && settings->connections <= CONNECTIONS_MAX;
	case 's':
		settings->seconds = strtod(value, NULL);
		return settings->seconds > 0;
	case 'r':
		settings->requests = strtoull(value, NULL, 10);
		settings->seconds = 0;
		return settings->requests > 0;
	case 'w':
		settings->process = (pid_t)strtol(value, NULL, 10);
		return settings->process > 0;
	case 'm':
		settings->method = value;
		return strcmp(value, "GET") == 0 || strcmp(value, "POST") == 0;
	case 't':
		settings->content_type = value;
		return true;
	case 'h':
		settings->header = value;
		return true;
	case 'b':
		if (settings->body_count == BODIES_MAX)
			return false;
		settings->bodies[settings->body_count++] = value;
		return true;
	case 'l':
		settings->lines = value;
		return true;
	case 'e':
		settings->may_be_empty = true;
		return true;
	case 'R':
		settings->roots = value;
		return true;
	case 'k':
		settings->handshakes =
			strcmp(value, "full") == 0 ? HANDSHAKES_FULL : HANDSHAKES_RESUMED;
		return strcmp(value, "full") == 0 || strcmp(value, "resumed") == 0;
	case 'o':
		settings->hello = value;
		return true;
	default:
		return false;
	}
}

int parse_load_settings(int count, char **arguments, struct load_settings *ret_settings,
			struct fault *fault)
{
	int option;

	*ret_settings = (struct load_settings){
		.content_type = "application/octet-stream", .connections = 4, .seconds = 3};
	while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
		if (!take_option(ret_settings, option, optarg))
			return set_fault(fault, FAULT_USAGE, "an option was not understood");
	if (ret_settings->hello != NULL)
		return 0;
	if (optind + 1 != count)
		return set_fault(fault, FAULT_USAGE, "expected one URL");
	if (ret_settings->method == NULL)
		ret_settings->method = ret_settings->body_count > 0 || ret_settings->lines != NULL
					       ? "POST"
					       : "GET";
	return parse_url(arguments[optind], &ret_settings->endpoint, ret_settings->path, fault);
}
