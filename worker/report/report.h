/* The report: what a plan found, as metadata JSON: counts, drifted resources, attribute
 * changes with origin, severity and masks. Contract section 4 is its specification.
 * Pure: JSON in, JSON out. Source of the input: Terraform's "JSON Output Format",
 * format_version 1.x. */
#ifndef KEDGE_WORKER_REPORT_REPORT_H
#define KEDGE_WORKER_REPORT_REPORT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/json.h"

#define REPORT_RESOURCES_MAX   2000
#define REPORT_VALUE_BYTES     (64 * 1024)
#define REPORT_METADATA_BYTES  (1024 * 1024)
#define REPORT_PLAN_JSON_BYTES (256LL * 1024 * 1024)

struct report_counts {
    int64_t to_add, to_change, to_destroy, to_import;
    int64_t drifted;      /* resources listed before any cap */
    bool changes_outside; /* some origin is outside or both */
    bool output_changes;
    int64_t check_failures;
};
struct words_lock; /* terraform_words.h */
/* Facts the runner knows and the metadata shows. */
struct report_facts {
    int64_t total_resources; /* -1: unknown */
    int64_t timing_queued_ms, timing_checkout_ms, timing_init_ms, timing_plan_ms,
        timing_show_ms;
    bool applied; /* then timings has apply, and there is driftAfter */
    int64_t timing_apply_ms;
    /* Of the plan after the apply; NULL: there is none, and driftAfter is null. */
    const struct report *after;
    bool after_changes; /* that plan's exit status was 2 */
    const char *terraform_version;
    int64_t peak_rss_bytes;
    const char *sandbox; /* "landlock" or "none" */
    /* The lock that stands, or may stand, on the state; NULL: none is known of. */
    const struct words_lock *state_lock;
};
struct report; /* the drifted resources of one plan */

/* From `terraform show -json plan`. NULL: ERR_PERM. */
struct report *report_from_plan(const cJSON *plan, struct err *err);
/* Of a clean plan: no resources. */
struct report *report_empty(void);
/* Counts from the text ("Plan: 1 to add, …") where the JSON is too large. */
struct report *report_from_text(const char *plan_text);
void report_free(struct report *report);
const struct report_counts *report_counts(const struct report *report);
/* 32 hex digits: which drift it is. Equal for two plans that found the same, whatever is
 * masked or left out of their lists; "" when nothing drifted or the JSON was not read. */
const char *report_fingerprint(const struct report *report);
/* "Plan: 1 to add, 2 to change, 0 to destroy." as terraform says it (with imports in
 * front), or "No changes. Your infrastructure matches the configuration." */
void report_summary_line(const struct report *report, struct buf *out);
/* The same of a plan after an apply, which says so when it found nothing. */
void report_after_line(const struct report *after, bool changes, struct buf *out);
/* Members of an object: summary, toAdd, toChange, toDestroy, toImport, driftedCount. */
void report_print_after(struct json_writer *w, const struct report *after, bool changes);
/* "timings" and what else does not come from a plan, as members of an object. */
void report_print_facts(struct json_writer *w, const struct report_facts *facts);
/* The metadata object; never above REPORT_METADATA_BYTES: values go first, then
 * resources, and "truncated": true says so. */
void report_print(const struct report *report, const struct report_facts *facts,
                  struct buf *out);

/* Managed instances in a state file (version 4), the member "tfstate" of a plan file; -1:
 * not readable. */
int64_t report_state_resources(const char *state_json, size_t len);

#endif
