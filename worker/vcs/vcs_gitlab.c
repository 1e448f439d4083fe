/* GitLab: merge requests and their approvals. Source: GitLab's documentation, "Merge
 * requests API" (single merge request, merge status) and "Merge request approvals API".
 */
#include <string.h>

#include "common/base/mem.h"
#include "worker/vcs/vcs_parts.h"

/* `below`: "" or what of the merge request is asked. */
static cJSON *get_request(const struct vcs *vcs, const char *below, struct err *err)
{
    AUTO(buf_done) struct buf path = BUF_INIT(4096);

    buf_str(&path, "/projects/");
    /* A project's path is one segment. Its other characters need no escape. */
    for (const char *c = vcs->repository; *c; c++) {
        if (*c == '/')
            buf_str(&path, "%2F");
        else
            buf_char(&path, *c);
    }
    buf_fmt(&path, "/merge_requests/%lld%s", (long long)vcs->pull_request, below);
    return vcs_get(vcs, buf_text(&path), NULL, err);
}

cJSON *gitlab_pull(const struct vcs *vcs, struct err *err)
{
    return get_request(vcs, "", err);
}

const char *gitlab_head(const cJSON *request)
{
    return json_string(request, "sha");
}

const char *gitlab_base(const cJSON *request)
{
    return json_string(request, "target_branch");
}

/* ---- approved ---- */

static int judge_approvals(const struct vcs *vcs, const cJSON *approvals, bool *met,
                           char **why, struct err *err)
{
    const cJSON *people = json_get(approvals, "approved_by");
    int64_t left = json_int(approvals, "approvals_left", 0);

    if (!cJSON_IsBool(json_get(approvals, "approved")) || !cJSON_IsArray(people))
        return vcs_odd_answer(vcs, "the approvals are not what they should be", err);
    if (!json_bool(approvals, "approved", false) && left > 0)
        return vcs_unmet(met, why, "%lld more approvals are required", (long long)left);
    if (!json_bool(approvals, "approved", false) || !people->child)
        return vcs_unmet(met, why, "nobody has approved it");
    return vcs_met(met);
}

int gitlab_approved(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    AUTO(auto_json) cJSON *approvals = get_request(vcs, "/approvals", err);

    return approvals ? judge_approvals(vcs, approvals, met, why, err) : -1;
}

/* ---- mergeable ---- */

/* Both of `detailed_merge_status` and of `merge_status`. */
static bool is_pending(const char *status)
{
    static const char *const pending[] = {
        "unchecked",
        "checking",
        "preparing",
        "approvals_syncing",
        "cannot_be_merged_recheck",
        "cannot_be_merged_rechecking",
    };

    for (size_t i = 0; i < ARRAY_LEN(pending); i++)
        if (strcmp(status, pending[i]) == 0)
            return true;
    return false;
}

/* GitLab before 15.6. */
static int judge_old(const cJSON *request, bool *met, char **why)
{
    if (json_bool(request, "draft", json_bool(request, "work_in_progress", false)))
        return vcs_unmet(met, why, "it is a draft");
    if (!json_bool(request, "blocking_discussions_resolved", true))
        return vcs_unmet(met, why, "not all of its threads are resolved");
    if (strcmp(json_string(request, "merge_status"), "can_be_merged") != 0)
        return vcs_unmet(met, why, "it conflicts with its target branch");
    return vcs_met(met);
}

static bool is_open(const cJSON *request)
{
    const char *state = json_string(request, "state");

    return state && strcmp(state, "opened") == 0;
}

static int judge_status(const cJSON *request, const char *detailed, bool *met, char **why)
{
    if (!is_open(request))
        return vcs_unmet(met, why, "it is not open");
    if (!detailed)
        return judge_old(request, met, why);
    if (strcmp(detailed, "mergeable") != 0)
        return vcs_unmet(met, why, "its merge status is %s", vcs_word(detailed));
    return vcs_met(met);
}

int gitlab_mergeable(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    const char *detailed = json_string(vcs->pull, "detailed_merge_status");
    const char *status = detailed ? detailed : json_string(vcs->pull, "merge_status");

    if (!status)
        return vcs_odd_answer(vcs, "it has no merge status", err);
    if (is_open(vcs->pull) && is_pending(status))
        return 0;
    judge_status(vcs->pull, detailed, met, why);
    return 1;
}
