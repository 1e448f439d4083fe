/* The verdict on an attempt: what each answer means, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/mem.h"
#include "scheduler/verdict.h"

#define URL      "https://hooks.example/services/T00000/SeCrEtToKeN?key=Verysecret"
#define RETRY_MS 5000
#define DAY_MS   INT64_C(86400000)
#define LUCK     500 /* no shift */

static struct http_answer answer_of(long status, int64_t retry_after_ms, const char *body)
{
    return (struct http_answer){.status = status,
                                .retry_after_ms = retry_after_ms,
                                .body = body,
                                .body_len = strlen(body),
                                .redirect_host = ""};
}

static struct verdict give(const struct http_answer *answer, const struct err *err,
                           int64_t attempts, unsigned luck)
{
    const struct attempt attempt = {.url = URL,
                                    .answer = answer,
                                    .err = err,
                                    .attempts = attempts,
                                    .retry_ms = RETRY_MS,
                                    .luck = luck};
    struct verdict verdict;

    verdict_give(&attempt, &verdict);
    return verdict;
}

static void each_answer_has_its_meaning(void **state)
{
    static const struct {
        long status;
        int64_t retry_after_ms;
        int64_t attempts;
        enum delivery_end end;
        int64_t retry_in_ms, hold_ms;
    } rows[] = {
        {200, -1, 0, DELIVERY_SENT, 0, 0},
        {204, -1, 7, DELIVERY_SENT, 0, 0},
        {200, 9000, 0, DELIVERY_SENT, 0, 0},
        {302, -1, 0, DELIVERY_DEAD, 0, 0},
        {400, -1, 0, DELIVERY_RETRY, 5000, 0},
        {403, -1, 0, DELIVERY_RETRY, 5000, 0},
        {404, -1, 0, DELIVERY_RETRY, 5000, 0},
        {410, -1, 0, DELIVERY_GONE, 0, 0},
        {429, -1, 0, DELIVERY_RETRY, 5000, 0},
        {429, 1000, 0, DELIVERY_RETRY, 1000, 1000},
        {429, 0, 0, DELIVERY_RETRY, 0, 0},
        {503, 7000, 1, DELIVERY_RETRY, 7000, 7000},
        {503, 7000, 2, DELIVERY_RETRY, 7000, 7000},
        {503, 7000, 3, DELIVERY_RETRY, 600000, 7000},
        {429, 2 * DAY_MS, 0, DELIVERY_RETRY, DAY_MS, DAY_MS},
        {429, 1000, 7, DELIVERY_DEAD, DAY_MS, 1000},
        {500, 9000, 0, DELIVERY_RETRY, 5000, 0},
        {500, -1, 6, DELIVERY_RETRY, DAY_MS, 0},
        {500, -1, 7, DELIVERY_DEAD, DAY_MS, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_answer answer = answer_of(rows[i].status, rows[i].retry_after_ms, "");
        struct verdict verdict = give(&answer, NULL, rows[i].attempts, LUCK);

        if (verdict.end != rows[i].end || verdict.retry_in_ms != rows[i].retry_in_ms ||
            verdict.hold_ms != rows[i].hold_ms)
            fail_msg("row %zu: end %d, retry in %lld ms, hold %lld ms", i, verdict.end,
                     (long long)verdict.retry_in_ms, (long long)verdict.hold_ms);
        assert_int_equal(verdict.note[0] == '\0', rows[i].end == DELIVERY_SENT);
    }
}

static void pauses_grow_from_seconds_to_a_day_and_are_shifted(void **state)
{
    static const int64_t pauses_ms[] = {5000,    30000,    120000, 600000,
                                        3600000, 21600000, DAY_MS};
    struct http_answer answer = answer_of(500, -1, "");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
        int64_t least = give(&answer, NULL, (int64_t)i, 0).retry_in_ms;
        int64_t most = give(&answer, NULL, (int64_t)i, 999).retry_in_ms;

        assert_int_equal(give(&answer, NULL, (int64_t)i, LUCK).retry_in_ms, pauses_ms[i]);
        assert_int_equal(least, pauses_ms[i] * 9 / 10);
        assert_true(most > pauses_ms[i] || pauses_ms[i] == DAY_MS);
        assert_true(most <= pauses_ms[i] * 11 / 10 && most <= DAY_MS);
    }
}

static void errors_of_the_network_are_tried_again(void **state)
{
    static const struct {
        enum err_kind kind;
        enum delivery_end end;
    } rows[] = {{ERR_TEMP, DELIVERY_RETRY},
                {ERR_PERM, DELIVERY_RETRY},
                {ERR_INPUT, DELIVERY_DEAD}};
    struct http_answer none = answer_of(0, -1, "");
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict verdict;

        err_set(&err, rows[i].kind, "hooks.example has a private address");
        verdict = give(&none, &err, 0, LUCK);
        assert_int_equal(verdict.end, rows[i].end);
        /* Who does not answer is left alone for a moment. */
        assert_int_equal(verdict.hold_ms, rows[i].end == DELIVERY_RETRY ? RETRY_MS : 0);
        assert_string_equal(verdict.note, "hooks.example has a private address");
    }
    err_set(&err, ERR_TEMP, "x");
    assert_int_equal(give(&none, &err, 7, LUCK).end, DELIVERY_DEAD);
}

static void a_redirect_names_where_it_points(void **state)
{
    struct http_answer answer = answer_of(301, -1, "");

    (void)state;
    answer.redirect_host = "169.254.169.254";
    assert_string_equal(give(&answer, NULL, 0, LUCK).note,
                        "redirects are not followed (to 169.254.169.254)");
    answer.redirect_host = "";
    assert_string_equal(give(&answer, NULL, 0, LUCK).note, "redirects are not followed");
}

static void the_note_is_the_first_line_without_the_url(void **state)
{
    static const struct {
        const char *body, *note;
    } rows[] = {
        {"", "status 404"},
        {"no_service", "status 404: no_service"},
        {"one\r\ntwo", "status 404: one"},
        {"a\tb\x01\xC3\xA4", "status 404: a b   "},
        {"Cannot POST /services/T00000/SeCrEtToKeN?key=Verysecret here",
         "status 404: Cannot POST /********/******/***********?key=********** here"},
    };
    char long_body[500];
    struct http_answer answer;
    struct verdict verdict;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        answer = answer_of(404, -1, rows[i].body);
        verdict = give(&answer, NULL, 0, LUCK);
        assert_string_equal(verdict.note, rows[i].note);
    }
    memset(long_body, 'x', sizeof(long_body) - 1);
    long_body[sizeof(long_body) - 1] = '\0';
    answer = answer_of(500, -1, long_body);
    verdict = give(&answer, NULL, 0, LUCK);
    assert_int_equal(strlen(verdict.note), VERDICT_NOTE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_its_meaning),
        cmocka_unit_test(pauses_grow_from_seconds_to_a_day_and_are_shifted),
        cmocka_unit_test(errors_of_the_network_are_tried_again),
        cmocka_unit_test(a_redirect_names_where_it_points),
        cmocka_unit_test(the_note_is_the_first_line_without_the_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
