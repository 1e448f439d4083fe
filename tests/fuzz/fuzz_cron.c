/* Fuzzes expressions: a refusal names a column; what is taken has a normal form that
 * means the same, a sentence, and ticks that go forth and back alike. */
#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/cron.h"
#include "common/schedule/humanize.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 4096
#define TICKS    5

static const struct zone *zone_of(unsigned char choice)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                        "America/Havana"};
    static struct zones *zones;
    const struct zone *zone = NULL;
    struct err err;

    if (zones == NULL)
        zones = zones_new();
    if (zones_get(zones, names[choice % ARRAY_LEN(names)], &zone, &err) < 0)
        must(zones_get(zones, "UTC", &zone, &err) == 0);
    return zone;
}

static void check_normal_form(const struct cron *cron)
{
    AUTO(buf_done) struct buf normal = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf repeated = BUF_INIT(TEXT_MAX);
    struct err err = {0};
    struct cron again;

    cron_print(cron, &normal);
    if (normal.len > CRON_TEXT_MAX)
        return; /* a set of single numbers in several fields may be that long */
    must(cron_parse(buf_text(&normal), &again, &err) == 0 && cron_equal(cron, &again));
    cron_print(&again, &repeated);
    must(strcmp(buf_text(&normal), buf_text(&repeated)) == 0);
}

static void check_sentence(const struct cron *cron)
{
    AUTO(buf_done) struct buf sentence = BUF_INIT(TEXT_MAX);

    humanize_cron(cron, "Europe/Berlin", &sentence);
    must(sentence.len > 0 && !sentence.over);
}

static void check_ticks(const struct cron *cron, const struct zone *zone,
                        int64_t after_ms)
{
    for (int i = 0; i < TICKS; i++) {
        int64_t tick_ms = cron_next(cron, zone, after_ms);

        if (tick_ms < 0) {
            must(tick_ms == -1);
            return;
        }
        must(tick_ms > after_ms && tick_ms % 1000 == 0);
        must(cron_next(cron, zone, tick_ms - 1) == tick_ms);
        must(cron_last(cron, zone, after_ms, tick_ms) == tick_ms);
        must(cron_last(cron, zone, after_ms, tick_ms - 1) == -1);
        after_ms = tick_ms;
    }
}

/* The first bytes choose zone and time, the rest is the expression. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = NULL;
    struct err err = {0};
    struct cron cron;
    uint32_t minutes;

    if (size < 1 + sizeof minutes)
        return 0;
    memcpy(&minutes, data + 1, sizeof minutes);
    text = mem_dup_n((const char *)data + 1 + sizeof minutes, size - 1 - sizeof minutes);
    if (cron_parse(text, &cron, &err) < 0) {
        must(err.kind == ERR_INPUT && strstr(err.message, "column ") != NULL);
        return 0;
    }
    check_normal_form(&cron);
    check_sentence(&cron);
    check_ticks(&cron, zone_of(data[0]), INT64_C(1) * (minutes >> 3) * 60000);
    return 0;
}
