/* What must hold before a plan and an apply, besides its policies: of the pull request,
 * and of the run's commit.
 *
 * A client names the branch that a pull request is to be merged into (spec->ref). Each
 * requirement of a pull request asks the VCS whether that is so: else an older branch
 * would be undiverged, and one that nobody guards mergeable. Type Git has no API: there
 * the base is what the client says. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/runner/runner_parts.h"
#include "worker/vcs/vcs.h"

enum phase { PHASE_PLAN, PHASE_APPLY };

/* A phase's look at what it requires. */
struct look {
    struct runner *r;
    enum phase phase;
    const char *requirement; /* the one that is looked at */
    struct vcs vcs;          /* which all of them share: it is asked once */
};

static void look_done(struct look *look)
{
    vcs_done(&look->vcs);
}

static struct look look_of(struct runner *r, enum phase phase)
{
    const struct run_spec *spec = &r->order.spec;

    return (struct look){
        .r = r,
        .phase = phase,
        .vcs =
            {
                .conf = r->conf,
                .type = spec->type,
                .repository = spec->repository,
                .pull_request = spec->pull_request,
                .commit = r->commit,
                .base = spec->ref,
                .deadline_mono_ms = r->deadline_mono_ms,
                .stop_wanted = runner_stop_wanted,
                .arg = r,
            },
    };
}

/* ---- the end of a run that could not ask, or was told no ---- */

static int unmet(struct runner *r, const char *requirement, const char *why)
{
    return runner_fail(r, RUN_ERR_REQUIREMENT_UNMET, "Requirement %s is not met: %s.",
                       requirement, why);
}

/* Once an apply has its plan, a later run would be another one: a person decides. */
static bool may_retry(const struct runner *r, enum phase phase)
{
    return phase == PHASE_PLAN || !run_kind_applies(r->order.spec.kind);
}

static int could_not_ask(const struct look *look, enum run_error error,
                         const struct err *err)
{
    struct runner *r = look->r;

    if (r->cancel_level > 0 || r->interrupted) {
        r->outcome.status = RUN_CANCELLED;
        return -1;
    }
    if (clock_mono_ms() >= r->deadline_mono_ms)
        return runner_fail(r, RUN_ERR_TIMEOUT, "The requirements took too long: %s",
                           err->message);
    runner_fail_err(r, error != RUN_ERR_NONE ? error : RUN_ERR_VCS_UNAVAILABLE, err);
    if (err->kind == ERR_TEMP && may_retry(r, look->phase) &&
        r->outcome.error != RUN_ERR_DISK_FULL)
        runner_retry(r, RETRY_INFRASTRUCTURE);
    return -1;
}

/* ---- the pull request ---- */

typedef int vcs_question(struct vcs *vcs, bool *met, char **why, struct err *err);

static bool has_pull(const struct look *look)
{
    return look->vcs.pull_request > 0;
}

static int check_pull(struct look *look, vcs_question *question)
{
    AUTO(auto_free) char *why = NULL;
    bool met = false;
    struct err err;

    if (!has_pull(look))
        return 0;
    if (look->vcs.type == VCS_GIT)
        return unmet(look->r, look->requirement,
                     "a repository of type Git has no API that could be asked");
    if (question(&look->vcs, &met, &why, &err) < 0)
        return could_not_ask(look, RUN_ERR_NONE, &err);
    return met ? 0 : unmet(look->r, look->requirement, why);
}

static int check_approved(struct look *look)
{
    return check_pull(look, vcs_approved);
}

static int check_mergeable(struct look *look)
{
    return check_pull(look, vcs_mergeable);
}

/* ---- undiverged ---- */

static int has_diverged(const struct look *look, const char *tip)
{
    const struct runner *r = look->r;
    AUTO(auto_free)
    char *why = mem_fmt("%s is at %s, which commit %s does not contain: %s",
                        r->order.spec.ref, tip, r->commit,
                        has_pull(look) ? "merge it into the pull request"
                                       : "start the run again");

    return unmet(look->r, look->requirement, why);
}

/* Every time anew: what was so when the run began need not be so when it applies. */
static int check_tip(struct look *look)
{
    struct runner *r = look->r;
    struct run_spec spec = r->order.spec; /* borrows all but the commit */
    const struct checkout checkout = {
        .conf = r->conf,
        .spec = &spec,
        .deadline_mono_ms = r->deadline_mono_ms,
        .stop_wanted = runner_stop_wanted,
        .poll_fd = r->ctl_fd,
        .arg = r,
        .keep_fd = r->lock_fd,
    };
    AUTO(checked_out_done) struct checked_out got = {.error = RUN_ERR_NONE};
    bool contains = false;
    char tip[41] = "";
    struct err err;

    spec.commit = r->commit;
    if (checkout_contains_tip(&checkout, spec.ref, &contains, tip, &got, &err) < 0)
        return got.error == RUN_ERR_REF_NOT_FOUND
                   ? unmet(r, look->requirement, err.message)
                   : could_not_ask(look, got.error, &err);
    return contains ? 0 : has_diverged(look, tip);
}

static int check_undiverged(struct look *look)
{
    if (look->vcs.type != VCS_GIT && check_pull(look, vcs_targets) < 0)
        return -1;
    return check_tip(look);
}

/* ---- all of them ---- */

/* In the order in which they are checked. */
static const struct {
    const char *name;
    int (*check)(struct look *look);
} requirements[] = {
    {"undiverged", check_undiverged},
    {"approved", check_approved},
    {"mergeable", check_mergeable},
    {"policies_passed", NULL}, /* when there is a plan */
};

static bool list_has(const char *text, const char *name)
{
    size_t count = 0;
    char **list = parse_list(text ? text : "", ',', &count);
    bool found = false;

    for (size_t i = 0; i < count && !found; i++)
        found = strcmp(list[i], name) == 0;
    parse_list_free(list, count);
    return found;
}

static bool asks_for(const struct runner *r, enum phase phase, const char *name)
{
    const struct run_spec *spec = &r->order.spec;

    if (phase == PHASE_PLAN)
        return list_has(r->conf->plan_requirements, name) ||
               list_has(spec->plan_requirements, name);
    return list_has(r->conf->apply_requirements, name) ||
           list_has(spec->apply_requirements, name);
}

/* A spec may come from an api that knows more of them. */
static int check_names(struct runner *r, const char *text)
{
    size_t count = 0;
    char **list = parse_list(text ? text : "", ',', &count);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t known = 0;

        while (known < ARRAY_LEN(requirements) &&
               strcmp(list[i], requirements[known].name) != 0)
            known++;
        if (known == ARRAY_LEN(requirements))
            rc = unmet(r, list[i], "this worker does not know it");
    }
    parse_list_free(list, count);
    return rc;
}

static int check_all(struct runner *r, enum phase phase)
{
    const struct run_spec *spec = &r->order.spec;
    AUTO(look_done) struct look look = look_of(r, phase);

    if (check_names(r, phase == PHASE_PLAN ? spec->plan_requirements
                                           : spec->apply_requirements) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(requirements); i++) {
        const char *name = requirements[i].name;

        if (!requirements[i].check || !asks_for(r, phase, name))
            continue;
        runner_log_line(&r->log, "requirement: %s", name);
        look.requirement = name;
        if (requirements[i].check(&look) < 0)
            return -1;
    }
    return 0;
}

int runner_require_plan(struct runner *r)
{
    return check_all(r, PHASE_PLAN);
}

int runner_require_apply(struct runner *r)
{
    return check_all(r, PHASE_APPLY);
}

/* Of an apply they matter where something will be applied. */
bool runner_wants_policies(const struct runner *r)
{
    return asks_for(r, PHASE_PLAN, "policies_passed") ||
           (run_kind_applies(r->order.spec.kind) && r->plan_changes &&
            asks_for(r, PHASE_APPLY, "policies_passed"));
}
