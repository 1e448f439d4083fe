/* What can be known without the plan's JSON: counts from terraform's text, the summary
 * line, and the number of resources in a state. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/report/report_model.h"

/* Terraform writes its own lines at the left margin; what it quotes from a configuration
 * or a provider is indented. */
static bool starts(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

static bool line_has(const char *line, const char *words)
{
    size_t len = strcspn(line, "\n");

    return memmem(line, len, words, strlen(words)) != NULL;
}

/* "# aws_x.y will be created" and the like. */
static bool announces_change(const char *line)
{
    static const char *const words[] = {" will be created",
                                        " will be updated in-place",
                                        " will be destroyed",
                                        " must be replaced",
                                        " will be replaced",
                                        " will be imported",
                                        " will no longer be managed by "};

    if (!starts(line, "  # ") && !starts(line, " # "))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (line_has(line, words[i]))
            return true;
    return false;
}

/* "Plan: 1 to import, 2 to add, 3 to change, 4 to destroy." */
static void read_plan_line(const char *line, struct report_counts *counts)
{
    const struct {
        const char *words;
        int64_t *count;
    } parts[] = {{" to import", &counts->to_import},
                 {" to add", &counts->to_add},
                 {" to change", &counts->to_change},
                 {" to destroy", &counts->to_destroy}};
    char *end;

    for (line += strlen("Plan: "); *line >= '0' && *line <= '9';) {
        int64_t number = strtoll(line, &end, 10);
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            if (starts(end, parts[i].words))
                *parts[i].count = number;
        line = end + strcspn(end, ",.\n");
        line += strspn(line, ", ");
    }
}

static void read_line(const char *line, struct report_counts *counts)
{
    if (starts(line, "Plan: "))
        read_plan_line(line, counts);
    else if (starts(line, "Changes to Outputs:"))
        counts->output_changes = true;
    else if (starts(line, "Note: Objects have changed outside of "))
        counts->changes_outside = true;
    else if (starts(line, "Warning: Check block assertion failed"))
        counts->check_failures++;
    else if (announces_change(line))
        counts->drifted++;
}

struct report *report_from_text(const char *plan_text)
{
    struct report *report = report_empty();
    struct report_counts *counts = &report->counts;
    const char *line = plan_text;

    while (line) {
        read_line(line, counts);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (counts->drifted == 0)
        counts->drifted = counts->to_add + counts->to_change + counts->to_destroy;
    return report;
}

void report_summary_line(const struct report *report, struct buf *out)
{
    const struct report_counts *counts = &report->counts;

    if (counts->drifted == 0 && !counts->output_changes) {
        buf_str(out, "No changes. Your infrastructure matches the configuration.");
        return;
    }
    buf_str(out, "Plan: ");
    if (counts->to_import > 0)
        buf_fmt(out, "%" PRId64 " to import, ", counts->to_import);
    buf_fmt(out, "%" PRId64 " to add, %" PRId64 " to change, %" PRId64 " to destroy.",
            counts->to_add, counts->to_change, counts->to_destroy);
    if (counts->output_changes)
        buf_str(out, " Changes to Outputs.");
}

void report_after_line(const struct report *after, bool changes, struct buf *out)
{
    if (changes)
        report_summary_line(after, out);
    else
        buf_str(out, "Apply completed successfully");
}

static int64_t count_instances(const cJSON *resource)
{
    const cJSON *instances = json_get(resource, "instances");
    const char *mode = json_string(resource, "mode");
    int64_t count = 0;

    if (!mode || strcmp(mode, "managed") != 0 || !cJSON_IsArray(instances))
        return 0;
    for (const cJSON *one = instances->child; one; one = one->next)
        count += json_get(one, "deposed") == NULL;
    return count;
}

int64_t report_state_resources(const char *state_json, size_t len)
{
    AUTO(auto_json) cJSON *state = cJSON_ParseWithLength(state_json, len);
    const cJSON *resources = json_get(state, "resources");
    int64_t count = 0;

    if (json_int(state, "version", 0) != 4 || !cJSON_IsArray(resources))
        return -1;
    for (const cJSON *one = resources->child; one; one = one->next)
        count += count_instances(one);
    return count;
}
