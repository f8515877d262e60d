#include "common/x509/serial.h"

#include "common/base/hex.h"
#include "common/base/random.h"

#include <string.h>

int generate_serial(uint8_t ret_serial[static SERIAL_MAX], struct fault *fault)
{
	do {
		if (fill_random(ret_serial, SERIAL_MAX, fault) < 0)
			return -1;
		ret_serial[0] &= 0x7f;
	} while (ret_serial[0] == 0);
	return 0;
}

void format_serial(struct bytes serial, char ret_text[static SERIAL_TEXT_SIZE])
{
	size_t len = serial.len < SERIAL_MAX ? serial.len : SERIAL_MAX;

	format_hex((struct bytes){serial.data, len}, ret_text);
}

static const char *skip_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

bool is_hexadecimal(const char *text)
{
	const char *digits = skip_prefix(text);

	return *digits != '\0' && *digits != ':' && digits[strspn(digits, ":")] != '\0' &&
	       digits[strspn(digits, "0123456789abcdefABCDEF:")] == '\0';
}

static int refuse(const char *text, struct fault *fault)
{
	size_t digits = 0;

	if (!is_hexadecimal(text))
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a serial, %d hexadecimal digits, found \"%.64s\"",
				 2 * SERIAL_MAX, text);
	for (const char *c = skip_prefix(text); *c != '\0'; c++)
		digits += *c != ':';
	if (digits != 2 * SERIAL_MAX)
		return set_fault(fault, FAULT_MALFORMED,
				 "expected a serial of %d hexadecimal digits, found %zu: "
				 "\"%.64s\"",
				 2 * SERIAL_MAX, digits, text);
	return set_fault(fault, FAULT_MALFORMED,
			 "expected a serial with a colon after every two digits, or with none, "
			 "found \"%.64s\"",
			 text);
}

int parse_serial(const char *text, uint8_t ret_serial[static SERIAL_MAX], struct fault *fault)
{
	const char *digits = skip_prefix(text);
	size_t step = strchr(digits, ':') != NULL ? 3 : 2;
	uint8_t serial[SERIAL_MAX];

	if (strlen(digits) != step * SERIAL_MAX - (step - 2))
		return refuse(text, fault);
	for (size_t i = 0; i < SERIAL_MAX; i++) {
		const char *octet = digits + step * i;

		if (hex_value(octet[0]) < 0 || hex_value(octet[1]) < 0 ||
		    (step == 3 && i > 0 && octet[-1] != ':'))
			return refuse(text, fault);
		serial[i] = (uint8_t)(hex_value(octet[0]) << 4 | hex_value(octet[1]));
	}
	memcpy(ret_serial, serial, SERIAL_MAX);
	return 0;
}
