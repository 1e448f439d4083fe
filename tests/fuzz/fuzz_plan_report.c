/* Fuzzes the report: any JSON as a plan gives valid metadata below its ceiling; any text
 * gives counts; any bytes are a state or not. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "worker/report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_report(const struct report *report)
{
    static const struct report_facts facts = {
        .total_resources = -1, .terraform_version = "1.11.4", .sandbox = "none"};
    AUTO(buf_done) struct buf out = BUF_INIT(2 * REPORT_METADATA_BYTES);
    AUTO(auto_json) cJSON *metadata = NULL;
    struct err err = {0};

    report_print(report, &facts, &out);
    metadata = json_parse(out.data, out.len, JSON_DEPTH_MAX, false, &err);
    if (!metadata || out.len > REPORT_METADATA_BYTES)
        abort();
}

static void try_plan(const char *text, size_t size)
{
    AUTO(auto_json) cJSON *plan = cJSON_ParseWithLength(text, size);
    struct err err = {0};
    struct report *report = plan ? report_from_plan(plan, &err) : NULL;

    if (report)
        print_report(report);
    report_free(report);
}

static void try_text(const char *text)
{
    struct report *report = report_from_text(text);

    print_report(report);
    report_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = mem_dup_n((const char *)data, size);

    try_plan(text, size);
    try_text(text);
    (void)report_state_resources(text, size);
    return 0;
}
