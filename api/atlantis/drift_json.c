/* The object `drift` of the Atlantis family. */
#include "api/atlantis/drift_json.h"

#include "common/base/mem.h"

static const struct {
    const char *shown, *stored;
} numbers[] = {
    {"to_add", "toAdd"},
    {"to_change", "toChange"},
    {"to_destroy", "toDestroy"},
    {"to_import", "toImport"},
};

int64_t drift_json_total(const cJSON *counts)
{
    int64_t total = 0;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        total += json_int(counts, numbers[i].stored, 0);
    return total;
}

void drift_json_add(struct json_writer *w, const char *key, const cJSON *counts)
{
    const char *summary = json_string(counts, "summary");

    json_key(w, key);
    json_object(w);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        json_add_number(w, numbers[i].shown, json_int(counts, numbers[i].stored, 0));
    json_add_number(w, "total_changes", drift_json_total(counts));
    json_add_text(w, "summary", summary != NULL ? summary : "");
    json_add_boolean(w, "changes_outside", json_bool(counts, "changesOutside", false));
    json_object_end(w);
}

void drift_json_add_summary(struct json_writer *w, int64_t with_drift,
                            int64_t without_drift, int64_t with_errors)
{
    json_key(w, "summary");
    json_object(w);
    json_add_number(w, "total_projects", with_drift + without_drift + with_errors);
    json_add_number(w, "projects_with_drift", with_drift);
    json_add_number(w, "projects_without_drift", without_drift);
    json_add_number(w, "projects_with_errors", with_errors);
    json_object_end(w);
}
