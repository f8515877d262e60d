#include "common/ca/backup/restore_target.h"

#include "common/base/clock.h"
#include "common/base/staging.h"
#include "common/ca/backup/archive.h"
#include "common/ca/store/store.h"

#include <string.h>

static const char wal_name[] = STORE_FILE "-wal";

/* Removes the temporary files of a killed restore. */
int sweep_target(const struct layout *layout, struct fault *fault)
{
	const char *const names[] = {STAGED_WAL_FILE, "." STORE_FILE ".new-shm",
				     "." STORE_FILE ".new-journal"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (remove_file(layout->state, names[i], fault) < 0)
			return -1;
	if (sweep_staging(layout->state, fault) < 0 || sweep_staging(layout->cert, fault) < 0)
		return -1;
	return sweep_staging(layout->private, fault);
}

/* SQLite would read the write-ahead log of another store into the restored one. */
int check_no_ca(const struct layout *layout, struct fault *fault)
{
	bool has_store;
	bool has_wal;

	if (find_file(layout->state, STORE_FILE, &has_store, fault) < 0 ||
	    find_file(layout->state, wal_name, &has_wal, fault) < 0)
		return prefix_fault(fault, "%s/state", layout->path);
	if (has_store)
		return set_fault(fault, FAULT_REFUSED,
				 "%s/state/%s: there is a CA: a backup is restored into a layout "
				 "that has none; move this one away, or name another in the "
				 "manifest",
				 layout->path, STORE_FILE);
	if (!has_wal)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/state/%s: there is the log of a record, which may hold the last "
			 "certificates: put its record back, or move the log away",
			 layout->path, wal_name);
}

int parse_backup_note(struct bytes note, int64_t *ret_made_s, struct fault *fault)
{
	struct bytes head = {note.data, strlen(NOTE_HEAD)};
	char text[TIME_TEXT_SIZE] = "";
	struct fault problem = {0};

	if (note.len < strlen(NOTE_HEAD NOTE_TIME) + TIME_TEXT_SIZE ||
	    !equal_bytes(head, bytes_of_string(NOTE_HEAD)) ||
	    memcmp(note.data + head.len, NOTE_TIME, strlen(NOTE_TIME)) != 0)
		return set_fault(fault, FAULT_MALFORMED,
				 MEMBER_NOTE ": expected \"%.*s\" and when it was made: is this "
					     "the backup of a newer certpool?",
				 (int)strlen(NOTE_HEAD) - 1, NOTE_HEAD);
	memcpy(text, note.data + strlen(NOTE_HEAD NOTE_TIME), TIME_TEXT_SIZE - 1);
	if (parse_time(text, ret_made_s, &problem) < 0)
		return set_fault(fault, FAULT_MALFORMED, MEMBER_NOTE ": %s", problem.text);
	return 0;
}
