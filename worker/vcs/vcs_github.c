/* GitHub: pull requests and their reviews. Source: GitHub's REST documentation, "Get a
 * pull request" and "List reviews for a pull request". */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/vcs/vcs_parts.h"

/* The most that a page may have. */
#define PAGE_REVIEWS 100
/* A pull request that was reviewed more often is not looked at. */
#define PAGES_MAX 50

cJSON *github_pull(const struct vcs *vcs, struct err *err)
{
    AUTO(auto_free)
    char *path =
        mem_fmt("/repos/%s/pulls/%lld", vcs->repository, (long long)vcs->pull_request);

    return vcs_get(vcs, path, NULL, err);
}

const char *github_head(const cJSON *pull)
{
    return json_string(json_get(pull, "head"), "sha");
}

const char *github_base(const cJSON *pull)
{
    return json_string(json_get(pull, "base"), "ref");
}

/* ---- reviews ---- */

enum verdict { VERDICT_NONE, VERDICT_APPROVED, VERDICT_STALE, VERDICT_CHANGES };

/* The latest word of a person. */
struct reviewer {
    int64_t id; /* 0: accounts that are gone */
    enum verdict verdict;
    char name[64];
};
struct reviewers {
    struct reviewer list[PAGE_REVIEWS * PAGES_MAX];
    size_t count;
};

static struct reviewer *find_reviewer(struct reviewers *reviewers, const cJSON *user)
{
    int64_t id = json_int(user, "id", 0);
    const char *name = json_string(user, "login");
    struct reviewer *added;

    for (size_t i = 0; i < reviewers->count; i++)
        if (reviewers->list[i].id == id)
            return &reviewers->list[i];
    added = &reviewers->list[reviewers->count++];
    added->id = id;
    /* Letters, digits and hyphens by GitHub's rules; "[bot]" at the end. */
    if (name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789-_[]") == strlen(name))
        snprintf(added->name, sizeof(added->name), "%s", name);
    return added;
}

/* A comment leaves what the person has said before; a dismissed review says nothing any
 * more; one that is pending nobody has sent yet. */
static int take_review(struct reviewers *reviewers, const cJSON *review, const char *head)
{
    const char *state = json_string(review, "state");
    const char *commit = json_string(review, "commit_id");
    enum verdict verdict;

    if (!state)
        return -1;
    if (strcmp(state, "APPROVED") == 0)
        verdict = commit && strcmp(commit, head) == 0 ? VERDICT_APPROVED : VERDICT_STALE;
    else if (strcmp(state, "CHANGES_REQUESTED") == 0)
        verdict = VERDICT_CHANGES;
    else if (strcmp(state, "DISMISSED") == 0)
        verdict = VERDICT_NONE;
    else
        return 0;
    find_reviewer(reviewers, json_get(review, "user"))->verdict = verdict;
    return 0;
}

/* The number of reviews on the page, or -1. */
static int take_page(const struct vcs *vcs, int page, const char *head,
                     struct reviewers *reviewers, bool *more, struct err *err)
{
    AUTO(auto_free)
    char *path =
        mem_fmt("/repos/%s/pulls/%lld/reviews?per_page=%d&page=%d", vcs->repository,
                (long long)vcs->pull_request, PAGE_REVIEWS, page);
    AUTO(auto_json) cJSON *list = vcs_get(vcs, path, more, err);
    int count = 0;

    if (!list)
        return -1;
    if (!cJSON_IsArray(list))
        return vcs_odd_answer(vcs, "the reviews are no list", err);
    for (const cJSON *review = list->child; review; review = review->next, count++)
        if (count == PAGE_REVIEWS || take_review(reviewers, review, head) < 0)
            return vcs_odd_answer(vcs, "a review has no state, or there are too many",
                                  err);
    return count;
}

/* They come in the order of time, oldest first. */
static int take_reviews(const struct vcs *vcs, const char *head,
                        struct reviewers *reviewers, struct err *err)
{
    for (int page = 1; page <= PAGES_MAX; page++) {
        bool more = false;
        int count = take_page(vcs, page, head, reviewers, &more, err);

        if (count < 0)
            return -1;
        if (count == 0 || (count < PAGE_REVIEWS && !more))
            return 0;
    }
    return vcs_odd_answer(vcs, "too many reviews", err);
}

static int judge_reviews(const struct reviewers *reviewers, bool *met, char **why)
{
    const struct reviewer *approval = NULL, *stale = NULL;

    for (size_t i = 0; i < reviewers->count; i++) {
        const struct reviewer *reviewer = &reviewers->list[i];

        if (reviewer->verdict == VERDICT_CHANGES)
            return vcs_unmet(met, why, "%s has requested changes",
                             reviewer->name[0] ? reviewer->name : "somebody");
        if (reviewer->verdict == VERDICT_APPROVED)
            approval = reviewer;
        if (reviewer->verdict == VERDICT_STALE)
            stale = reviewer;
    }
    if (approval)
        return vcs_met(met);
    if (stale)
        return vcs_unmet(met, why, "%s has approved an earlier commit, not the head",
                         stale->name[0] ? stale->name : "somebody");
    return vcs_unmet(met, why, "nobody has approved it");
}

int github_approved(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    AUTO(auto_free) struct reviewers *reviewers = mem_new(1, sizeof(*reviewers));

    if (take_reviews(vcs, github_head(vcs->pull), reviewers, err) < 0)
        return -1;
    return judge_reviews(reviewers, met, why);
}

/* ---- mergeable ---- */

/* `mergeable_state` is documented with GraphQL's MergeStateStatus. */
static const struct {
    const char *state, *why; /* NULL: it can be merged */
} states[] = {
    {"clean", NULL},
    {"unstable", NULL},
    {"has_hooks", NULL},
    {"dirty", "it conflicts with its base branch"},
    {"blocked", "the branch's protection blocks the merge (checks, reviews)"},
    {"behind", "it is behind its base branch"},
    {"draft", "it is a draft"},
};

static bool is_known(const cJSON *pull)
{
    const char *state = json_string(pull, "mergeable_state");

    return cJSON_IsBool(json_get(pull, "mergeable")) && state &&
           strcmp(state, "unknown") != 0;
}

static bool is_open(const cJSON *pull)
{
    return strcmp(json_string(pull, "state"), "open") == 0;
}

static int judge_state(const cJSON *pull, bool *met, char **why)
{
    const char *state = json_string(pull, "mergeable_state");

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (strcmp(state, states[i].state) != 0)
            continue;
        if (states[i].why)
            return vcs_unmet(met, why, "%s", states[i].why);
        if (!json_bool(pull, "mergeable", false))
            return vcs_unmet(met, why, "it conflicts with its base branch");
        return vcs_met(met);
    }
    return vcs_unmet(met, why, "its state is %s", vcs_word(state));
}

int github_mergeable(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    const cJSON *pull = vcs->pull;

    if (!json_string(pull, "state"))
        return vcs_odd_answer(vcs, "it has no state", err);
    if (!is_open(pull))
        vcs_unmet(met, why, "it is closed");
    else if (json_bool(pull, "draft", false))
        vcs_unmet(met, why, "it is a draft");
    else if (!is_known(pull))
        return 0;
    else
        judge_state(pull, met, why);
    return 1;
}
