#include "common/ca/revocation/root_crl.h"

#include "common/base/clock.h"
#include "common/ca/revocation/ca_roots.h"

#include <errno.h>
#include <fcntl.h>

static int set_crl_fault(const struct layout *layout, const char *name, const char *reason,
			 struct fault *fault)
{
	return set_fault(fault, FAULT_UNVERIFIED,
			 "%s/cert/%s: %s: put the root's CRL back, from the root's layout or a "
			 "CA's",
			 layout->path, name, reason);
}

int set_no_root_crl(const struct layout *layout, struct fault *fault)
{
	return set_fault(fault, FAULT_NOT_FOUND,
			 "%s/cert/" ROOT_CRL_FILE ": expected the root's CRL, found none: run "
			 "certpool crl --root, with the root's layout at hand",
			 layout->path);
}

int read_root_crl_file(const struct layout *layout, const char *name,
		       const struct certificate *root, struct crl **ret_crl, struct fault *fault)
{
	CLEANUP(clear_buffer) struct buffer der = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	struct verdict verdict = {0};
	struct fault problem = {0};

	if (read_file(layout->cert, name, CRL_DER_MAX, &der, &problem) < 0) {
		if (problem.class != FAULT_NOT_FOUND)
			return set_fault(fault, problem.class, "%s/cert/%s", layout->path,
					 problem.text);
		*ret_crl = NULL;
		return 0;
	}
	if (parse_crl(&der, &crl, &problem) < 0) {
		if (pass_failure(&problem, fault) < 0)
			return -1;
		return set_crl_fault(layout, name, problem.text, fault);
	}
	if (root != NULL && verify_crl_signature(crl, root, &verdict, fault) < 0)
		return -1;
	if (verdict.invalid)
		return set_crl_fault(layout, name, verdict.reason, fault);
	*ret_crl = TAKE(crl);
	return 0;
}

int read_root_crl(const struct layout *layout, const struct certificate *root, struct crl **ret_crl,
		  struct fault *fault)
{
	return read_root_crl_file(layout, ROOT_CRL_FILE, root, ret_crl, fault);
}

int describe_root_crl(const struct crl *crl, struct crl_info *ret_info, struct fault *fault)
{
	struct crl_info info = {.this_update_s = crl_this_update(crl),
				.next_update_s = crl_next_update(crl),
				.entries = crl_count(crl)};

	if (get_crl_number(crl, &info.number, fault) < 0)
		return prefix_fault(fault, "the root's CRL");
	*ret_info = info;
	return 0;
}

bool is_root_crl_due(const struct crl_info *info, int64_t now_s)
{
	int64_t validity_s = info->next_update_s - info->this_update_s;

	return now_s >= info->next_update_s - validity_s / 3 ||
	       info->this_update_s > now_s + CRL_SKEW_S;
}

static bool has_ended(const struct layout *layout, const char *root_file, int64_t now_s)
{
	CLEANUP(free_certificate) struct certificate *root = NULL;
	struct fault ignored = {0};

	return read_other_root(layout, root_file, &root, &ignored) < 0 || root == NULL ||
	       certificate_not_after(root) < now_s;
}

bool is_other_root_crl_due(const struct layout *layout, int64_t now_s)
{
	static const struct {
		const char *crl;
		const char *root;
	} others[] = {{NEXT_ROOT_CRL_FILE, NEXT_ROOT_FILE}, {OLD_ROOT_CRL_FILE, OLD_ROOT_FILE}};

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		CLEANUP(free_crl) struct crl *crl = NULL;
		struct fault ignored = {0};
		struct crl_info info;

		if (read_root_crl_file(layout, others[i].crl, NULL, &crl, &ignored) == 0 &&
		    crl != NULL && describe_root_crl(crl, &info, &ignored) == 0 &&
		    is_root_crl_due(&info, now_s) && info.next_update_s >= now_s &&
		    !has_ended(layout, others[i].root, now_s))
			return true;
	}
	return false;
}

void init_root_crl_cache(struct root_crl_cache *cache, const struct layout *layout,
			 const struct certificate *root)
{
	*cache = (struct root_crl_cache){.layout = layout, .name = ROOT_CRL_FILE, .root = root};
	pthread_mutex_init(&cache->lock, NULL);
}

void init_other_root_crl_cache(struct root_crl_cache *cache, const struct layout *layout,
			       const char *name)
{
	*cache = (struct root_crl_cache){.layout = layout, .name = name};
	pthread_mutex_init(&cache->lock, NULL);
}

static void drop_crl(struct root_crl_cache *cache)
{
	free_crl(&cache->crl);
	release_shared_body(&cache->body);
}

void clear_root_crl_cache(struct root_crl_cache *cache)
{
	if (cache->layout == NULL)
		return;
	drop_crl(cache);
	pthread_mutex_destroy(&cache->lock);
	*cache = (struct root_crl_cache){0};
}

void change_root(struct root_crl_cache *cache, const struct certificate *root)
{
	pthread_mutex_lock(&cache->lock);
	if (!equal_bytes(certificate_der(cache->root), certificate_der(root))) {
		cache->root = root;
		cache->has_state = false;
		drop_crl(cache);
		cache->fault = (struct fault){0};
	}
	pthread_mutex_unlock(&cache->lock);
}

/*
 * When the CRL is not by this process's root, as `problem` says: the root was replaced, and the
 * process goes on with what it began with until it has taken the new root over, or that revokes
 * something.
 */
static int judge_other_crl(const struct root_crl_cache *cache, const struct fault *problem,
			   struct fault *fault)
{
	CLEANUP(clear_ca_roots) struct ca_roots roots = {0};
	CLEANUP(free_crl) struct crl *crl = NULL;
	const struct bytes mine = certificate_der(cache->root);
	struct fault ignored = {0};

	if (read_ca_roots(cache->layout, &roots, &ignored) < 0)
		return pass_fault(problem, fault);
	/* It certifies the CA before it takes its place. */
	if (roots.next != NULL && equal_bytes(certificate_der(roots.next), mine))
		return set_fault(fault, FAULT_UNVERIFIED,
				 "%s/cert/" ROOT_CRL_FILE ": expected that of %s, found that of "
				 "the root before it: the rotation of the root was cut short: run "
				 "certpool rotate root --finish again",
				 cache->layout->path, certificate_subject(cache->root));
	if (cache->crl == NULL || equal_bytes(certificate_der(roots.root), mine) ||
	    read_root_crl(cache->layout, roots.root, &crl, &ignored) < 0 || crl == NULL)
		return pass_fault(problem, fault);
	if (crl_count(crl) == 0)
		return 0;
	return set_fault(fault, FAULT_REFUSED,
			 "%s/cert/" ROOT_CRL_FILE ": the root was replaced since certpool serve "
			 "began, and the new one has revoked certificates: start certpool serve "
			 "again",
			 cache->layout->path);
}

/* Reads the file, in place of the last good CRL unless that is newer. */
static int reload(struct root_crl_cache *cache, struct fault *fault)
{
	CLEANUP(free_crl) struct crl *crl = NULL;
	CLEANUP(clear_buffer) struct buffer der = {0};
	struct shared_body *body = NULL;
	struct crl_info info;
	struct fault problem = {0};

	if (read_root_crl_file(cache->layout, cache->name, cache->root, &crl, &problem) < 0)
		return cache->root != NULL ? judge_other_crl(cache, &problem, fault)
					   : pass_fault(&problem, fault);
	if (crl == NULL)
		return 0;
	if (cache->root != NULL && cache->crl != NULL && older_crl(crl, cache->crl))
		return set_crl_fault(cache->layout, cache->name,
				     "it is older than the one that was there before", fault);
	append_bytes(&der, crl_der(crl));
	if (describe_root_crl(crl, &info, fault) < 0 || check_buffer(&der, fault) < 0 ||
	    new_shared_body(&der, &body, fault) < 0)
		return -1;
	drop_crl(cache);
	cache->body = body;
	cache->crl = TAKE(crl);
	cache->info = info;
	return 0;
}

/* Looks whether the file has changed. The caller holds the lock. */
static void refresh(struct root_crl_cache *cache)
{
	struct stat state;
	bool found = fstatat(cache->layout->cert, cache->name, &state, AT_SYMLINK_NOFOLLOW) == 0;

	if (found && cache->has_state && same_file_state(&state, &cache->state))
		return;
	if (!found && errno == ENOENT && !cache->has_state)
		return;
	cache->fault = (struct fault){0};
	cache->has_state = found;
	if (!found && errno != ENOENT)
		set_errno_fault(&cache->fault, "%s/cert/%s", cache->layout->path, cache->name);
	if (cache->root == NULL)
		drop_crl(cache);
	if (!found)
		return;
	cache->state = state;
	/* A failure of this process may pass: the next call tries again. */
	if (reload(cache, &cache->fault) < 0)
		cache->has_state = cache->fault.class != FAULT_FAILED;
}

int get_root_crl(struct root_crl_cache *cache, struct shared_body **ret_body,
		 struct crl_info *ret_info, struct fault *fault)
{
	int result = 0;

	pthread_mutex_lock(&cache->lock);
	refresh(cache);
	if (cache->crl != NULL) {
		*ret_body = hold_shared_body(cache->body);
		*ret_info = cache->info;
	} else if (cache->fault.class != FAULT_NONE) {
		result = pass_fault(&cache->fault, fault);
	} else {
		result = set_no_root_crl(cache->layout, fault);
	}
	pthread_mutex_unlock(&cache->lock);
	return result;
}

int check_not_revoked(struct root_crl_cache *cache, const struct certificate *certificate,
		      struct fault *fault)
{
	struct crl_revocation revocation;
	char revoked_at[TIME_TEXT_SIZE];
	int result = 0;

	pthread_mutex_lock(&cache->lock);
	refresh(cache);
	if (cache->crl != NULL &&
	    find_revoked(cache->crl, certificate_serial(certificate), &revocation)) {
		format_time(revocation.revoked_at_s, revoked_at);
		result = set_fault(fault, FAULT_REFUSED,
				   "the CA's certificate, %s, was revoked by its root at %s (%s)",
				   certificate_subject(certificate), revoked_at,
				   format_crl_reason(revocation.reason));
	} else if (cache->fault.class != FAULT_NONE) {
		result = pass_fault(&cache->fault, fault);
	}
	pthread_mutex_unlock(&cache->lock);
	return result;
}
