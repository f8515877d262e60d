#ifndef CERTPOOL_CA_BACKUP_COPY_PLAN_H
#define CERTPOOL_CA_BACKUP_COPY_PLAN_H

#include "common/ca/store/statement.h"

/* What a record consists of, as its database says, and the statements that copy it. Outlives the
   stores that use it: they cache statements under the texts' addresses. */
enum { COPIED_TABLES_MAX = 32 };

struct table_plan {
	char name[NAME_SIZE];
	char columns[TABLE_COLUMNS_MAX][NAME_SIZE];
	struct table table;
	/* The row of `state` is the lock of all writers in PostgreSQL: it is changed, not made. */
	bool one_row;
	struct buffer select;
	struct buffer empty;  /* deletes all rows; of `state`: */
	struct buffer update; /* of its row */
};

struct copy_plan {
	struct table_plan *tables;
	size_t count;
};

/* Owns: clear_copy_plan. Errors: FAULT_FAILED for a column that cannot be copied. */
int read_copy_plan(struct transaction *transaction, struct copy_plan *ret_plan,
		   struct fault *fault) MUST_CHECK;
void clear_copy_plan(struct copy_plan *plan);

/* Whether both have the same columns in the same tables. */
bool same_tables(const struct copy_plan *a, const struct copy_plan *b);

#endif
