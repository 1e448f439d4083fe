/* What a reconcile may not do: nobody looks at its plan before it is applied. Judged is
 * the JSON of the plan that was sealed, all of it: the report leaves out what is too
 * much. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/runner/runner_parts.h"

#define MIB           (1024 * 1024)
#define ADDRESS_BYTES 100 /* of an address in a message */
#define CUT           "\xE2\x80\xA6"

/* ---- what the plan would touch ---- */

static bool destroys(const cJSON *actions)
{
    for (const cJSON *word = actions ? actions->child : NULL; word; word = word->next) {
        if (cJSON_IsString(word) && strcmp(word->valuestring, "delete") == 0)
            return true;
    }
    return false;
}

/* A word that is not known may mean anything. */
static bool is_harmless(const cJSON *word)
{
    static const char *const words[] = {"no-op", "read", "create"};

    for (size_t i = 0; cJSON_IsString(word) && i < ARRAY_LEN(words); i++) {
        if (strcmp(word->valuestring, words[i]) == 0)
            return true;
    }
    return false;
}

static bool touches(const cJSON *actions)
{
    for (const cJSON *word = actions ? actions->child : NULL; word; word = word->next) {
        if (!is_harmless(word))
            return true;
    }
    return false;
}

static bool matches(const struct run_spec *spec, const char *address)
{
    for (size_t i = 0; address != NULL && i < spec->protected_count; i++) {
        if (parse_glob(spec->protected[i], address, false))
            return true;
    }
    return false;
}

/* The address that is protected, NULL: none. What the code has moved is still the thing
 * that stood under the other name. */
static const char *protected_address(const struct run_spec *spec, const cJSON *resource)
{
    static const char *const keys[] = {"address", "previous_address"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *address = json_string(resource, keys[i]);

        if (matches(spec, address))
            return address;
    }
    return NULL;
}

void runner_guard_look(struct runner *r, const cJSON *plan)
{
    const cJSON *list = json_get(plan, "resource_changes");
    struct runner_touches *found = &r->touches;

    if (r->order.spec.kind != RUN_RECONCILE || r->applying)
        return;
    free(found->protected);
    *found = (struct runner_touches){.known = true};
    for (const cJSON *resource = list ? list->child : NULL; resource;
         resource = resource->next) {
        const cJSON *actions = json_get(json_get(resource, "change"), "actions");

        found->destroyed += destroys(actions);
        if (found->protected == NULL && touches(actions))
            found->protected = mem_dup(protected_address(&r->order.spec, resource));
    }
}

/* ---- is it what was asked for? ---- */

int runner_guard_commit(struct runner *r)
{
    const char *expected = r->order.spec.expected_commit;

    if (expected == NULL || strcasecmp(expected, r->commit) == 0)
        return 0;
    return runner_fail(r, RUN_ERR_DRIFT_MOVED,
                       "%s is at commit %s, and the drift that was to be reconciled was "
                       "seen at %s. Nothing was applied: check it again, then reconcile "
                       "what has drifted now.",
                       r->order.spec.ref, r->commit, expected);
}

static bool has_moved(const struct runner *r)
{
    const char *expected = r->order.spec.expected_drift;

    return expected != NULL && strcasecmp(expected, report_fingerprint(r->report)) != 0;
}

static int refuse_moved(struct runner *r)
{
    return runner_fail(r, RUN_ERR_DRIFT_MOVED,
                       "%s. Nothing was applied: reconcile what has drifted now.",
                       report_counts(r->report)->drifted > 0
                           ? "The plan finds another drift than the one that was to be "
                             "reconciled"
                           : "The plan finds no drift where there was some before");
}

/* Somebody lost it, or the backend's settings lead elsewhere: everything would be made
 * anew beside what there is. Not when what is in the state is gone: then it is still in
 * the state. */
static bool has_lost_state(const struct runner *r)
{
    return r->order.resources > 0 && r->stored_resources == 0;
}

static int refuse_empty(struct runner *r)
{
    return runner_fail(
        r, RUN_ERR_EMPTY_STATE,
        "The state is empty, and had %" PRId64 " resource%s before: everything would be "
        "created anew. Nothing was applied: check the backend's settings and restore the "
        "state. If it is meant to be empty, apply with POST /api/apply, or delete the "
        "workspace and register it again.",
        r->order.resources, r->order.resources == 1 ? "" : "s");
}

/* ---- may it be applied? ---- */

static int refuse_destroy(struct runner *r)
{
    return runner_fail(r, RUN_ERR_DESTROY_REFUSED,
                       "The plan destroys %" PRId64 " resource%s, and maxDestroy of this "
                       "reconcile is %" PRId64 ". Nothing was applied: review the plan, "
                       "then apply it yourself or allow that many.",
                       r->touches.destroyed, r->touches.destroyed == 1 ? "" : "s",
                       r->order.spec.max_destroy);
}

/* As much of it as there is room for, in whole characters of UTF-8. */
static size_t shown_bytes(const char *address)
{
    size_t len = strnlen(address, ADDRESS_BYTES + 1);

    if (len <= ADDRESS_BYTES)
        return len;
    for (len = ADDRESS_BYTES; len > 0 && ((unsigned char)address[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

static int refuse_protected(struct runner *r)
{
    const char *address = r->touches.protected;
    size_t len = shown_bytes(address);

    return runner_fail(r, RUN_ERR_PROTECTED,
                       "The plan touches %.*s%s, which the workspace protects. Nothing "
                       "was applied: review the plan, then apply it yourself or take the "
                       "pattern off protected.",
                       (int)len, address, address[len] != '\0' ? CUT : "");
}

static int guard_touches(struct runner *r)
{
    int64_t limit = r->order.spec.max_destroy;

    if (!r->touches.known)
        return runner_fail(r, RUN_ERR_OUTPUT_TOO_LARGE,
                           "The plan is larger than %lld MiB: what it destroys is not "
                           "known. Nothing was applied: split the workspace.",
                           REPORT_PLAN_JSON_BYTES / MIB);
    if (limit != RUN_DESTROY_ANY && r->touches.destroyed > limit)
        return refuse_destroy(r);
    return r->touches.protected != NULL ? refuse_protected(r) : 0;
}

int runner_guard(struct runner *r)
{
    if (r->order.spec.kind != RUN_RECONCILE)
        return 0;
    if (r->plan_changes && has_lost_state(r))
        return refuse_empty(r);
    if (has_moved(r))
        return refuse_moved(r);
    return r->plan_changes ? guard_touches(r) : 0;
}

bool runner_guard_refused(const struct runner *r)
{
    static const enum run_error errors[] = {
        RUN_ERR_DESTROY_REFUSED, RUN_ERR_PROTECTED, RUN_ERR_EMPTY_STATE,
        RUN_ERR_DRIFT_MOVED,     RUN_ERR_FROZEN,    RUN_ERR_REQUIREMENT_UNMET};

    if (r->order.spec.kind != RUN_RECONCILE || r->report == NULL ||
        r->outcome.status != RUN_ERROR)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (r->outcome.error == errors[i])
            return true;
    return false;
}
