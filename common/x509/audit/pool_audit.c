#include "common/x509/audit/pool_audit.h"

#include "common/base/clock.h"
#include "common/x509/audit/order_chance.h"
#include "common/x509/audit/traits.h"
#include "common/x509/revocation/crl_fields.h"
#include "common/x509/revocation/crl_reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_audit {
	struct audit_options options;
	struct traits traits;
	size_t findings;
};

int new_pool_audit(const struct audit_options *options, struct pool_audit **ret_audit,
		   struct fault *fault)
{
	struct pool_audit *audit = calloc(1, sizeof(*audit));

	if (audit == NULL)
		return set_memory_fault(fault);
	audit->options = *options;
	audit->traits.window_s = options->window_s;
	*ret_audit = audit;
	return 0;
}

void free_pool_audit(struct pool_audit **audit_pointer)
{
	struct pool_audit *audit = TAKE(*audit_pointer);

	if (audit == NULL)
		return;
	clear_traits(&audit->traits);
	free(audit);
}

int audit_certificate(struct pool_audit *audit, const char *pool, struct bytes der,
		      struct fault *fault)
{
	return add_certificate_traits(&audit->traits, pool, der, fault);
}

static int report(struct pool_audit *audit, const char *pool, const char *field,
		  struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static int report(struct pool_audit *audit, const char *pool, const char *field,
		  struct fault *fault, const char *format, ...)
{
	char text[512];
	struct audit_finding finding = {.pool = pool, .field = field, .text = text};
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	audit->findings++;
	return audit->options.function(audit->options.context, &finding, fault);
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Pools in the order of their names, so that an audit says the same each time. */
static int compare_specimens(const void *a_pointer, const void *b_pointer)
{
	const struct specimen *a = a_pointer;
	const struct specimen *b = b_pointer;
	int order = compare_numbers(a->window, b->window);

	if (order != 0)
		return order;
	order = strcmp(a->pool, b->pool);
	return order != 0 ? order : memcmp(a->serial, b->serial, SERIAL_MAX);
}

static int compare_serials(const void *a, const void *b)
{
	return memcmp(((const struct specimen *)a)->serial, ((const struct specimen *)b)->serial,
		      SERIAL_MAX);
}

static int compare_by_value(const void *a_pointer, const void *b_pointer)
{
	const struct trait *a = a_pointer;
	const struct trait *b = b_pointer;
	int order = compare_numbers(a->window, b->window);

	if (order == 0)
		order = strcmp(a->field, b->field);
	if (order == 0)
		order = strcmp(a->value, b->value);
	return order != 0 ? order : strcmp(a->pool, b->pool);
}

static int compare_by_pool(const void *a_pointer, const void *b_pointer)
{
	const struct trait *a = a_pointer;
	const struct trait *b = b_pointer;
	int order = compare_numbers(a->window, b->window);

	if (order == 0)
		order = strcmp(a->pool, b->pool);
	if (order == 0)
		order = strcmp(a->field, b->field);
	return order != 0 ? order : strcmp(a->value, b->value);
}

static bool same_field(const struct trait *a, const struct trait *b)
{
	return a->window == b->window && a->field == b->field;
}

/* Notes with each trait how many pools have its value. The traits are sorted by value. */
static void count_pools(struct traits *traits)
{
	for (size_t begin = 0, end; begin < traits->count; begin = end) {
		const struct trait *first = &traits->all[begin];
		size_t pools = 0;

		for (end = begin; end < traits->count && same_field(first, &traits->all[end]) &&
				  traits->all[end].value == first->value;
		     end++)
			pools += end == begin || traits->all[end].pool != traits->all[end - 1].pool
					 ? 1
					 : 0;
		for (size_t i = begin; i < end; i++)
			traits->all[i].pools = pools;
	}
}

static const char *name_window(int64_t window, char text[static TIME_TEXT_SIZE])
{
	if (window == CRL_WINDOW)
		return "on the CRL";
	format_time(window, text);
	return text;
}

/* The value that most of a pool's certificates have, of those that too few pools have. The traits
   are of one pool, window and field. */
static int check_values(struct pool_audit *audit, const struct trait *traits, size_t count,
			bool *ret_found, struct fault *fault)
{
	const struct trait *most = NULL;
	size_t most_count = 1;
	char time[TIME_TEXT_SIZE];

	for (size_t begin = 0, end; begin < count; begin = end) {
		for (end = begin; end < count && traits[end].value == traits[begin].value; end++)
			;
		if (end - begin > most_count && traits[begin].pools < audit->options.at_least) {
			most = &traits[begin];
			most_count = end - begin;
		}
	}
	*ret_found = most != NULL;
	if (most == NULL)
		return 0;
	return report(audit, most->pool, most->field, fault,
		      "%s: \"%.120s\" in %zu of its certificates, and in those of %s in all: "
		      "expected %zu",
		      name_window(most->window, time), most->value, most_count,
		      counted(most->pools, "pool", "pools").text, audit->options.at_least);
}

/* The length of the beginning, or else of the end, that two texts have in common. */
static size_t measure_common(const char *a, const char *b, bool end)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	size_t len = 0;

	while (len < a_len && len < b_len &&
	       (end ? a[a_len - 1 - len] == b[b_len - 1 - len] : a[len] == b[len]))
		len++;
	return len;
}

static size_t measure_all_common(const struct trait *traits, size_t count, bool end)
{
	size_t least = SIZE_MAX;

	for (size_t i = 1; i < count; i++) {
		size_t len = measure_common(traits[0].value, traits[i].value, end);

		least = len < least ? len : least;
	}
	return least;
}

/* The traits are sorted by value, so those of a window and field follow each other. */
static void find_common_ends(struct traits *traits)
{
	for (size_t begin = 0, end; begin < traits->count; begin = end) {
		struct trait *first = &traits->all[begin];
		size_t common[2] = {0};

		for (end = begin; end < traits->count && same_field(first, &traits->all[end]);
		     end++)
			;
		if (strcmp(first->field, FIELD_SUBJECT) != 0 &&
		    strcmp(first->field, FIELD_ALT_NAME) != 0)
			continue;
		for (int side = 0; side < 2; side++)
			common[side] = measure_all_common(first, end - begin, side == 1);
		for (size_t i = begin; i < end; i++)
			memcpy(traits->all[i].common, common, sizeof(common));
	}
}

/* How many pools have a text of the trait's window and field that begins or ends with those
   characters, up to at_least. The traits are sorted by pool. */
static size_t count_pools_with(const struct pool_audit *audit, const struct trait *like, size_t len,
			       bool end)
{
	const struct traits *traits = &audit->traits;
	const char *last = NULL;
	size_t pools = 0;

	for (size_t i = 0; i < traits->count && pools < audit->options.at_least; i++) {
		const struct trait *trait = &traits->all[i];

		if (trait->pool == last || !same_field(trait, like) ||
		    measure_common(trait->value, like->value, end) < len)
			continue;
		last = trait->pool;
		pools++;
	}
	return pools;
}

/*
 * Whether the texts of a pool begin or end alike, beyond what those of all pools do. A further
 * character that is drawn for each of n texts is the same in all with a chance of at most 1 in
 * 10^(n-1); a finding has less than 1 in 1,000 for all pools together.
 */
static int check_ends(struct pool_audit *audit, const struct trait *traits, size_t count,
		      size_t pools, struct fault *fault)
{
	size_t most_digits = 3;
	char time[TIME_TEXT_SIZE];

	for (size_t rest = pools; rest > 0; rest /= 10)
		most_digits++;
	for (int side = 0; count >= 2 && side < 2; side++) {
		size_t len = measure_all_common(traits, count, side == 1);
		const char *text = traits[0].value;

		if (len <= traits[0].common[side] ||
		    (len - traits[0].common[side]) * (count - 1) <= most_digits ||
		    count_pools_with(audit, traits, len, side == 1) >= audit->options.at_least)
			continue;
		return report(audit, traits[0].pool, traits[0].field, fault,
			      "%s: its certificates %s alike, with \"%.*s\": expected no more in "
			      "common than those of all pools",
			      name_window(traits[0].window, time), side == 0 ? "begin" : "end",
			      (int)(len < 120 ? len : 120),
			      side == 0 ? text : text + strlen(text) - len);
	}
	return 0;
}

/* How many pools have certificates in the window. The specimens are sorted. */
static size_t count_pools_of(const struct traits *traits, int64_t window)
{
	size_t pools = 0;

	for (size_t i = 0; i < traits->specimen_count; i++)
		if (traits->specimens[i].window == window &&
		    (i == 0 || traits->specimens[i - 1].window != window ||
		     traits->specimens[i - 1].pool != traits->specimens[i].pool))
			pools++;
	return pools;
}

/* The traits are of one pool and window, sorted by field: parts come before the whole texts, whose
   ends say no more then. */
static int check_pool(struct pool_audit *audit, const struct trait *traits, size_t count,
		      size_t pools, struct fault *fault)
{
	bool part_found = false;

	for (size_t begin = 0, end; begin < count; begin = end) {
		const char *field = traits[begin].field;
		bool found;

		for (end = begin; end < count && traits[end].field == field; end++)
			;
		if (check_values(audit, traits + begin, end - begin, &found, fault) < 0)
			return -1;
		part_found |= found && strncmp(field, PART_OF, strlen(PART_OF)) == 0;
		if (!found && !part_found &&
		    (strcmp(field, FIELD_SUBJECT) == 0 || strcmp(field, FIELD_ALT_NAME) == 0) &&
		    check_ends(audit, traits + begin, end - begin, pools, fault) < 0)
			return -1;
	}
	return 0;
}

/* In a window with too few pools everything that a pool's certificates share tells them apart. */
static int check_window_of(struct pool_audit *audit, const struct trait *traits, size_t count,
			   size_t certificates, size_t pools, struct fault *fault)
{
	char time[TIME_TEXT_SIZE];

	if (certificates < 2)
		return 0;
	if (pools >= audit->options.at_least)
		return check_pool(audit, traits, count, pools, fault);
	return report(audit, traits[0].pool, "window", fault,
		      "%s: %zu of its certificates, beside those of %s: expected %zu or more in "
		      "all",
		      name_window(traits[0].window, time), certificates,
		      counted(pools - 1, "other pool", "other pools").text,
		      audit->options.at_least);
}

static size_t count_field(const struct trait *traits, size_t count, const char *field)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += strcmp(traits[i].field, field) == 0 ? 1 : 0;
	return found;
}

static int check_traits(struct pool_audit *audit, struct fault *fault)
{
	struct traits *traits = &audit->traits;
	int64_t counted_window = CRL_WINDOW;
	size_t pools = 0;

	for (size_t begin = 0, end; begin < traits->count; begin = end) {
		const struct trait *first = &traits->all[begin];
		size_t certificates;

		for (end = begin; end < traits->count && traits->all[end].pool == first->pool &&
				  traits->all[end].window == first->window;
		     end++)
			;
		if (first->window == CRL_WINDOW) {
			if (check_pool(audit, first, end - begin, audit->options.at_least, fault) <
			    0)
				return -1;
			continue;
		}
		if (first->window != counted_window) {
			pools = count_pools_of(traits, first->window);
			counted_window = first->window;
		}
		certificates = count_field(first, end - begin, FIELD_NOT_BEFORE);
		if (check_window_of(audit, first, end - begin, certificates, pools, fault) < 0)
			return -1;
	}
	return 0;
}

static void free_list(const char ***list)
{
	free(*list);
}

static int check_order(struct pool_audit *audit, const char *field, const char *const *owners,
		       const size_t *lengths, size_t list_count, struct fault *fault)
{
	double chance;

	if (find_order_chance(owners, NULL, lengths, list_count, &chance, fault) < 0)
		return -1;
	if (chance >= ORDER_CHANCE_MIN)
		return 0;
	return report(audit, "", field, fault,
		      "those of a pool lie beside each other: expected an order that chance makes "
		      "more often than once in a thousand");
}

static void free_lengths(size_t **lengths)
{
	free(*lengths);
}

static void free_values(uint64_t **values)
{
	free(*values);
}

/* The owners of each window's certificates in the order of their serials, and the distances of
   these. */
static int check_serials(struct pool_audit *audit, struct fault *fault)
{
	const struct traits *traits = &audit->traits;
	CLEANUP(free_list)
	const char **owners = calloc(traits->specimen_count + 1, sizeof(*owners));
	CLEANUP(free_lengths)
	size_t *lengths = calloc(traits->specimen_count + 1, sizeof(*lengths));
	CLEANUP(free_values)
	uint64_t *values = calloc(traits->specimen_count + 1, sizeof(*values));
	size_t windows = 0;
	double chance;

	if (owners == NULL || lengths == NULL || values == NULL)
		return set_memory_fault(fault);
	for (size_t begin = 0, end; begin < traits->specimen_count; begin = end) {
		struct specimen *first = &traits->specimens[begin];

		for (end = begin;
		     end < traits->specimen_count && traits->specimens[end].window == first->window;
		     end++)
			;
		qsort(first, end - begin, sizeof(*first), compare_serials);
		for (size_t i = begin; i < end; i++) {
			owners[i] = traits->specimens[i].pool;
			values[i] =
				step_value((struct bytes){traits->specimens[i].serial, SERIAL_MAX});
		}
		lengths[windows++] = end - begin;
	}
	if (check_order(audit, "serial", owners, lengths, windows, fault) < 0 ||
	    find_order_chance(owners, values, lengths, windows, &chance, fault) < 0)
		return -1;
	if (chance >= ORDER_CHANCE_MIN)
		return 0;
	return report(audit, "", "distance of serials", fault,
		      "from one of a pool to its next it is the same: expected distances that "
		      "chance makes equal more often than once in a thousand");
}

int audit_crl(struct pool_audit *audit, struct bytes der, struct fault *fault)
{
	struct traits *traits = &audit->traits;
	CLEANUP(free_list)
	const char **owners = calloc(traits->specimen_count + 1, sizeof(*owners));
	struct crl_fields fields;
	size_t count = 0;

	if (owners == NULL)
		return set_memory_fault(fault);
	if (split_crl(der, &fields, fault) < 0)
		return -1;
	if (traits->specimen_count == 0)
		return 0;
	qsort(traits->specimens, traits->specimen_count, sizeof(*traits->specimens),
	      compare_serials);
	while (fields.revoked.len > 0 && count < traits->specimen_count) {
		struct revoked_entry entry;
		const char *problem = read_revoked_entry(&fields.revoked, &entry);
		struct specimen key = {0};
		const struct specimen *found;
		char time[TIME_TEXT_SIZE];

		if (problem != NULL)
			return set_fault(fault, FAULT_MALFORMED, "CRL: %s", problem);
		memcpy(key.serial + SERIAL_MAX - entry.serial.len, entry.serial.data,
		       entry.serial.len);
		found = bsearch(&key, traits->specimens, traits->specimen_count, sizeof(key),
				compare_serials);
		if (found == NULL)
			continue;
		owners[count++] = found->pool;
		format_time(entry.revoked_at_s, time);
		if (add_trait(traits, CRL_WINDOW, FIELD_REVOCATION_TIME, time, found->pool, fault) <
			    0 ||
		    add_trait(traits, CRL_WINDOW, FIELD_REVOCATION_REASON,
			      format_crl_reason(entry.reason), found->pool, fault) < 0)
			return -1;
	}
	return check_order(audit, "order on the CRL", owners, &count, 1, fault);
}

int run_pool_audit(struct pool_audit *audit, size_t *ret_findings, struct fault *fault)
{
	struct traits *traits = &audit->traits;

	if (traits->specimen_count > 0) {
		qsort(traits->specimens, traits->specimen_count, sizeof(*traits->specimens),
		      compare_specimens);
		qsort(traits->all, traits->count, sizeof(*traits->all), compare_by_value);
		count_pools(traits);
		find_common_ends(traits);
		qsort(traits->all, traits->count, sizeof(*traits->all), compare_by_pool);
	}
	if (check_traits(audit, fault) < 0 || check_serials(audit, fault) < 0)
		return -1;
	*ret_findings = audit->findings;
	return 0;
}
