#include "common/ca/issue/init_authority.h"

#include "common/base/staging.h"
#include "common/ca/issue/intermediate.h"
#include "common/ca/issue/issuing_key.h"
#include "common/ca/store/certificates.h"
#include "common/ca/store/clients.h"
#include "common/ca/store/issuers.h"

/* A database may have the record of another CA, which has issued nothing so far. */
static int refuse_issuer(void *store, const struct issuer_record *record, struct fault *fault)
{
	if (record->der.len == 0)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s: expected a database for this CA, found the record of another one: "
			 "name a database of its own in ca.store, or restore this CA's keys and "
			 "certificates from a backup",
			 store_name(store));
}

static int check_no_issuer(struct store *store, struct fault *fault)
{
	return list_issuers(store, refuse_issuer, store, fault);
}

/*
 * A killed init can leave a key and a store without a certificate, but only before any certificate
 * was issued. After that, a new root would not be the one that the clients have.
 */
static int check_nothing_issued(const struct layout *layout, const struct ca_node *ca,
				const char *location, int64_t now_s, struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct store_summary summary;
	char name[FILE_NAME_SIZE];

	if (open_store(location, &store, fault) < 0 ||
	    summarize_store(store, now_s, &summary, fault) < 0)
		return -1;
	if (summary.certificates == 0)
		return ca->store != NULL ? check_no_issuer(store, fault) : 0;
	name_issuing_certificate(layout, ca, FIRST_ISSUER, name);
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/%s: expected the %s under which %s issued, found none: %s",
			 layout->path, name, ca->root_layout != NULL ? "CA's certificate" : "root",
			 counted(summary.certificates, "certificate was", "certificates were").text,
			 advise_lost_certificate(name));
}

/* Refuses a layout that lost a part which init must not make a second time. `store`: it has its
   record. */
static int check_parts(const struct layout *layout, const struct ca_node *ca,
		       const struct key_access *access, const char *location, bool store,
		       int64_t now_s, struct fault *fault)
{
	char name[FILE_NAME_SIZE];
	char key_name[FILE_NAME_SIZE];
	bool certificate;
	bool key;

	name_issuing_certificate(layout, ca, FIRST_ISSUER, name);
	name_issuing_key(layout, ca, FIRST_ISSUER, key_name);
	if (find_issuing_certificate(layout, ca, &certificate, fault) < 0 ||
	    find_issuing_key(layout, ca, access, &key, fault) < 0 ||
	    check_ca_kind(layout, ca, fault) < 0)
		return -1;
	if (certificate && !key)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: cert/%s is there and Private/%s is not: put it back from a "
				 "backup: certpool restore, in another directory, makes Private/%s",
				 layout->path, name, key_name, key_name);
	if (certificate && !store)
		return set_fault(fault, FAULT_REFUSED,
				 "%s: cert/%s is there and %s is not: restore the "
				 "record from a backup; a new one would forget what was issued",
				 layout->path, name,
				 ca->store != NULL ? "the record in the database"
						   : "state/" STORE_FILE);
	return !certificate && store ? check_nothing_issued(layout, ca, location, now_s, fault) : 0;
}

/* Removes the temporary files of a killed init. */
static int sweep(const struct layout *layout, struct fault *fault)
{
	if (sweep_staging(layout->private, fault) < 0 || sweep_staging(layout->state, fault) < 0 ||
	    sweep_staging(layout->cert, fault) < 0)
		return prefix_fault(fault, "%s", layout->path);
	return 0;
}

static int make_certificate(const struct layout *layout, const struct ca_node *ca,
			    const struct key_access *access, int64_t now_s,
			    struct authority_made *made, struct fault *fault)
{
	struct intermediate_made intermediate = {0};
	bool found;

	if (ca->root_layout != NULL) {
		if (make_intermediate(layout, ca, access, now_s, &intermediate, fault) < 0)
			return -1;
		made->root_layout = intermediate.root_layout;
		made->root = intermediate.root;
		made->certificate = intermediate.certificate;
		made->copy = intermediate.copy;
		return 0;
	}
	if (find_root(layout, &found, fault) < 0)
		return -1;
	made->root = !found;
	return made->root ? make_root(layout, ca, access, now_s, fault) : 0;
}

static int record_clients(const struct manifest *manifest, const char *location, int64_t now_s,
			  struct fault *fault)
{
	CLEANUP(free_store) struct store *store = NULL;
	struct clients_synced synced;

	if (open_store(location, &store, fault) < 0)
		return -1;
	return is_shared_store(store) ? add_manifest_clients(store, manifest, now_s, fault)
				      : sync_clients(store, manifest, now_s, &synced, fault);
}

int init_authority(const struct layout *layout, const struct manifest *manifest,
		   const struct key_access *access, int64_t now_s, struct authority_made *ret_made,
		   struct fault *fault)
{
	const struct ca_node *ca = &manifest->ca;
	struct authority_made made = {0};
	CLEANUP(free_string) char *location = NULL;
	CLEANUP(clear_issuer_set) struct issuer_set issuers = {0};
	bool store;

	if (locate_store(layout, ca, &location, fault) < 0 ||
	    find_store(location, &store, fault) < 0)
		return -1;
	made.store = !store;
	if (sweep(layout, fault) < 0 ||
	    check_parts(layout, ca, access, location, store, now_s, fault) < 0)
		return -1;
	/* The certificate comes last: once it exists, its key and its store have existed. */
	if (make_issuing_key(layout, ca, FIRST_ISSUER, access, fault) < 0 ||
	    create_store(location, fault) < 0 ||
	    make_certificate(layout, ca, access, now_s, &made, fault) < 0)
		return -1;
	/* The parts must form a CA that can be opened. */
	if (load_issuers(layout, ca, access, &issuers, fault) < 0 ||
	    record_clients(manifest, location, now_s, fault) < 0)
		return -1;
	*ret_made = made;
	return 0;
}
