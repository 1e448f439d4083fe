/* A target: what a run works on, and what two runs may never work on at once.
 *
 * (host and repository in lower case, directory, Terraform workspace, hash of the backend
 * configuration). Both API families make targets here, so that they exclude one another.
 * Also the repository's own checks: its form, the allowlist, its clone URL. Pure. */
#ifndef KEDGE_COMMON_QUEUE_TARGET_H
#define KEDGE_COMMON_QUEUE_TARGET_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/sign.h"
#include "common/conf/conf.h"
#include "common/queue/run.h"

/* owner/repo (Gitlab: two or more segments), no "..", no empty segment, [A-Za-z0-9._-],
 * no leading '-', no ".git" at the end, at most 255 characters. ERR_INPUT. */
int repository_check(enum vcs_type type, const char *repository, struct err *err);
/* The rules of git-check-ref-format(1) and more: 1–255 characters, UTF-8 without blanks,
 * control or invisible characters, no leading '-' or '+'; of refs/… only heads and tags;
 * no spelling of a pull or merge request. HEAD and commit ids are fine. ERR_INPUT with
 * the rule that is broken. */
int ref_check(const char *ref, struct err *err);
/* Is it a whole commit id (SHA-1), in whichever letter case? */
bool ref_is_commit_id(const char *ref);
/* One spelling for each: a branch without "refs/heads/", a commit id in lower case. The
 * caller frees. */
char *ref_canonical(const char *ref);

/* The clone base of that VCS from the settings; NULL when there is none (Git without
 * KEDGE_GIT_URL). */
const char *vcs_base_url(const struct conf *conf, enum vcs_type type);
/* The token that goes with it; NULL: none is set. */
const char *vcs_token(const struct conf *conf, enum vcs_type type);
/* Lower-case host of a base URL, with ":port" when it has one; "localhost" for file:.
 * Caller frees. */
char *vcs_base_host(const char *base_url);
/* <base>/<repository>.git. The caller frees. */
char *repository_url(const char *base_url, const char *repository);
/* Does the comma list of patterns over host/owner/repo allow it? Unset allows nothing; a
 * leading '!' excludes and wins wherever it stands; letter case does not matter. */
bool repository_allowed(const char *allowlist, const char *host, const char *repository);

/* The key of a repository: id of (host, repository), both lower case. */
void repository_id(const char *host, const char *repository, char id[SIGN_ID_BYTES]);
/* The target's id. spec->directory must be normal. */
void target_id(const char *host, const struct run_spec *spec, char id[SIGN_ID_BYTES]);

#endif
