/* Cron expressions: what is taken and what is refused, by table; times against known
 * ones and against a brute-force oracle around every kind of clock change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/schedule/cron.h"
#include "tests/support/cron_oracle.h"

#define DAY_MS INT64_C(86400000)

static struct cron cron_of(const char *text)
{
    struct cron cron = {0};
    struct err err = {0};

    if (cron_parse(text, &cron, &err) < 0)
        fail_msg("\"%s\": %s", text, err.message);
    return cron;
}

static int64_t ms_of(const char *rfc3339)
{
    int64_t ms = 0;

    if (parse_rfc3339_ms(rfc3339, &ms) < 0)
        fail_msg("%s", rfc3339);
    return ms;
}

static const struct zone *zone_of(void **state, const char *name)
{
    const struct zone *zone = NULL;
    struct err err = {0};

    if (zones_get(*state, name, &zone, &err) < 0)
        fail_msg("%s", err.message);
    return zone;
}

/* ---- text ---- */

static void expressions_have_one_normal_form(void **state)
{
    static const struct {
        const char *text, *normal;
    } rows[] = {
        {"* * * * *", "* * * * *"},
        {"  5\t4  * *  0 ", "5 4 * * 0"},
        {"*/1 */1 */1 */1 */1", "* * * * *"},
        {"*/5 * * * *", "*/5 * * * *"},
        {"0-59 0-23 1-31 1-12 0-6", "0-59 0-23 1-31 * 0-6"},
        {"0-59/5 * * * *", "0-55/5 * * * *"},
        {"0,5,10,15,20,25,30,35,40,45,50,55 * * * *", "0-55/5 * * * *"},
        {"3,1,2 * * * *", "1-3 * * * *"},
        {"2,1 * * * *", "1,2 * * * *"},
        {"007 * * * *", "7 * * * *"},
        {"5-7,6-9,30 * * * *", "5-9,30 * * * *"},
        {"5,* * * * *", "0-59 * * * *"},
        {"*,5 * * * *", "* * * * *"},
        {"*/20,5 * * * *", "*/20,5 * * * *"},
        {"*/40,*/20 * * * *", "*/20 * * * *"},
        {"*/60 */24 */31 */12 */7", "*/60 */24 */31 1 */7"},
        {"0 0 1 JAN,Feb,mar *", "0 0 1 1-3 *"},
        {"0 0 1 */3 *", "0 0 1 */3 *"},
        {"0 0 1 1,4,7,10 *", "0 0 1 */3 *"},
        {"0 0 * * mon-fri", "0 0 * * 1-5"},
        {"0 0 * * Mon-5/2", "0 0 * * 1,3,5"},
        {"0 0 * * 7", "0 0 * * 0"},
        {"0 0 * * 5-7", "0 0 * * 0,5,6"},
        {"0 0 * * fri-sun", "0 0 * * 0,5,6"},
        {"0 0 * * sun-tue", "0 0 * * 0-2"},
        {"0 0 * * sun-sun", "0 0 * * 0"},
        {"0 0 * * 0-7", "0 0 * * 0-6"},
        {"0 0 30 2 *", "0 0 30 2 *"},
        {"1-9/4 * * * *", "1,5,9 * * * *"},
        {"10-20/5 * * * *", "10-20/5 * * * *"},
        {"@hourly", "0 * * * *"},
        {" @Daily\t", "0 0 * * *"},
        {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"},
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf normal = BUF_INIT(SIZE_MAX);
        struct cron cron = cron_of(rows[i].text), again;

        cron_print(&cron, &normal);
        assert_string_equal(buf_text(&normal), rows[i].normal);
        again = cron_of(buf_text(&normal));
        assert_true(cron_equal(&cron, &again));
    }
}

static void a_refusal_names_the_field_and_the_column(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"61 * * * *", "minute (column 1): 61 is not in 0-59"},
        {"  61 * * * *", "minute (column 3): 61 is not in 0-59"},
        {"0 24 * * *", "hour (column 3): 24 is not in 0-23"},
        {"0 0 0 * *", "day of month (column 5): 0 is not in 1-31"},
        {"0 0 1,32 * *", "day of month (column 7): 32 is not in 1-31"},
        {"0 0 * 13 *", "month (column 7): 13 is not in 1-12"},
        {"0 0 * * 8", "day of week (column 9): 8 is not in 0-7"},
        {"*/0 * * * *", "minute (column 3): 0 is not in 1-60"},
        {"*/61 * * * *", "minute (column 3): 61 is not in 1-60"},
        {"* */25 * * *", "hour (column 5): 25 is not in 1-24"},
        {"0 0 * * */8", "day of week (column 11): 8 is not in 1-7"},
        {"*/ * * * *", "minute (column 3): a number is missing"},
        {"5/15 * * * *",
         "minute (column 1): a step goes with * or a range, not a number"},
        {"5- * * * *", "minute (column 3): a number is missing"},
        {"-5 * * * *", "minute (column 1): - is not understood"},
        {"1,,2 * * * *", "minute (column 3): a number is missing"},
        {"1, * * * *", "minute (column 3): a number is missing"},
        {",1 * * * *", "minute (column 1): a number is missing"},
        {"1-2-3 * * * *", "minute (column 4): - is not understood"},
        {"*5 * * * *", "minute (column 2): 5 is not understood"},
        {"*-5 * * * *", "minute (column 2): - is not understood"},
        {"1/2/3 * * * *",
         "minute (column 1): a step goes with * or a range, not a number"},
        {"1-9/2/3 * * * *", "minute (column 6): / is not understood"},
        {"0 20-8 * * *", "hour (column 3): 20-8 runs backwards"},
        {"0 0 * * 5-0", "day of week (column 9): 5-0 runs backwards"},
        {"0 0 * * sat-mon", "day of week (column 9): sat-mon runs backwards"},
        {"x * * * *", "minute (column 1): x is not a number"},
        {"5x * * * *", "minute (column 1): 5x is not a number"},
        {"0x10 * * * *", "minute (column 1): 0x10 is not a number"},
        {"0 mon * * *", "hour (column 3): mon is not a number"},
        {"0 0 * foo *",
         "month (column 7): foo is neither a number nor a name of three letters"},
        {"0 0 * january *",
         "month (column 7): january is neither a number nor a name of three letters"},
        {"0 0 * * 1L",
         "day of week (column 9): 1L is neither a number nor a name of three letters"},
        {"0 0 ? * *", "day of month (column 5): ? is not understood"},
        {"0 0 * * 1#2", "day of week (column 10): # is not understood"},
        {"0 0 1W * *", "day of month (column 5): 1W is not a number"},
        {"0 0 \xc3\xa4 * *", "day of month (column 5): ? is not understood"},
        {"0 0\n * * *", "hour (column 4): ? is not understood"},
        {"", "minute (column 1): missing: an expression has five fields"},
        {" \t", "minute (column 1): missing: an expression has five fields"},
        {"* * *", "month (column 6): missing: an expression has five fields"},
        {"* * * * ", "day of week (column 8): missing: an expression has five fields"},
        {"0 30 8 * * *", "expression (column 12): a sixth field: an expression has five, "
                         "and no seconds"},
        {"99999999999999999999 * * * *",
         "minute (column 1): 99999999999999999999 is not in 0-59"},
        {"4294967296 * * * *", "minute (column 1): 4294967296 is not in 0-59"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa * * * *",
         "minute (column 1): aaaaaaaaaaaaaaaaaaaaaaaa... is not a number"},
        {" @daily *", "expression (column 9): nothing may follow an @ word"},
        {"@reboot", "expression (column 1): the @ words are @hourly, @daily, @midnight, "
                    "@weekly, @monthly, @yearly and @annually"},
        {"@", "expression (column 1): the @ words are @hourly, @daily, @midnight, "
              "@weekly, @monthly, @yearly and @annually"},
        {"0 0 @daily * *", "day of month (column 5): @ is not understood"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron cron;
        struct err err = {0};

        if (cron_parse(rows[i].text, &cron, &err) == 0)
            fail_msg("\"%s\" was taken", rows[i].text);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void a_long_expression_is_refused_at_once(void **state)
{
    char text[10001], list[CRON_TEXT_MAX + 2];
    struct cron cron;
    struct err err = {0};

    (void)state;
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(cron_parse(text, &cron, &err), -1);
    assert_string_equal(err.message,
                        "expression (column 257): it has more than 256 characters");
    /* The longest that is taken: blanks count, too. */
    memset(list, ' ', sizeof list);
    memcpy(list, "* * * * *", 9);
    list[CRON_TEXT_MAX] = '\0';
    assert_int_equal(cron_parse(list, &cron, &err), 0);
    list[CRON_TEXT_MAX] = ' ';
    list[CRON_TEXT_MAX + 1] = '\0';
    assert_int_equal(cron_parse(list, &cron, &err), -1);
}

static void equal_means_equal_in_what_it_does(void **state)
{
    struct cron star = cron_of("0 0 1 1 */7"), zero = cron_of("0 0 1 1 0");
    struct cron seven = cron_of("0 0 1 1 7"), other = cron_of("0 0 1 2 0");

    (void)state;
    assert_true(cron_equal(&zero, &seven));
    assert_false(cron_equal(&zero, &star));
    assert_false(cron_equal(&zero, &other));
}

/* ---- times ---- */

/* The ticks after `after`, in order; what follows the last is free. */
struct times {
    const char *text, *zone, *after, *ticks[6];
};

static void check_times(void **state, const struct times *row)
{
    struct cron cron = cron_of(row->text);
    int64_t at_ms = ms_of(row->after);
    char shown[CLOCK_RFC3339_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(row->ticks) && row->ticks[i] != NULL; i++) {
        at_ms = cron_next(&cron, zone_of(state, row->zone), at_ms);
        if (at_ms != ms_of(row->ticks[i]))
            fail_msg("%s %s, tick %zu: %s, not %s", row->text, row->zone, i,
                     clock_rfc3339(at_ms, shown), row->ticks[i]);
    }
}

static void times_come_in_order(void **state)
{
    static const struct times rows[] = {
        {"* * * * *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"}},
        {"* * * * *", "UTC", "2025-12-31T23:59:59.999Z", {"2026-01-01T00:00:00Z"}},
        {"*/25 22-23 * * *",
         "UTC",
         "2026-02-28T22:51:00Z",
         {"2026-02-28T23:00:00Z", "2026-02-28T23:25:00Z", "2026-02-28T23:50:00Z",
          "2026-03-01T22:00:00Z"}},
        {"0 0 31 * *",
         "UTC",
         "2026-01-31T00:00:00Z",
         {"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
        {"0 0 29 2 *",
         "UTC",
         "2096-03-01T00:00:00Z",
         {"2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"}},
        {"0 12 1 1 *", "UTC", "2026-01-01T12:00:00Z", {"2027-01-01T12:00:00Z"}},
        /* Either day field, unless one begins with a star. */
        {"0 0 13 * fri",
         "UTC",
         "2026-02-01T00:00:00Z",
         {"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z",
          "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z"}},
        {"0 0 */12 * fri",
         "UTC",
         "2026-02-01T00:00:00Z",
         {"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-05-01T00:00:00Z"}},
        {"0 0 29 2 */7",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z", "2088-02-29T00:00:00Z",
          "2128-02-29T00:00:00Z"}},
        {"30 9 * * 1-5",
         "Asia/Kolkata",
         "2026-01-02T04:00:00Z",
         {"2026-01-05T04:00:00Z", "2026-01-06T04:00:00Z"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_times(state, &rows[i]);
}

/* Berlin: 29 March 2026 has no 02:00 to 03:00, 25 October has it twice. */
static void fixed_times_come_once_a_day_when_the_clock_changes(void **state)
{
    static const struct times rows[] = {
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T00:00:00Z",
         {"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
        {"0,30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"}},
        {"30 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
        {"0 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"59 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:59:00Z", "2026-10-26T01:59:00Z"}},
        {"0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", {"2026-10-25T02:00:00Z"}},
        /* Half an hour. */
        {"15 2 * * *",
         "Australia/Lord_Howe",
         "2026-10-03T00:00:00Z",
         {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
        {"45 1 * * *",
         "Australia/Lord_Howe",
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
        /* A whole day: 30 December 2011. */
        {"0 8 * * *",
         "Pacific/Apia",
         "2011-12-29T00:00:00Z",
         {"2011-12-29T18:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T18:00:00Z"}},
        /* Midnight is what is skipped. */
        {"0 0 * * *",
         "America/Havana",
         "2026-03-07T12:00:00Z",
         {"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_times(state, &rows[i]);
}

static void other_times_follow_the_real_ones_when_the_clock_changes(void **state)
{
    static const struct times rows[] = {
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"}},
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z",
          "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"}},
        {"30 * * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
        {"30 */2 * * *",
         "Europe/Berlin",
         "2026-03-28T23:00:00Z",
         {"2026-03-28T23:30:00Z", "2026-03-29T02:30:00Z"}},
        {"* * * * *",
         "Australia/Lord_Howe",
         "2026-10-03T15:29:00Z",
         {"2026-10-03T15:30:00Z", "2026-10-03T15:31:00Z"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_times(state, &rows[i]);
}

static void what_never_comes_is_said(void **state)
{
    static const char *const rows[] = {"0 0 30 2 *", "0 0 31 2,4,6,9,11 *",
                                       "*/5 * 31 4 */2"};
    /* Only in the hour that New York skips. */
    struct cron skipped = cron_of("*/60 2 8-14 3 */7"), either = cron_of("0 0 30 2 1");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron cron = cron_of(rows[i]);

        assert_false(cron_has_day(&cron));
        assert_int_equal(cron_next(&cron, zone_of(state, "Europe/Berlin"), 0), -1);
        assert_int_equal(cron_last(&cron, zone_of(state, "UTC"), 0, INT64_MAX), -1);
    }
    assert_true(cron_has_day(&either));
    assert_int_equal(cron_next(&skipped, zone_of(state, "America/New_York"),
                               ms_of("2026-01-01T00:00:00Z")),
                     -1);
}

static void the_ends_of_time_are_safe(void **state)
{
    struct cron cron = cron_of("0 0 * * *");
    const struct zone *zone = zone_of(state, "Europe/Berlin");

    assert_int_equal(cron_next(&cron, zone_of(state, "UTC"), INT64_MIN), 0);
    assert_int_equal(cron_next(&cron, zone_of(state, "UTC"), -1), 0);
    assert_int_equal(cron_next(&cron, zone, INT64_MAX), -1);
    assert_true(cron_next(&cron, zone, INT64_MAX / 2) > INT64_MAX / 2);
    assert_true(cron_last(&cron, zone, INT64_MIN, INT64_MAX) > 0);
    assert_int_equal(cron_last(&cron, zone, INT64_MAX, INT64_MIN), -1);
    assert_int_equal(cron_last(&cron, zone, 0, -1), -1);
}

static void the_newest_tick_is_the_one_before_the_next(void **state)
{
    struct cron cron = cron_of("0 4 * * *");
    const struct zone *utc = zone_of(state, "UTC");
    int64_t four = ms_of("2026-05-02T04:00:00Z");

    (void)state;
    assert_int_equal(cron_last(&cron, utc, four - DAY_MS, four), four);
    assert_int_equal(cron_last(&cron, utc, four, four + DAY_MS - 1), -1);
    assert_int_equal(cron_last(&cron, utc, four - 1, four + DAY_MS - 1), four);
    assert_int_equal(cron_last(&cron, utc, 0, four - 1), four - DAY_MS);
}

/* ---- the oracle ---- */

static uint64_t random_state = 88172645463325252;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % limit;
}

static const char *one_of(const char *const *choices, unsigned count)
{
    return choices[below(count)];
}

/* Made for clock changes: most are in the small hours. */
static struct cron random_cron(void)
{
    static const char *const minutes[] = {"0",       "30",   "59",      "*",    "*/7",
                                          "0,15,45", "*/30", "10-50/9", "0-59", "1"};
    static const char *const hours[] = {"0",   "1",   "2",   "3",    "23", "1-3", "*",
                                        "*/2", "2,3", "0,4", "0-23", "2",  "*/5", "8"};
    static const char *const days[] = {"*", "*", "*", "1-15", "*/2", "25-31", "29", "30"};
    static const char *const weekdays[] = {"*", "*", "*", "0", "sat,sun", "*/3", "1-5"};
    AUTO(auto_free)
    char *text = mem_fmt("%s %s %s * %s", one_of(minutes, ARRAY_LEN(minutes)),
                         one_of(hours, ARRAY_LEN(hours)), one_of(days, ARRAY_LEN(days)),
                         one_of(weekdays, ARRAY_LEN(weekdays)));

    return cron_of(text);
}

#define EXPRESSIONS 12

struct walk {
    struct cron crons[EXPRESSIONS];
    int64_t last_ms[EXPRESSIONS], next_ms[EXPRESSIONS]; /* around the present */
    const struct zone *zone;
    int64_t from_ms;
};

static void fail_walk(const struct walk *walk, size_t i, int64_t at_ms, const char *what)
{
    AUTO(buf_done) struct buf normal = BUF_INIT(SIZE_MAX);
    char shown[CLOCK_RFC3339_BYTES];

    cron_print(&walk->crons[i], &normal);
    fail_msg("%s in %s: %s at %s", buf_text(&normal), zone_name(walk->zone), what,
             clock_rfc3339(at_ms, shown));
}

static void check_minute(struct walk *walk, size_t i, const struct cron_oracle *oracle)
{
    int64_t now_ms = oracle->unix_s * 1000;
    bool fires = cron_oracle_fires(oracle, &walk->crons[i]);

    if (fires != (walk->next_ms[i] == now_ms))
        fail_walk(walk, i, now_ms, fires ? "missed" : "not due");
    if (fires) {
        walk->last_ms[i] = now_ms;
        walk->next_ms[i] = cron_next(&walk->crons[i], walk->zone, now_ms);
    }
    /* From anywhere between two ticks it is the same two. */
    if (below(40) == 0 &&
        cron_next(&walk->crons[i], walk->zone, now_ms) != walk->next_ms[i])
        fail_walk(walk, i, now_ms, "another next tick");
    if ((fires || below(40) == 0) &&
        cron_last(&walk->crons[i], walk->zone, walk->from_ms, now_ms) != walk->last_ms[i])
        fail_walk(walk, i, now_ms, "another last tick");
}

static void walk_with_oracle(const struct zone *zone, int64_t from_ms, int64_t to_ms)
{
    struct walk walk = {.zone = zone, .from_ms = from_ms};
    struct cron_oracle oracle;

    for (size_t i = 0; i < EXPRESSIONS; i++) {
        walk.crons[i] = random_cron();
        walk.last_ms[i] = -1;
        walk.next_ms[i] = cron_next(&walk.crons[i], zone, from_ms);
    }
    cron_oracle_start(&oracle, zone, from_ms + 60000);
    for (; oracle.unix_s * 1000 < to_ms; cron_oracle_step(&oracle)) {
        for (size_t i = 0; i < EXPRESSIONS; i++)
            check_minute(&walk, i, &oracle);
    }
}

static const char *const changing_zones[] = {
    "Africa/Cairo",     "Africa/Casablanca",   "America/Havana",   "America/New_York",
    "America/Santiago", "America/Sao_Paulo",   "America/St_Johns", "America/Nuuk",
    "Antarctica/Troll", "Asia/Gaza",           "Asia/Kolkata",     "Asia/Tehran",
    "Asia/Pyongyang",   "Australia/Lord_Howe", "Europe/Berlin",    "Europe/Dublin",
    "Europe/Istanbul",  "Pacific/Apia",        "Pacific/Chatham",  "UTC",
    "America/Caracas",  "Pacific/Kwajalein",
};

static void walk_changes(const struct zone *zone, const char *from, const char *to)
{
    int64_t at_s = ms_of(from) / 1000;
    int32_t before_s, after_s;

    while (zone_next_change(zone, at_s, &at_s, &before_s, &after_s) &&
           at_s < ms_of(to) / 1000)
        walk_with_oracle(zone, at_s * 1000 - 2 * DAY_MS, at_s * 1000 + 2 * DAY_MS);
}

static void around_every_change_the_ticks_are_those_of_the_definition(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(changing_zones); i++) {
        const struct zone *zone = zone_of(state, changing_zones[i]);

        walk_changes(zone, "1993-01-01T00:00:00Z", "2012-02-01T00:00:00Z");
        walk_changes(zone, "2023-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
        walk_changes(zone, "2439-01-01T00:00:00Z", "2441-01-01T00:00:00Z");
    }
}

static void a_long_walk_meets_every_tick_of_rare_expressions(void **state)
{
    static const char *const rows[] = {"0 12 29 2 *", "59 23 31 12 0", "0 0 13 * 5",
                                       "7 7 */7 7 */7", "0 2 31 3,10 *"};
    const struct zone *zone = zone_of(state, "Europe/Berlin");
    struct cron_oracle oracle;
    struct cron crons[ARRAY_LEN(rows)];
    int64_t next_ms[ARRAY_LEN(rows)], from_ms = ms_of("2023-12-31T00:00:00Z");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        crons[i] = cron_of(rows[i]);
        next_ms[i] = cron_next(&crons[i], zone, from_ms - 1);
    }
    cron_oracle_start(&oracle, zone, from_ms);
    for (; oracle.unix_s * 1000 < from_ms + 500 * DAY_MS; cron_oracle_step(&oracle)) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            bool fires = cron_oracle_fires(&oracle, &crons[i]);

            if (fires != (oracle.unix_s * 1000 == next_ms[i]))
                fail_msg("%s", rows[i]);
            if (fires)
                next_ms[i] = cron_next(&crons[i], zone, next_ms[i]);
        }
    }
}

/* ---- speed ---- */

/* The searches that look furthest. The bound is a hundred times what they take. */
static void no_expression_takes_long(void **state)
{
    static const struct {
        const char *text, *zone;
    } rows[] = {
        {"0 0 30 2 *", "Europe/Berlin"},
        {"0 0 29 2 1", "Europe/Berlin"},
        {"0 0 29 2 */7", "Africa/Casablanca"},
        {"*/60 2 8-14 3 */7", "America/New_York"},
        {"*/60 2 29 2 */7", "Australia/Sydney"},
        {"0 0 * * *", "UTC"},
    };
    enum { ROUNDS = 20 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron cron = cron_of(rows[i].text);
        const struct zone *zone = zone_of(state, rows[i].zone);
        int64_t start_ms = clock_mono_ms();

        for (int round = 0; round < ROUNDS; round++)
            (void)cron_next(&cron, zone, ms_of("2026-01-01T00:00:00Z") + round);
        if (clock_mono_ms() - start_ms > ROUNDS * 20)
            fail_msg("%s: %d ms for %d", rows[i].text, (int)(clock_mono_ms() - start_ms),
                     ROUNDS);
    }
}

static int open_zones(void **state)
{
    *state = zones_new();
    return 0;
}

static int close_zones(void **state)
{
    zones_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_have_one_normal_form),
        cmocka_unit_test(a_refusal_names_the_field_and_the_column),
        cmocka_unit_test(a_long_expression_is_refused_at_once),
        cmocka_unit_test(equal_means_equal_in_what_it_does),
        cmocka_unit_test(times_come_in_order),
        cmocka_unit_test(fixed_times_come_once_a_day_when_the_clock_changes),
        cmocka_unit_test(other_times_follow_the_real_ones_when_the_clock_changes),
        cmocka_unit_test(what_never_comes_is_said),
        cmocka_unit_test(the_ends_of_time_are_safe),
        cmocka_unit_test(the_newest_tick_is_the_one_before_the_next),
        cmocka_unit_test(around_every_change_the_ticks_are_those_of_the_definition),
        cmocka_unit_test(a_long_walk_meets_every_tick_of_rare_expressions),
        cmocka_unit_test(no_expression_takes_long),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
