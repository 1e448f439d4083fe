/* Zones: names, files of every kind, rules of every form, and the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "common/schedule/zone_internal.h"
#include "tests/support/scratch.h"
#include "tests/support/tzif.h"

#define HOUR 3600
/* One letter more than a name may have. */
#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int64_t s_of(const char *rfc3339)
{
    int64_t ms = 0;

    if (parse_rfc3339_ms(rfc3339, &ms) < 0)
        fail_msg("%s", rfc3339);
    return ms / 1000;
}

static void auto_zone(struct zone **zone)
{
    zone_free(*zone);
}

static struct zone *load(const char *name)
{
    struct zone *zone = NULL;
    struct err err = {0};

    if (zone_load(name, &zone, &err) < 0)
        fail_msg("%s", err.message);
    return zone;
}

static struct zone *made(const struct tzif *file)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
    struct zone *zone = NULL;
    struct err err = {0};

    tzif_write(file, &bytes);
    if (zone_parse("Test/Made", bytes.data, bytes.len, &zone, &err) < 0)
        fail_msg("%s", err.message);
    return zone;
}

static struct zone *of_rule(const char *rule)
{
    return made(&(struct tzif){.version = '3', .type_count = 1, .rule = rule});
}

/* ---- what is installed ---- */

static void offsets_are_those_of_the_database(void **state)
{
    static const struct {
        const char *zone, *at;
        int32_t offset_s;
    } rows[] = {
        {"UTC", "2026-07-01T00:00:00Z", 0},
        {"Etc/UTC", "2026-07-01T00:00:00Z", 0},
        {"Europe/Berlin", "2026-03-29T00:59:59Z", 1 * HOUR},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 2 * HOUR},
        {"Europe/Berlin", "2026-10-25T00:59:59Z", 2 * HOUR},
        {"Europe/Berlin", "2026-10-25T01:00:00Z", 1 * HOUR},
        {"Europe/Berlin", "2099-07-01T00:00:00Z", 2 * HOUR},
        {"Europe/Berlin", "9000-07-01T00:00:00Z", 2 * HOUR},
        {"Europe/Berlin", "1970-07-01T00:00:00Z", 1 * HOUR},
        {"Europe/Dublin", "2026-01-01T00:00:00Z", 0},
        {"Europe/Dublin", "2050-07-01T00:00:00Z", 1 * HOUR},
        {"America/New_York", "2050-01-01T00:00:00Z", -5 * HOUR},
        {"America/New_York", "2050-07-01T00:00:00Z", -4 * HOUR},
        {"America/Sao_Paulo", "2018-12-01T00:00:00Z", -2 * HOUR},
        {"America/Sao_Paulo", "2050-12-01T00:00:00Z", -3 * HOUR},
        {"America/St_Johns", "2026-07-01T00:00:00Z", -(2 * HOUR + HOUR / 2)},
        {"Asia/Kolkata", "2026-07-01T00:00:00Z", 5 * HOUR + HOUR / 2},
        {"Asia/Kathmandu", "2026-07-01T00:00:00Z", 5 * HOUR + 45 * 60},
        {"Australia/Sydney", "2050-01-01T00:00:00Z", 11 * HOUR},
        {"Australia/Sydney", "2050-07-01T00:00:00Z", 10 * HOUR},
        {"Australia/Lord_Howe", "2050-01-01T00:00:00Z", 11 * HOUR},
        {"Australia/Lord_Howe", "2050-07-01T00:00:00Z", 10 * HOUR + HOUR / 2},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -10 * HOUR},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 14 * HOUR},
        {"Africa/Casablanca", "2025-03-15T12:00:00Z", 0},
        {"Africa/Casablanca", "2025-06-15T12:00:00Z", 1 * HOUR},
        {"Africa/Monrovia", "1971-06-01T00:00:00Z", -(44 * 60 + 30)},
        {"Etc/GMT+5", "2026-07-01T00:00:00Z", -5 * HOUR},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_zone) struct zone *zone = load(rows[i].zone);

        if (zone_offset_s(zone, s_of(rows[i].at)) != rows[i].offset_s)
            fail_msg("%s at %s: %d", rows[i].zone, rows[i].at,
                     zone_offset_s(zone, s_of(rows[i].at)));
        assert_string_equal(zone_name(zone), rows[i].zone);
    }
}

static void changes_follow_one_another(void **state)
{
    AUTO(auto_zone) struct zone *berlin = load("Europe/Berlin");
    AUTO(auto_zone) struct zone *kolkata = load("Asia/Kolkata");
    AUTO(auto_zone) struct zone *utc = load("UTC");
    int64_t at_s = s_of("2500-01-01T00:00:00Z");
    int32_t before_s, after_s;

    (void)state;
    assert_true(zone_next_change(berlin, at_s, &at_s, &before_s, &after_s));
    assert_int_equal(at_s, s_of("2500-03-28T01:00:00Z"));
    assert_int_equal(before_s, HOUR);
    assert_int_equal(after_s, 2 * HOUR);
    assert_true(zone_next_change(berlin, at_s, &at_s, &before_s, &after_s));
    assert_int_equal(at_s, s_of("2500-10-31T01:00:00Z"));
    assert_true(zone_next_change(berlin, at_s, &at_s, &before_s, &after_s));
    assert_int_equal(at_s, s_of("2501-03-27T01:00:00Z"));
    assert_false(zone_next_change(kolkata, s_of("1970-01-01T00:00:00Z"), &at_s, &before_s,
                                  &after_s));
    assert_false(zone_next_change(utc, INT64_MIN, &at_s, &before_s, &after_s));
}

/* For 900 years: each stretch ends where the next begins. */
static void stretches_cover_time_without_a_gap(void **state)
{
    static const char *const names[] = {"Europe/Berlin", "Australia/Lord_Howe",
                                        "Africa/Casablanca", "Asia/Tokyo"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(auto_zone) struct zone *zone = load(names[i]);
        struct zone_span span = zone_span(zone, INT64_MIN), next;

        assert_int_equal(span.from_s, INT64_MIN);
        while (span.to_s != INT64_MAX && span.to_s < s_of("2900-01-01T00:00:00Z")) {
            assert_true(span.from_s < span.to_s);
            next = zone_span(zone, span.to_s);
            assert_int_equal(next.from_s, span.to_s);
            assert_int_equal(zone_span(zone, span.to_s - 1).offset_s, span.offset_s);
            assert_int_equal(zone_span(zone, next.to_s - 1).from_s, next.from_s);
            span = next;
        }
    }
}

/* ---- names ---- */

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const names[] = {
        "",
        "Europe/Nowhere",
        "europe/berlin",
        "Europe",
        "Europe/",
        "/etc/passwd",
        "/Europe/Berlin",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "Europe//Berlin",
        ".",
        "..",
        "zone.tab",
        "tzdata.zi",
        "leapseconds",
        "localtime",
        "posixrules",
        "posix/UTC",
        "right/UTC",
        "Europe/Berlin\n",
        "UTC ",
        " UTC",
        "Eur\x01pe",
        "UTC/x",
        "\xc3\xa4",
        LONG_NAME,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *zone = NULL;
        struct err err = {0};

        if (zone_load(names[i], &zone, &err) == 0)
            fail_msg("\"%s\" was taken", names[i]);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_null(strchr(err.message, '\n'));
        assert_non_null(strstr(err.message, "Europe/Berlin"));
    }
}

/* ---- a directory of our own ---- */

static void put(void **state, const char *name, const struct tzif *file)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *path = scratch_path(state, name);
    struct err err = {0};

    tzif_write(file, &bytes);
    if (path_write_atomic(path, bytes.data, bytes.len, 0644, &err) < 0)
        fail_msg("%s", err.message);
}

static void put_text(void **state, const char *name, const char *text)
{
    AUTO(auto_free) char *path = scratch_file(state, name, text);

    assert_non_null(path);
}

static void check_refused(void **state, const char *name, enum err_kind kind)
{
    struct zone *zone = NULL;
    struct err err = {0};

    if (zone_load_from(*state, name, &zone, &err) == 0)
        fail_msg("%s was taken", name);
    if (err.kind != kind)
        fail_msg("%s: %s", name, err.message);
}

static void a_file_that_is_no_good_is_refused(void **state)
{
    AUTO(auto_free) char *large = scratch_file(state, "Large", "TZif2");
    AUTO(auto_free) char *fifo = scratch_path(state, "Fifo");

    put_text(state, "Text", "# no zone\n");
    put_text(state, "Empty", "");
    put_text(state, "Cut", "TZif2");
    assert_int_equal(truncate(large, ZONE_FILE_MAX + 1), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_refused(state, "Text", ERR_INPUT);
    check_refused(state, "Empty", ERR_INPUT);
    check_refused(state, "Fifo", ERR_INPUT);
    check_refused(state, "Cut", ERR_PERM);
    check_refused(state, "Large", ERR_PERM);
}

static void a_machine_without_zones_is_told_what_to_install(void **state)
{
    struct err err = {0};

    assert_int_equal(zone_check_directory(*state, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "install the package tzdata"));
    assert_int_equal(zone_check_installed(&err), 0);
}

static void a_zone_is_read_again_and_the_lent_one_stays(void **state)
{
    struct zones *zones = zones_new_from(*state, 0);
    const struct zone *first, *same, *other, *kept;
    AUTO(auto_free) char *path = scratch_path(state, "Here");
    struct err err = {0};

    put(state, "Here", &(struct tzif){.type_count = 1, .offsets = {HOUR}});
    assert_int_equal(zones_get(zones, "Here", &first, &err), 0);
    assert_int_equal(zones_get(zones, "Here", &same, &err), 0);
    assert_ptr_equal(first, same);
    put(state, "Here", &(struct tzif){.type_count = 1, .offsets = {2 * HOUR}});
    assert_int_equal(zones_get(zones, "Here", &other, &err), 0);
    assert_int_equal(zone_offset_s(first, 0), HOUR);
    assert_int_equal(zone_offset_s(other, 0), 2 * HOUR);
    /* A file that went away, too. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(zones_get(zones, "Here", &kept, &err), 0);
    assert_ptr_equal(kept, other);
    assert_int_equal(zones_get(zones, "There", &kept, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    zones_free(zones);
}

static void a_refresh_reads_all_files_again(void **state)
{
    struct zones *zones = zones_new_from(*state, INT64_MAX);
    const struct zone *first, *same, *other;
    struct err err = {0};

    put(state, "Here", &(struct tzif){.type_count = 1, .offsets = {HOUR}});
    assert_int_equal(zones_get(zones, "Here", &first, &err), 0);
    put(state, "Here", &(struct tzif){.type_count = 1, .offsets = {2 * HOUR}});
    assert_int_equal(zones_get(zones, "Here", &same, &err), 0);
    assert_ptr_equal(first, same);
    zones_refresh(zones);
    assert_int_equal(zones_get(zones, "Here", &other, &err), 0);
    assert_int_equal(zone_offset_s(other, 0), 2 * HOUR);
    assert_int_equal(zone_offset_s(first, 0), HOUR);
    zones_free(zones);
}

static void zones_are_found_by_name_in_any_order(void **state)
{
    static const char *const names[] = {"UTC",          "Europe/Berlin", "Asia/Tokyo",
                                        "Asia/Kolkata", "Europe/Berlin", "UTC"};
    struct zones *zones = zones_new();
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct zone *zone = NULL;

        assert_int_equal(zones_get(zones, names[i], &zone, &err), 0);
        assert_string_equal(zone_name(zone), names[i]);
    }
    zones_free(zones);
}

/* ---- files ---- */

static void a_file_of_version_1_has_its_table_only(void **state)
{
    AUTO(auto_zone)
    struct zone *zone = made(&(struct tzif){.times = {-1000, 5000},
                                            .types = {1, 0},
                                            .time_count = 2,
                                            .offsets = {HOUR, -2 * HOUR},
                                            .type_count = 2});

    (void)state;
    assert_int_equal(zone_offset_s(zone, -1001), HOUR);
    assert_int_equal(zone_offset_s(zone, -1000), -2 * HOUR);
    assert_int_equal(zone_offset_s(zone, 4999), -2 * HOUR);
    assert_int_equal(zone_offset_s(zone, 5000), HOUR);
    assert_int_equal(zone_offset_s(zone, INT64_C(1) << 50), HOUR);
}

static void the_rule_holds_after_the_last_change_of_the_table(void **state)
{
    int64_t last_s = s_of("2026-06-01T00:00:00Z");
    AUTO(auto_zone)
    struct zone *zone = made(&(struct tzif){.version = '2',
                                            .times = {last_s},
                                            .types = {1},
                                            .time_count = 1,
                                            .offsets = {0, 9 * HOUR},
                                            .type_count = 2,
                                            .rule = "AAA-1BBB,M3.5.0,M10.5.0/3"});

    (void)state;
    assert_int_equal(zone_offset_s(zone, last_s - 1), 0);
    assert_int_equal(zone_offset_s(zone, last_s), 9 * HOUR);
    assert_int_equal(zone_offset_s(zone, s_of("2026-10-25T00:59:59Z")), 9 * HOUR);
    assert_int_equal(zone_offset_s(zone, s_of("2026-10-25T01:00:00Z")), HOUR);
    assert_int_equal(zone_offset_s(zone, s_of("2027-07-01T01:00:00Z")), 2 * HOUR);
}

static void broken_files_are_refused(void **state)
{
    static const struct tzif files[] = {
        {.version = '2', .type_count = 0},
        {.version = '2', .type_count = 1, .offsets = {26 * HOUR}},
        {.version = '2', .type_count = 1, .offsets = {-25 * HOUR}},
        {.version = '2', .times = {1}, .types = {1}, .time_count = 1, .type_count = 1},
        {.version = '2', .times = {2, 1}, .time_count = 2, .type_count = 1},
        {.version = '2', .times = {2, 2}, .time_count = 2, .type_count = 1},
        {.version = '2', .times = {INT64_MAX}, .time_count = 1, .type_count = 1},
        {.version = '2',
         .times = {INT64_C(1) << 59},
         .time_count = 1,
         .type_count = 1,
         .rule = "A0B,0,1"},
        {.version = '2', .type_count = 1, .rule = "nonsense"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
        struct zone *zone = NULL;
        struct err err = {0};

        tzif_write(&files[i], &bytes);
        if (zone_parse("x", bytes.data, bytes.len, &zone, &err) == 0)
            fail_msg("file %zu was taken", i);
        assert_int_equal(err.kind, ERR_PERM);
    }
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
    static const struct tzif file = {.version = '2',
                                     .times = {1, 2},
                                     .time_count = 2,
                                     .types = {1, 0},
                                     .offsets = {0, HOUR},
                                     .type_count = 2,
                                     .rule = "AAA0"};
    AUTO(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
    struct zone *zone = NULL;
    struct err err = {0};

    (void)state;
    tzif_write(&file, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        AUTO(auto_free) char *cut = mem_dup_n(bytes.data, len);

        assert_int_equal(zone_parse("x", cut, len, &zone, &err), -1);
    }
}

static void leap_seconds_are_not_counted(void **state)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
    struct zone *zone = NULL;
    struct err err = {0};

    (void)state;
    tzif_write(&(struct tzif){.version = '2', .type_count = 1, .leap_seconds = 1},
               &bytes);
    assert_int_equal(zone_parse("x", bytes.data, bytes.len, &zone, &err), -1);
    assert_string_equal(err.message, "its file counts leap seconds");
}

/* ---- rules ---- */

static void rules_of_every_form_are_understood(void **state)
{
    static const struct {
        const char *rule, *at; /* the second of a change, in 2027 unless said */
        int32_t before_s, after_s;
    } rows[] = {
        {"AAA-1BBB,M3.5.0,M10.5.0/3", "2027-03-28T01:00:00Z", HOUR, 2 * HOUR},
        {"AAA-1BBB,M3.5.0,M10.5.0/3", "2027-10-31T01:00:00Z", 2 * HOUR, HOUR},
        /* Dublin: winter time is what is saved. */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2027-03-28T01:00:00Z", 0, HOUR},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2027-10-31T01:00:00Z", HOUR, 0},
        /* South: summer spans the new year. */
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2027-04-03T16:00:00Z", 11 * HOUR, 10 * HOUR},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2027-10-02T16:00:00Z", 10 * HOUR, 11 * HOUR},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2027-10-02T15:30:00Z",
         10 * HOUR + HOUR / 2, 11 * HOUR},
        /* Jn never is 29 February, n counts it. */
        {"AAA0BBB,J60,J300", "2027-03-01T02:00:00Z", 0, HOUR},
        {"AAA0BBB,J60,J300", "2028-03-01T02:00:00Z", 0, HOUR},
        {"AAA0BBB,J59,J300", "2028-02-28T02:00:00Z", 0, HOUR},
        {"AAA0BBB,59,300", "2027-03-01T02:00:00Z", 0, HOUR},
        {"AAA0BBB,59,300", "2028-02-29T02:00:00Z", 0, HOUR},
        {"AAA0BBB,0/0,300", "2027-01-01T00:00:00Z", 0, HOUR},
        /* Hours before and after the day: Nuuk, Gaza. */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2027-03-28T01:00:00Z", -2 * HOUR, -1 * HOUR},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2027-03-27T00:00:00Z", 2 * HOUR, 3 * HOUR},
        {"AAA0BBB,M3.1.0/167:59:59,M10.1.0", "2027-03-13T23:59:59Z", 0, HOUR},
        {"AAA0:30:15BBB-1,M6.1.0/0,M7.1.0/0", "2027-06-06T00:30:15Z", -(30 * 60 + 15),
         HOUR},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_zone) struct zone *zone = of_rule(rows[i].rule);
        int64_t at_s = s_of(rows[i].at);

        if (zone_offset_s(zone, at_s - 1) != rows[i].before_s ||
            zone_offset_s(zone, at_s) != rows[i].after_s)
            fail_msg("%s at %s", rows[i].rule, rows[i].at);
        /* The calendar repeats itself. */
        assert_int_equal(zone_offset_s(zone, at_s + 3 * CALENDAR_PERIOD_S),
                         rows[i].after_s);
    }
}

static void summer_all_year_is_no_change(void **state)
{
    AUTO(auto_zone) struct zone *zone = of_rule("XXX3EDT4,0/0,J365/23");
    int64_t at_s = s_of("2030-06-01T00:00:00Z");
    int32_t before_s, after_s;

    (void)state;
    assert_int_equal(zone_offset_s(zone, at_s), -4 * HOUR);
    assert_false(zone_next_change(zone, at_s, &at_s, &before_s, &after_s));
}

static void rules_that_are_none_are_refused(void **state)
{
    static const char *const rows[] = {
        "A0",
        "AAA",
        "<A>0",
        "<AAA0",
        "AAA25",
        "AAA0BBB",
        "AAA0BBB,",
        "AAA0BBB,0",
        "AAA0BBB,0,",
        "AAA0BBB,J0,1",
        "AAA0BBB,J366,1",
        "AAA0BBB,366,1",
        "AAA0BBB,M0.1.0,1",
        "AAA0BBB,M13.1.0,1",
        "AAA0BBB,M1.0.0,1",
        "AAA0BBB,M1.6.0,1",
        "AAA0BBB,M1.1.7,1",
        "AAA0BBB,M1.1,1",
        "AAA0BBB,0/168,1",
        "AAA0BBB,0,1,2",
        "AAA0BBB,0,1x",
        "AAA0:60",
        "AAA0:",
        "AAA99999999999999999999",
        "AAA0BBB,0/1:2:60,1",
        "AAA0 ",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct zone_rule rule;
        struct err err = {0};

        if (zone_rule_parse(rows[i], &rule, &err) == 0)
            fail_msg("%s was taken", rows[i]);
        assert_int_equal(err.kind, ERR_PERM);
    }
}

/* ---- the calendar ---- */

/* Steps of 11 hours and some from the year -1000 to 4000, against the C library. */
static void the_calendar_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (int64_t s = INT64_C(-93000000000); s < INT64_C(65000000000); s += 3999971) {
        time_t seconds = (time_t)s;
        struct civil civil;
        struct tm tm;

        gmtime_r(&seconds, &tm);
        civil_from_seconds(s, &civil);
        if (civil.year != tm.tm_year + 1900 || civil.month != tm.tm_mon + 1 ||
            civil.day != tm.tm_mday || civil.hour != tm.tm_hour ||
            civil.minute != tm.tm_min || civil.second != tm.tm_sec ||
            civil_weekday(s) != tm.tm_wday || civil_seconds(&civil) != s)
            fail_msg("%lld", (long long)s);
    }
}

static void each_day_of_a_period_of_the_calendar_is_found(void **state)
{
    struct civil before, now;

    (void)state;
    civil_from_seconds(-DAY_S, &before);
    for (int64_t s = 0; s <= CALENDAR_PERIOD_S; s += DAY_S) {
        civil_from_seconds(s, &now);
        assert_true(now.day == before.day + 1 || (now.day == 1 && before.day >= 28 &&
                                                  now.month == before.month % 12 + 1));
        assert_int_equal(civil_seconds(&now), s);
        before = now;
    }
    assert_int_equal(now.year, 1970 + CALENDAR_YEARS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_database),
        cmocka_unit_test(changes_follow_one_another),
        cmocka_unit_test(stretches_cover_time_without_a_gap),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_good_is_refused, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_machine_without_zones_is_told_what_to_install,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_zone_is_read_again_and_the_lent_one_stays,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_refresh_reads_all_files_again, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(zones_are_found_by_name_in_any_order),
        cmocka_unit_test(a_file_of_version_1_has_its_table_only),
        cmocka_unit_test(the_rule_holds_after_the_last_change_of_the_table),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(leap_seconds_are_not_counted),
        cmocka_unit_test(rules_of_every_form_are_understood),
        cmocka_unit_test(summer_all_year_is_no_change),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(each_day_of_a_period_of_the_calendar_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
