#include "common/ca/backup/copy_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clear_copy_plan(struct copy_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		clear_buffer(&plan->tables[i].select);
		clear_buffer(&plan->tables[i].empty);
		clear_buffer(&plan->tables[i].update);
	}
	free(plan->tables);
}

static int add_column(struct copy_plan *plan, const char *table, const char *column, int64_t kind,
		      struct fault *fault)
{
	struct table_plan *last = plan->count > 0 ? &plan->tables[plan->count - 1] : NULL;
	size_t at;

	if (last == NULL || strcmp(last->name, table) != 0) {
		if (plan->count == COPIED_TABLES_MAX)
			return set_fault(fault, FAULT_FAILED, "the record has too many tables");
		last = &plan->tables[plan->count++];
		(void)snprintf(last->name, sizeof(last->name), "%s", table);
		last->table.name = last->name;
		last->one_row = strcmp(table, "state") == 0;
	}
	at = last->table.column_count;
	if (at == TABLE_COLUMNS_MAX || kind < VALUE_NUMBER || kind > VALUE_OCTETS)
		return set_fault(fault, FAULT_FAILED,
				 "%s.%s: a column that this certpool cannot copy", table, column);
	(void)snprintf(last->columns[at], NAME_SIZE, "%s", column);
	last->table.columns[at].name = last->columns[at];
	last->table.columns[at].kind = (enum value_kind)kind;
	last->table.column_count++;
	return 0;
}

static int compose_statements(struct table_plan *plan, struct fault *fault)
{
	append_string(&plan->select, "SELECT ");
	append_string(&plan->update, "UPDATE state SET ");
	for (size_t i = 0; i < plan->table.column_count; i++) {
		const char *separator = i > 0 ? ", " : "";

		append_format(&plan->select, "%s%s", separator, plan->columns[i]);
		append_format(&plan->update, "%s%s = ?%zu", separator, plan->columns[i], i + 1);
	}
	append_format(&plan->select, " FROM %s", plan->name);
	append_format(&plan->empty, "DELETE FROM %s", plan->name);
	if (check_buffer(&plan->select, fault) < 0 || check_buffer(&plan->update, fault) < 0)
		return -1;
	return check_buffer(&plan->empty, fault);
}

/* What the record consists of: its database says so. */
int read_copy_plan(struct transaction *transaction, struct copy_plan *ret_plan, struct fault *fault)
{
	CLEANUP(clear_copy_plan)
	struct copy_plan plan = {.tables = calloc(COPIED_TABLES_MAX, sizeof(*plan.tables))};
	CLEANUP(close_rows) struct rows rows = {0};
	bool row;

	if (plan.tables == NULL)
		return set_memory_fault(fault);
	if (query_columns(transaction, &rows, fault) < 0 || next_row(&rows, &row, fault) < 0)
		return -1;
	while (row) {
		char table[NAME_SIZE];
		char column[NAME_SIZE];
		int64_t kind;

		row_name(&rows, 0, table);
		row_name(&rows, 1, column);
		kind = row_number(&rows, 2);
		if (check_row(&rows, fault) < 0 ||
		    add_column(&plan, table, column, kind, fault) < 0 ||
		    next_row(&rows, &row, fault) < 0)
			return -1;
	}
	for (size_t i = 0; i < plan.count; i++)
		if (compose_statements(&plan.tables[i], fault) < 0)
			return -1;
	*ret_plan = plan;
	plan = (struct copy_plan){0};
	return 0;
}

bool same_tables(const struct copy_plan *a, const struct copy_plan *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (i >= b->count || strcmp(a->tables[i].name, b->tables[i].name) != 0 ||
		    !equal_bytes(bytes_of_buffer(&a->tables[i].select),
				 bytes_of_buffer(&b->tables[i].select)))
			return false;
	return a->count == b->count;
}
