/* Fuzzes TZif files and the rules in them: whatever the bytes are, a refusal says why,
 * and a zone has one offset for each time, in stretches that follow one another. */
#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/cron.h"
#include "common/schedule/zone_internal.h"
#include "tests/fuzz/fuzz.h"

#define STRETCHES 40

static void check_stretches(const struct zone *zone, int64_t from_s)
{
    struct zone_span span = zone_span(zone, from_s);

    must(span.from_s <= from_s && from_s < span.to_s);
    for (int i = 0; i < STRETCHES && span.to_s != INT64_MAX; i++) {
        struct zone_span next = zone_span(zone, span.to_s);

        must(next.from_s == span.to_s && next.to_s > next.from_s);
        must(next.offset_s >= ZONE_OFFSET_MIN_S && next.offset_s <= ZONE_OFFSET_MAX_S);
        must(zone_offset_s(zone, next.to_s - 1) == next.offset_s);
        span = next;
    }
}

static void check_changes(const struct zone *zone)
{
    int64_t at_s = 0, last_s = 0;
    int32_t before_s, after_s;

    for (int i = 0; i < STRETCHES; i++) {
        if (!zone_next_change(zone, at_s, &at_s, &before_s, &after_s))
            return;
        must(at_s > last_s && before_s != after_s);
        must(zone_offset_s(zone, at_s - 1) == before_s);
        must(zone_offset_s(zone, at_s) == after_s);
        last_s = at_s;
    }
}

static void check_ticks(const struct zone *zone, const char *text)
{
    struct err err = {0};
    struct cron cron;
    int64_t tick_ms = 0, next_ms;

    must(cron_parse(text, &cron, &err) == 0);
    for (int i = 0; i < STRETCHES; i++, tick_ms = next_ms) {
        next_ms = cron_next(&cron, zone, tick_ms);
        must(next_ms > tick_ms);
        must(cron_last(&cron, zone, tick_ms, next_ms) == next_ms);
    }
}

static void try_file(const uint8_t *data, size_t size)
{
    struct zone *zone = NULL;
    struct err err = {0};

    if (zone_parse("Fuzz/Zone", data, size, &zone, &err) < 0) {
        must(zone == NULL && err.message[0] != '\0');
        must(err.kind == ERR_INPUT || err.kind == ERR_PERM);
        return;
    }
    check_stretches(zone, INT64_MIN);
    check_stretches(zone, 0);
    check_stretches(zone, CALENDAR_PERIOD_S * 7);
    check_changes(zone);
    check_ticks(zone, "30 2 * * *");
    check_ticks(zone, "*/20 1-3 * * *");
    zone_free(zone);
}

static void try_rule(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = mem_dup_n((const char *)data, size);
    struct zone_change changes[2];
    struct zone_rule rule;
    struct err err = {0};

    if (zone_rule_parse(text, &rule, &err) < 0) {
        must(err.kind == ERR_PERM && err.message[0] != '\0');
        return;
    }
    for (int64_t year = 1970; rule.has_daylight && year < 2000; year++) {
        zone_rule_changes(&rule, year, changes);
        must(changes[0].at_s <= changes[1].at_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > ZONE_FILE_MAX)
        return 0;
    try_file(data, size);
    try_rule(data, size);
    return 0;
}
