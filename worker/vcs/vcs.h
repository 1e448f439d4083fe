/* The VCS's own API: what it says about a pull request. GitHub REST (api version
 * 2022-11-28) and GitLab REST v4, through libcurl.
 *
 * No redirects, http and https only, the host is that of KEDGE_GITHUB_API_URL or
 * KEDGE_GITLAB_API_URL and gets that VCS's token; answers are capped, lists are paged by
 * page number (never by following Link). Blocks; call from the runner.
 *
 *     AUTO(vcs_done) struct vcs vcs = {.conf = conf, .type = …, .base = spec->ref, …};
 *
 *     vcs_targets(&vcs, &met, &why, &err), vcs_approved(&vcs, …), vcs_mergeable(&vcs, …)
 *
 * The pull request is asked for by the first question and kept for the others: for a new
 * look begin with a new struct vcs. */
#ifndef KEDGE_WORKER_VCS_VCS_H
#define KEDGE_WORKER_VCS_VCS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/json.h"
#include "common/conf/conf.h"
#include "common/queue/run.h"

struct vcs {
    const struct conf *conf;
    enum vcs_type type; /* Git has no API: ERR_PERM */
    const char *repository;
    int64_t pull_request;
    /* The run's, 40 hexadecimal digits: what is said of a newer head is not said of it.
     * NULL: whatever the head is. */
    const char *commit;
    /* The branch that it must be to be merged into, in any spelling of
     * common/queue/target.h: what is said of a merge into another one is not said of this
     * one. NULL: any. */
    const char *base;
    int64_t deadline_mono_ms;
    int (*stop_wanted)(void *arg); /* as in child.h */
    void *arg;
    cJSON *pull; /* owned; as the API showed it last. NULL: not yet */
};
void vcs_done(struct vcs *vcs);

/* Each: 0 with *met and, when it is not, a sentence (owned) that says why. ERR_TEMP: the
 * API is away, answers 429 or 5xx (after a few tries), or was stopped; ERR_PERM: it
 * refuses (401, 403, 404) or answers what cannot be understood. No message ever holds a
 * token. None is met when it is not to be merged into `base`, neither of the last two
 * when its head is not `commit`.
 *
 * targets: that alone. approved: GitHub: the latest review of each person that is not a
 * mere comment: at least one APPROVED of the head, none CHANGES_REQUESTED (whoever may
 * review, counts); GitLab: `approved` of .../approvals, and by somebody: where no
 * approval is required it says so of every merge request. mergeable: GitHub: open, not a
 * draft, `mergeable` true and `mergeable_state` clean, unstable or has_hooks (unknown:
 * asked again for a while); GitLab: `detailed_merge_status` mergeable (older servers:
 * `merge_status` can_be_merged, not a draft, discussions resolved). */
int vcs_targets(struct vcs *vcs, bool *met, char **why, struct err *err);
int vcs_approved(struct vcs *vcs, bool *met, char **why, struct err *err);
int vcs_mergeable(struct vcs *vcs, bool *met, char **why, struct err *err);

#endif
