#include "common/ca/issue/publish_root_crl.h"

#include "common/base/staging.h"
#include "common/ca/signer/signed_log.h"
#include "common/x509/revocation/crl_fields.h"

#include <stdlib.h>
#include <string.h>

/* The present CRLs of the root, and all that they revoke. */
struct root_crls {
	struct crl *home; /* in the root's layout; NULL: none */
	struct crl *copy; /* in the CA's; NULL: none */
	struct crl_info home_info;
	struct crl_info copy_info;
	struct crl_entry *entries;
	size_t count;
	bool incomplete; /* the CRL in the root's layout lacks some of them */
};

static void clear_root_crls(struct root_crls *crls)
{
	free_crl(&crls->home);
	free_crl(&crls->copy);
	free(crls->entries);
}

/* False if it is there already: a revocation is final. */
static bool add_new_entry(struct root_crls *crls, const struct crl_entry *entry)
{
	for (size_t i = 0; i < crls->count; i++)
		if (memcmp(crls->entries[i].serial, entry->serial, SERIAL_MAX) == 0)
			return false;
	crls->entries[crls->count++] = *entry;
	return true;
}

static bool add_entries_of(struct root_crls *crls, const struct crl *crl)
{
	bool added = false;

	for (size_t i = 0; crl != NULL && i < crl_count(crl); i++) {
		struct crl_entry entry = {0};
		struct crl_revocation revocation;

		read_crl_entry(crl, i, entry.serial, &revocation);
		entry.revoked_at_s = revocation.revoked_at_s;
		entry.reason = revocation.reason;
		added |= add_new_entry(crls, &entry);
	}
	return added;
}

static int read_root_crls(const struct root_home *home, const struct crl_entry *revoked,
			  struct root_crls *crls, struct fault *fault)
{
	size_t most = 1;

	if (read_root_crl_file(home->layout, home->crl_name, home->root, &crls->home, fault) < 0 ||
	    read_root_crl_file(home->ca_layout, home->crl_name, home->root, &crls->copy, fault) <
		    0 ||
	    (crls->home != NULL && describe_root_crl(crls->home, &crls->home_info, fault) < 0) ||
	    (crls->copy != NULL && describe_root_crl(crls->copy, &crls->copy_info, fault) < 0))
		return -1;
	most += crls->home_info.entries + crls->copy_info.entries;
	crls->entries = calloc(most, sizeof(*crls->entries));
	if (crls->entries == NULL)
		return set_memory_fault(fault);
	(void)add_entries_of(crls, crls->home);
	crls->incomplete = add_entries_of(crls, crls->copy);
	if (revoked != NULL && add_new_entry(crls, revoked))
		crls->incomplete = true;
	return 0;
}

int find_root_revocation(const struct root_home *home, const struct certificate *certificate,
			 bool *ret_revoked, struct fault *fault)
{
	const struct bytes serial = certificate_serial(certificate);
	CLEANUP(clear_root_crls) struct root_crls crls = {0};
	struct crl_revocation ignored;

	if (read_root_crls(home, NULL, &crls, fault) < 0)
		return -1;
	if (crls.home == NULL && crls.copy == NULL)
		return set_no_root_crl(home->layout, fault);
	*ret_revoked = (crls.home != NULL && find_revoked(crls.home, serial, &ignored)) ||
		       (crls.copy != NULL && find_revoked(crls.copy, serial, &ignored));
	return 0;
}

static bool same_crl(const struct root_crls *crls)
{
	return crls->copy != NULL && equal_bytes(crl_der(crls->home), crl_der(crls->copy));
}

static bool is_due(const struct root_crls *crls, int64_t now_s)
{
	return crls->home == NULL || crls->incomplete || is_root_crl_due(&crls->home_info, now_s) ||
	       (crls->copy != NULL && !same_crl(crls) && !older_crl(crls->copy, crls->home));
}

/* As publish_crl's. */
static int64_t choose_this_update(int64_t before_s, int64_t now_s)
{
	return before_s > now_s && before_s <= now_s + CRL_SKEW_S ? before_s : now_s;
}

static int build_root_crl(const struct root_crls *crls, const struct root_home *home, int64_t now_s,
			  struct buffer *ret_der, struct fault *fault)
{
	const struct crl_info *last =
		crls->copy != NULL && crls->home_info.number <= crls->copy_info.number
			? &crls->copy_info
			: &crls->home_info;
	CLEANUP(clear_crl_builder) struct crl_builder builder = {0};
	struct crl_options fields = {.number = last->number + 1,
				     .this_update_s =
					     choose_this_update(last->this_update_s, now_s)};

	fields.next_update_s = fields.this_update_s + home->ca->root_crl_validity_s;
	fields.now_s = now_s;
	if (begin_crl(&builder, home->issuer, &fields, fault) < 0)
		return -1;
	for (size_t i = 0; i < crls->count; i++)
		if (add_crl_entry(&builder, &crls->entries[i], fault) < 0)
			return -1;
	return finish_crl(&builder, ret_der, fault);
}

static int write_root_crl(const struct root_home *home, const struct layout *layout,
			  struct bytes der, struct fault *fault)
{
	if (write_file(layout->cert, home->crl_name, STAGE_REPLACE, 0644, der, fault) < 0)
		return prefix_fault(fault, "%s/cert", layout->path);
	return 0;
}

/* The root's layout has the line, as the root's key signed. */
static int log_root_crl(const struct layout *layout, struct bytes der, const struct crl_info *info,
			int64_t now_s, struct fault *fault)
{
	struct signed_line line = {
		.time_s = now_s, .kind = SIGNED_CRL, .end_s = info->next_update_s};
	struct crl_fields fields;

	if (split_crl(der, &fields, fault) < 0)
		return -1;
	memcpy(line.number + SERIAL_MAX - fields.number.len, fields.number.data, fields.number.len);
	digest_sha256(fields.signed_object.body, line.sha256);
	return append_signed_lines(layout, &line, 1, fault);
}

int publish_root_crl(struct root_home *home, const struct crl_entry *revoked,
		     enum crl_publishing mode, int64_t now_s, struct crl_info *ret_info,
		     struct fault *fault)
{
	CLEANUP(clear_root_crls) struct root_crls crls = {0};
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *made = NULL;
	struct crl_info info;

	if (read_root_crls(home, revoked, &crls, fault) < 0)
		return -1;
	if (mode == CRL_WHEN_DUE && !is_due(&crls, now_s)) {
		*ret_info = crls.home_info;
		return same_crl(&crls)
			       ? 0
			       : write_root_crl(home, home->ca_layout, crl_der(crls.home), fault);
	}
	if (load_root(home, now_s, fault) < 0 ||
	    build_root_crl(&crls, home, now_s, &der, fault) < 0 ||
	    parse_crl(&der, &made, fault) < 0 || describe_root_crl(made, &info, fault) < 0)
		return -1;
	if (log_root_crl(home->layout, crl_der(made), &info, now_s, fault) < 0 ||
	    write_root_crl(home, home->layout, crl_der(made), fault) < 0 ||
	    write_root_crl(home, home->ca_layout, crl_der(made), fault) < 0)
		return -1;
	info.made = true;
	*ret_info = info;
	return 0;
}
