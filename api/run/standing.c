/* How a workspace stands, judged from its runs. */
#include "api/run/standing.h"

#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"

/* ---- which runs ---- */
static void keep_id(struct standing *standing, enum standing_role role, const char *id)
{
    standing->ids[role][0] = '\0';
    if (id != NULL && strlen(id) < sizeof standing->ids[role])
        memcpy(standing->ids[role], id, strlen(id) + 1);
}

void standing_take_last(struct standing *standing, const struct redisReply *reply)
{
    *standing = (struct standing){0};
    for (enum standing_role role = STANDING_NEWEST; role <= STANDING_RECONCILED; role++)
        keep_id(standing, role, redis_reply_text(redis_reply_at(reply, role)));
}

void standing_take_record(struct standing *standing, const char *json, size_t len)
{
    AUTO(auto_json) cJSON *record = NULL;
    const char *status;
    struct err err;

    if (json == NULL)
        return;
    record = json_parse(json, len, JSON_DEPTH_MAX, false, &err);
    status = json_string(record, "status");
    if (status == NULL)
        return;
    keep_id(standing,
            strcmp(status, run_status_name(RUN_ERROR)) == 0 ? STANDING_RECORD_ERROR
                                                            : STANDING_RECORD_GOOD,
            json_string(record, "runId"));
}

enum standing_role standing_first(const struct standing *standing,
                                  enum standing_role role)
{
    enum standing_role first = STANDING_NEWEST;

    while (first < role && strcmp(standing->ids[first], standing->ids[role]) != 0)
        first++;
    return first;
}

/* By the plan that it made after it had applied, or because there was nothing to do. */
static bool left_nothing(const struct run_record *run)
{
    AUTO(auto_json) cJSON *summary = NULL;
    struct err err;

    if (run->kind != RUN_RECONCILE || run->status != RUN_APPLIED ||
        run->error_code[0] != '\0')
        return run->kind == RUN_RECONCILE && run->status == RUN_CLEAN;
    summary = json_parse(run->summary, strlen(run->summary), JSON_DEPTH_MAX, false, &err);
    return json_int(json_get(summary, "driftAfter"), "driftedCount", -1) == 0;
}

void standing_take_run(struct standing *standing, enum standing_role role,
                       const struct run_record *run)
{
    standing->notes[role].id[0] = '\0';
    if (run->id != NULL)
        run_note(&standing->notes[role], run);
    if (role == STANDING_RECONCILED)
        standing->left_nothing = run->id != NULL && left_nothing(run);
}

/* ---- who counts ---- */
static void fill_same(struct standing *standing)
{
    for (enum standing_role role = STANDING_NEWEST; role < STANDING_ROLES; role++) {
        enum standing_role first = standing_first(standing, role);

        if (first != role)
            standing->notes[role] = standing->notes[first];
    }
}

/* May a run that a drift record names stand for the workspace's own? Not that of another
 * workspace with the same target; not an apply: its record tells of the plan after it,
 * its result of the one before. */
static bool counts(const struct run_note *note, bool as_error)
{
    return note->id[0] != '\0' && note->project_id[0] == '\0' &&
           (note->kind == RUN_DRIFT_CHECK || note->kind == RUN_PLAN) &&
           (note->status == RUN_ERROR) == as_error && run_status_ended(note->status);
}

static bool may_stand(const struct standing *standing, enum standing_role other)
{
    if (other == STANDING_RECONCILED)
        return standing->left_nothing;
    return counts(&standing->notes[other], other == STANDING_RECORD_ERROR);
}

static enum standing_role newer(const struct standing *standing, enum standing_role own,
                                enum standing_role other)
{
    const struct run_note *mine = &standing->notes[own];
    const struct run_note *theirs = &standing->notes[other];

    if (!may_stand(standing, other) ||
        (mine->id[0] != '\0' && mine->ended_at_ms >= theirs->ended_at_ms))
        return own;
    return other;
}

struct standing_settled standing_settle(struct standing *standing)
{
    struct standing_settled settled;

    fill_same(standing);
    settled.good = newer(standing, STANDING_GOOD, STANDING_RECONCILED);
    settled.good = newer(standing, settled.good, STANDING_RECORD_GOOD);
    settled.ended = newer(standing, STANDING_ENDED, STANDING_RECONCILED);
    settled.ended = newer(standing, settled.ended, STANDING_RECORD_ERROR);
    settled.ended = newer(standing, settled.ended, STANDING_RECORD_GOOD);
    standing->notes[STANDING_GOOD] = standing->notes[settled.good];
    standing->notes[STANDING_ENDED] = standing->notes[settled.ended];
    return settled;
}

bool standing_is_mended(const struct standing *standing)
{
    const struct run_note *good = &standing->notes[STANDING_GOOD];

    return good->id[0] != '\0' && good->kind == RUN_RECONCILE;
}

const char *standing_status(const struct standing *standing, int64_t counted)
{
    const struct run_note *newest = &standing->notes[STANDING_NEWEST];
    const struct run_note *ended = &standing->notes[STANDING_ENDED];

    if (standing->older_goes_on ||
        (newest->id[0] != '\0' && !run_status_ended(newest->status)))
        return "running";
    if (ended->id[0] == '\0')
        return "never_run";
    if (ended->status == RUN_APPLIED ||
        (ended->status == RUN_DRIFT_DETECTED && counted == 0))
        return run_status_name(RUN_CLEAN);
    return run_status_shown(ended->status);
}
