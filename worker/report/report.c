/* The report from a plan's JSON: what is listed, counted and left out. */
#include "worker/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/report/report_model.h"
#include "worker/report/report_tree.h"

/* ---- actions ---- */

enum {
    ACT_CREATE = 1 << 0,
    ACT_UPDATE = 1 << 1,
    ACT_DELETE = 1 << 2,
    ACT_FORGET = 1 << 3,
    ACT_IMPORT = 1 << 4,
};

/* Which words a change's "actions" hold, in either order, and whether it imports. Reads,
 * no-ops and moves are 0. */
static unsigned actions_of(const cJSON *change)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"create", ACT_CREATE},
                 {"update", ACT_UPDATE},
                 {"delete", ACT_DELETE},
                 {"forget", ACT_FORGET}};
    const cJSON *actions = json_get(change, "actions");
    unsigned found = cJSON_IsObject(json_get(change, "importing")) ? ACT_IMPORT : 0;

    if (!cJSON_IsArray(actions))
        return found;
    for (const cJSON *word = actions->child; word; word = word->next)
        for (size_t i = 0; cJSON_IsString(word) && i < ARRAY_LEN(words); i++)
            if (strcmp(word->valuestring, words[i].word) == 0)
                found |= words[i].bit;
    return found;
}

static const char *action_name(unsigned actions)
{
    if (actions & ACT_CREATE && actions & (ACT_DELETE | ACT_FORGET))
        return "replace";
    if (actions & ACT_CREATE)
        return "create";
    if (actions & ACT_DELETE)
        return "delete";
    if (actions & ACT_UPDATE)
        return "update";
    return actions & ACT_FORGET ? "forget" : "import";
}

static void count_actions(struct report_counts *counts, unsigned actions)
{
    counts->to_add += (actions & ACT_CREATE) != 0;
    counts->to_change += (actions & ACT_UPDATE) != 0;
    counts->to_destroy += (actions & ACT_DELETE) != 0;
    counts->to_import += (actions & ACT_IMPORT) != 0;
    counts->drifted++;
}

/* ---- outside drift by address ---- */

struct drift_index {
    const cJSON **list; /* entries of resource_drift, sorted; borrowed */
    size_t count;
};

static void drift_index_done(struct drift_index *index)
{
    auto_free(&index->list);
}

static int compare_text(const cJSON *a, const cJSON *b, const char *key)
{
    const char *left = json_string(a, key), *right = json_string(b, key);

    return strcmp(left ? left : "", right ? right : "");
}

static int by_address(const void *a, const void *b)
{
    const cJSON *const *left = a, *const *right = b;
    int order = compare_text(*left, *right, "address");

    return order ? order : compare_text(*left, *right, "deposed");
}

static void drift_index_init(struct drift_index *index, const cJSON *drift)
{
    size_t count = 0;

    for (const cJSON *entry = drift ? drift->child : NULL; entry; entry = entry->next)
        count++;
    index->list = mem_new(count + 1, sizeof(const cJSON *));
    for (const cJSON *entry = drift ? drift->child : NULL; entry; entry = entry->next)
        index->list[index->count++] = entry;
    qsort(index->list, index->count, sizeof(const cJSON *), by_address);
}

/* The "change" of that resource's outside drift, or NULL. */
static const cJSON *drift_of(const struct drift_index *index, const cJSON *resource)
{
    const cJSON **found =
        bsearch(&resource, index->list, index->count, sizeof(const cJSON *), by_address);

    return found ? json_get(*found, "change") : NULL;
}

/* ---- one resource ---- */

static void find_changes(struct drifted *resource, const cJSON *change,
                         const cJSON *drift, unsigned actions)
{
    struct change_sides sides = {
        .before = json_get(change, "before"),
        .after = json_get(change, "after"),
        .after_unknown = json_get(change, "after_unknown"),
        .before_sensitive = json_get(change, "before_sensitive"),
        .after_sensitive = json_get(change, "after_sensitive"),
        .state = json_get(drift, "before"),
        .drifted = drift != NULL,
        .gone = actions == ACT_CREATE && actions_of(drift) & ACT_DELETE,
    };

    /* Nothing happens to what is only forgotten or imported. */
    if (actions & (ACT_CREATE | ACT_UPDATE | ACT_DELETE))
        changes_find(&sides, REPORT_VALUE_BYTES, &resource->changes);
    for (size_t i = 0; i < resource->changes.count; i++)
        resource->cut = resource->cut || resource->changes.list[i].cut;
}

static void settle_origin(struct drifted *resource)
{
    struct changes *changes = &resource->changes;
    bool outside = false, code = false;

    for (size_t i = 0; i < changes->count; i++) {
        if (changes->list[i].follows)
            continue;
        outside = outside || changes->list[i].origin != ORIGIN_CODE;
        code = code || changes->list[i].origin != ORIGIN_OUTSIDE;
    }
    resource->origin = !outside ? ORIGIN_CODE : code ? ORIGIN_BOTH : ORIGIN_OUTSIDE;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->list[i].follows)
            changes->list[i].origin = resource->origin;
}

static void settle_severity(struct drifted *resource)
{
    const struct changes *changes = &resource->changes;
    AUTO(auto_free)
    const char **attributes = mem_new(changes->count + 1, sizeof(*attributes));

    for (size_t i = 0; i < changes->count; i++)
        attributes[i] = changes->list[i].attribute;
    resource->severity =
        severity_of(resource->action, resource->type, attributes, changes->count);
}

static char *text_of(const cJSON *object, const char *key)
{
    const char *text = json_string(object, key);

    return mem_dup(text ? text : "");
}

static void drifted_done(struct drifted *resource)
{
    auto_free(&resource->address);
    auto_free(&resource->type);
    auto_free(&resource->name);
    auto_free(&resource->provider);
    auto_free(&resource->deposed);
    changes_done(&resource->changes);
}

/* Takes over what `resource` owns, or frees it where there is no room. */
static void keep(struct report *report, struct drifted *resource)
{
    if (report->count == REPORT_RESOURCES_MAX) {
        drifted_done(resource);
        return;
    }
    if (report->kept_bytes + resource->changes.bytes > REPORT_KEPT_BYTES) {
        changes_done(&resource->changes);
        resource->cut = true;
    }
    report->kept_bytes += resource->changes.bytes;
    if (!report->list)
        report->list = mem_new(REPORT_RESOURCES_MAX, sizeof(*report->list));
    report->list[report->count++] = *resource;
}

static void add_resource(struct report *report, const cJSON *entry,
                         const struct drift_index *index)
{
    const cJSON *change = json_get(entry, "change");
    const char *mode = json_string(entry, "mode");
    unsigned actions = actions_of(change);
    struct drifted resource = {.action = action_name(actions)};

    if (actions == 0 || (mode && strcmp(mode, "managed") != 0))
        return;
    resource.address = text_of(entry, "address");
    resource.type = text_of(entry, "type");
    resource.name = text_of(entry, "name");
    resource.provider = text_of(entry, "provider_name");
    resource.deposed = mem_dup(json_string(entry, "deposed"));
    find_changes(&resource, change, drift_of(index, entry), actions);
    settle_origin(&resource);
    settle_severity(&resource);
    count_actions(&report->counts, actions);
    if (resource.origin != ORIGIN_CODE)
        report->counts.changes_outside = true;
    report_fingerprint_add(&report->prints, &resource);
    keep(report, &resource);
}

/* ---- outputs and checks ---- */

static bool outputs_change(const cJSON *outputs)
{
    for (const cJSON *output = outputs ? outputs->child : NULL; output;
         output = output->next)
        if (actions_of(output) != 0)
            return true;
    return false;
}

static bool has_failed(const cJSON *check)
{
    const char *status = json_string(check, "status");

    return status && (strcmp(status, "fail") == 0 || strcmp(status, "error") == 0);
}

/* Failed instances; one for a check that failed without any. */
static int64_t failures_of(const cJSON *check)
{
    const cJSON *instances = json_get(check, "instances");
    int64_t failures = 0;

    for (const cJSON *one = instances ? instances->child : NULL; one; one = one->next)
        failures += has_failed(one);
    return failures == 0 && has_failed(check) ? 1 : failures;
}

static int64_t check_failures(const cJSON *checks)
{
    int64_t failures = 0;

    for (const cJSON *check = checks ? checks->child : NULL; check; check = check->next)
        failures += failures_of(check);
    return failures;
}

/* ---- the plan ---- */

static int check_form(const cJSON *plan, struct err *err)
{
    static const char *const lists[] = {"resource_changes", "resource_drift", "checks"};
    const char *version = json_string(plan, "format_version");

    if (!version || strncmp(version, "1.", 2) != 0)
        return err_set(err, ERR_PERM, "the plan's JSON has format_version %s, not 1.x",
                       version ? version : "(none)");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const cJSON *list = json_get(plan, lists[i]);
        if (tree_value(list) && !cJSON_IsArray(list))
            return err_set(err, ERR_PERM, "the plan's JSON has no list in %s", lists[i]);
    }
    return 0;
}

struct report *report_from_plan(const cJSON *plan, struct err *err)
{
    AUTO(drift_index_done) struct drift_index index = {0};
    struct report *report;
    const cJSON *resources = json_get(plan, "resource_changes");

    if (check_form(plan, err) < 0)
        return NULL;
    report = report_empty();
    drift_index_init(&index, json_get(plan, "resource_drift"));
    for (const cJSON *entry = resources ? resources->child : NULL; entry;
         entry = entry->next)
        add_resource(report, entry, &index);
    report_fingerprint_end(&report->prints, report->fingerprint);
    report->counts.output_changes = outputs_change(json_get(plan, "output_changes"));
    report->counts.check_failures = check_failures(json_get(plan, "checks"));
    return report;
}

struct report *report_empty(void)
{
    return mem_new(1, sizeof(struct report));
}

void report_free(struct report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->count; i++)
        drifted_done(&report->list[i]);
    auto_free(&report->list);
    auto_free(&report);
}

const char *report_fingerprint(const struct report *report)
{
    return report->fingerprint;
}

const struct report_counts *report_counts(const struct report *report)
{
    return &report->counts;
}
