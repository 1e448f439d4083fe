/* The report as metadata JSON, never above its ceiling: values go first, then changes,
 * then resources. */
#include <string.h>

#include "common/base/mem.h"
#include "worker/report/report_model.h"
#include "worker/text/terraform_words.h"

/* Room for what stands around the list of resources. */
#define FRAME_BYTES (8 * 1024)

/* How much detail a try to print keeps. */
struct detail {
    size_t value_bytes; /* longer values are described instead */
    bool changes;       /* false: none are listed */
};
static const struct detail details[] = {
    {REPORT_VALUE_BYTES, true}, {1024, true}, {128, true}, {0, true}, {0, false}};

static void print_value(struct json_writer *w, const char *key, const char *json,
                        const struct detail *detail, bool *cut)
{
    AUTO(auto_free) char *text = NULL;
    static const char left_out[] = "\"(left out)\"";

    if (!json) {
        json_add_null(w, key);
        return;
    }
    if (strlen(json) > detail->value_bytes) {
        *cut = true;
        text = change_cut_text(json);
        json = detail->value_bytes > 0 ? text : left_out;
    }
    json_add_raw(w, key, json, strlen(json));
}

static void print_change(struct json_writer *w, const struct change *change,
                         const struct detail *detail, bool *cut)
{
    json_object(w);
    json_add_text(w, "attribute", change->attribute);
    print_value(w, "before", change->before, detail, cut);
    print_value(w, "after", change->after, detail, cut);
    json_add_text(w, "action", change_action_name(change->action));
    json_add_text(w, "origin", origin_name(change->origin));
    json_add_boolean(w, "sensitive", change->sensitive);
    json_object_end(w);
}

static void print_resource(const struct drifted *resource, const struct detail *detail,
                           struct buf *out, bool *any_cut)
{
    struct json_writer w;
    bool cut = resource->cut || (!detail->changes && resource->changes.count > 0);

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "address", resource->address);
    json_add_text(&w, "type", resource->type);
    json_add_text(&w, "name", resource->name);
    json_add_text(&w, "provider", resource->provider);
    if (resource->deposed)
        json_add_text(&w, "deposed", resource->deposed);
    json_add_text(&w, "action", resource->action);
    json_add_text(&w, "severity", severity_name(resource->severity));
    json_add_text(&w, "origin", origin_name(resource->origin));
    json_add_boolean(&w, "ignored", false);
    json_key(&w, "changes");
    json_array(&w);
    for (size_t i = 0; detail->changes && i < resource->changes.count && !out->over; i++)
        print_change(&w, &resource->changes.list[i], detail, &cut);
    json_array_end(&w);
    if (cut)
        json_add_boolean(&w, "truncated", true);
    json_object_end(&w);
    *any_cut = *any_cut || cut;
}

/* The list's elements, as many as fit. True when all of them did. */
static bool print_list(const struct report *report, const struct detail *detail,
                       struct buf *list, bool *cut)
{
    AUTO(buf_done) struct buf one = BUF_INIT(list->max);

    for (size_t i = 0; i < report->count; i++) {
        buf_reset(&one);
        print_resource(&report->list[i], detail, &one, cut);
        if (one.over || list->len + one.len + 1 > list->max)
            return false;
        if (list->len > 0)
            buf_char(list, ',');
        buf_append(list, one.data, one.len);
    }
    return true;
}

/* Tries less and less detail until everything fits. */
static bool fit_list(const struct report *report, struct buf *list)
{
    bool fits = false, cut = false;

    for (size_t i = 0; i < ARRAY_LEN(details) && !fits; i++) {
        buf_reset(list);
        cut = false;
        fits = print_list(report, &details[i], list, &cut);
    }
    return !fits || cut || (int64_t)report->count < report->counts.drifted;
}

static void print_counts(struct json_writer *w, const struct report *report,
                         const struct report_facts *facts)
{
    AUTO(buf_done) struct buf line = BUF_INIT(256);
    const struct report_counts *counts = &report->counts;

    report_summary_line(report, &line);
    json_add_text(w, "summary", buf_text(&line));
    json_add_number(w, "toAdd", counts->to_add);
    json_add_number(w, "toChange", counts->to_change);
    json_add_number(w, "toDestroy", counts->to_destroy);
    json_add_number(w, "toImport", counts->to_import);
    if (facts->total_resources >= 0)
        json_add_number(w, "totalResources", facts->total_resources);
    else
        json_add_null(w, "totalResources");
    json_add_number(w, "driftedCount", counts->drifted);
    if (report->fingerprint[0] != '\0')
        json_add_text(w, "driftFingerprint", report->fingerprint);
    json_add_boolean(w, "changesOutside", counts->changes_outside);
    json_add_boolean(w, "outputChanges", counts->output_changes);
    json_add_number(w, "checkFailures", counts->check_failures);
}

void report_print_after(struct json_writer *w, const struct report *after, bool changes)
{
    AUTO(buf_done) struct buf line = BUF_INIT(256);
    const struct report_counts *counts = &after->counts;

    report_after_line(after, changes, &line);
    json_add_text(w, "summary", buf_text(&line));
    json_add_number(w, "toAdd", counts->to_add);
    json_add_number(w, "toChange", counts->to_change);
    json_add_number(w, "toDestroy", counts->to_destroy);
    json_add_number(w, "toImport", counts->to_import);
    json_add_number(w, "driftedCount", counts->drifted);
}

static void print_drift_after(struct json_writer *w, const struct report_facts *facts)
{
    if (facts->after == NULL) {
        json_add_null(w, "driftAfter");
        return;
    }
    json_key(w, "driftAfter");
    json_object(w);
    report_print_after(w, facts->after, facts->after_changes);
    json_object_end(w);
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void print_lock(struct json_writer *w, const struct words_lock *lock)
{
    json_key(w, "stateLock");
    json_object(w);
    json_add_text(w, "id", lock->id);
    json_add_text(w, "who", or_null(lock->who));
    json_add_text(w, "operation", or_null(lock->operation));
    json_add_text(w, "created", or_null(lock->created));
    json_object_end(w);
}

void report_print_facts(struct json_writer *w, const struct report_facts *facts)
{
    json_key(w, "timings");
    json_object(w);
    json_add_number(w, "queued", facts->timing_queued_ms);
    json_add_number(w, "checkout", facts->timing_checkout_ms);
    json_add_number(w, "init", facts->timing_init_ms);
    json_add_number(w, "plan", facts->timing_plan_ms);
    json_add_number(w, "show", facts->timing_show_ms);
    if (facts->applied)
        json_add_number(w, "apply", facts->timing_apply_ms);
    json_object_end(w);
    if (facts->applied)
        print_drift_after(w, facts);
    json_add_text(w, "terraformVersion", facts->terraform_version);
    json_add_number(w, "peakRssBytes", facts->peak_rss_bytes);
    json_add_text(w, "sandbox", facts->sandbox);
    if (facts->state_lock != NULL)
        print_lock(w, facts->state_lock);
}

void report_print(const struct report *report, const struct report_facts *facts,
                  struct buf *out)
{
    AUTO(buf_done) struct buf list = BUF_INIT(REPORT_METADATA_BYTES - FRAME_BYTES);
    struct json_writer w;
    bool truncated = fit_list(report, &list);

    json_open(&w, out);
    json_object(&w);
    print_counts(&w, report, facts);
    json_key(&w, "driftedResources");
    json_array(&w);
    if (list.len > 0)
        json_raw(&w, list.data, list.len);
    json_array_end(&w);
    report_print_facts(&w, facts);
    if (truncated)
        json_add_boolean(&w, "truncated", true);
    json_object_end(&w);
}
