#include "common/ca/store/postgresql/parameters.h"

#include <limits.h>
#include <string.h>

void translate_sql(const char *sql, struct buffer *ret_sql, size_t *ret_count)
{
	size_t greatest = 0;

	append_string(ret_sql, sql);
	if (ret_sql->failed)
		return;
	for (char *at = strchr((char *)ret_sql->data, '?'); at != NULL; at = strchr(at, '?')) {
		size_t number = 0;

		*at++ = '$';
		for (; *at >= '0' && *at <= '9'; at++)
			number = number * 10 + (size_t)(*at - '0');
		greatest = number > greatest ? number : greatest;
	}
	*ret_count = greatest;
}

static void put_big_endian(uint64_t number, size_t len, uint8_t *ret_octets)
{
	for (size_t i = 0; i < len; i++)
		ret_octets[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
}

static uint64_t get_big_endian(const char *octets, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | (uint8_t)octets[i];
	return number;
}

static void set_octets(struct pg_parameters *parameters, unsigned int type, struct bytes octets)
{
	int at = parameters->count++;

	parameters->types[at] = type;
	/* NULL would be the value NULL. */
	parameters->values[at] = octets.data != NULL ? (const char *)octets.data : "";
	parameters->lengths[at] = (int)octets.len;
	parameters->formats[at] = 1;
}

int add_parameter(struct pg_parameters *parameters, const struct value *value, struct fault *fault)
{
	uint8_t *number = parameters->numbers[parameters->count];

	if (value->bytes.len > INT_MAX)
		return set_fault(fault, FAULT_FAILED, "a value of a statement is too large");
	switch (value->kind) {
	case VALUE_NONE:
		set_octets(parameters, 0, (struct bytes){0});
		parameters->values[parameters->count - 1] = NULL;
		return 0;
	case VALUE_NUMBER:
		put_big_endian((uint64_t)value->number, sizeof(int64_t), number);
		set_octets(parameters, TYPE_INT8, (struct bytes){number, sizeof(int64_t)});
		return 0;
	case VALUE_TEXT:
		set_octets(parameters, TYPE_TEXT, value->bytes);
		return 0;
	case VALUE_OCTETS:
		set_octets(parameters, TYPE_BYTEA, value->bytes);
		return 0;
	case VALUE_OTHER:
		break;
	}
	return set_fault(fault, FAULT_FAILED, "a value of a statement has no kind of the record's");
}

static void append_number(struct buffer *buffer, uint64_t number, size_t len)
{
	uint8_t octets[sizeof(uint64_t)];

	put_big_endian(number, len, octets);
	append_bytes(buffer, (struct bytes){octets, len});
}

/* array_send: dimensions, whether there are NULLs, type, length, lower bound; then the values. */
int append_array(struct buffer *buffer, enum value_kind kind, const struct value *values,
		 size_t stride, size_t count, struct fault *fault)
{
	const unsigned int type = kind == VALUE_NUMBER ? TYPE_INT8
				  : kind == VALUE_TEXT ? TYPE_TEXT
						       : TYPE_BYTEA;
	const uint64_t header[] = {1, 1, type, count, 1};

	for (size_t i = 0; i < COUNT_OF(header); i++)
		append_number(buffer, header[i], 4);
	for (size_t i = 0; i < count; i++) {
		const struct value *value = &values[i * stride];

		if (value->kind == VALUE_NONE) {
			append_number(buffer, UINT32_MAX, 4);
			continue;
		}
		if (value->kind != kind || value->bytes.len > INT_MAX)
			return set_fault(fault, FAULT_FAILED,
					 "a value of a batch has another kind than its column");
		if (kind == VALUE_NUMBER) {
			append_number(buffer, sizeof(int64_t), 4);
			append_number(buffer, (uint64_t)value->number, sizeof(int64_t));
			continue;
		}
		append_number(buffer, value->bytes.len, 4);
		append_bytes(buffer, value->bytes);
	}
	return check_buffer(buffer, fault);
}

void add_array_parameter(struct pg_parameters *parameters, enum value_kind kind,
			 const struct buffer *array)
{
	const unsigned int type = kind == VALUE_NUMBER ? TYPE_INT8_ARRAY
				  : kind == VALUE_TEXT ? TYPE_TEXT_ARRAY
						       : TYPE_BYTEA_ARRAY;

	set_octets(parameters, type, bytes_of_buffer(array));
}

struct value read_pg_value(unsigned int type, const char *data, int len)
{
	struct value value = {.kind = VALUE_OTHER, .bytes = {(const uint8_t *)data, (size_t)len}};

	switch (type) {
	case TYPE_INT8:
		value.kind = VALUE_NUMBER;
		value.number = (int64_t)get_big_endian(data, sizeof(int64_t));
		break;
	case TYPE_INT4:
		value.kind = VALUE_NUMBER;
		value.number = (int32_t)(uint32_t)get_big_endian(data, sizeof(int32_t));
		break;
	case TYPE_INT2:
		value.kind = VALUE_NUMBER;
		value.number = (int16_t)(uint16_t)get_big_endian(data, sizeof(int16_t));
		break;
	case TYPE_BOOL:
		value.kind = VALUE_NUMBER;
		value.number = data[0] != 0;
		break;
	case TYPE_TEXT:
	case TYPE_VARCHAR:
	case TYPE_NAME:
		value.kind = VALUE_TEXT;
		break;
	case TYPE_BYTEA:
		value.kind = VALUE_OCTETS;
		break;
	default:
		break;
	}
	return value;
}

int64_t read_pg_number(const struct libpq *libpq, const struct pg_result *result, int row,
		       int column)
{
	return read_pg_value(libpq->ftype(result, column), libpq->getvalue(result, row, column),
			     libpq->getlength(result, row, column))
		.number;
}
