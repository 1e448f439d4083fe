/* How a workspace stands: which runs count, and what they amount to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/run/standing.h"
#include "common/base/mem.h"

/* A run as it is read; id NULL: it is gone. */
struct told {
    const char *id;
    enum run_kind kind;
    enum run_status status;
    int64_t ended_at_ms;
    const char *project_id;
    const char *summary, *error_code; /* NULL: "" */
};

static const char *or_none(const char *text)
{
    return text != NULL ? text : "";
}

static void tell(struct standing *standing, enum standing_role role, struct told told)
{
    const struct run_record run = {
        .id = told.id,
        .kind = told.kind,
        .status = told.status,
        .ended_at_ms = told.ended_at_ms,
        .version = "1-0",
        .scope = "s",
        .project_id = or_none(told.project_id),
        .summary = or_none(told.summary),
        .error_code = or_none(told.error_code),
        .workspace_id = "",
    };

    snprintf(standing->ids[role], sizeof standing->ids[role], "%s",
             told.id != NULL ? told.id : "gone");
    standing_take_run(standing, role, &run);
}

#define CHECK(id, status, at)                                                            \
    ((struct told){id, RUN_DRIFT_CHECK, status, at, "p", NULL, NULL})
#define PLAN(id, status, at) ((struct told){id, RUN_PLAN, status, at, "", NULL, NULL})

static void assert_status(const struct standing *standing, int64_t counted,
                          const char *wanted)
{
    assert_string_equal(standing_status(standing, counted), wanted);
}

static void nothing_known_is_never_run(void **state)
{
    struct standing standing = {0};

    (void)state;
    standing_settle(&standing);
    assert_status(&standing, -1, "never_run");
}

static void a_newest_that_has_not_ended_is_running(void **state)
{
    struct standing standing = {0};

    (void)state;
    tell(&standing, STANDING_NEWEST, CHECK("n", RUN_QUEUED, 0));
    tell(&standing, STANDING_ENDED, CHECK("e", RUN_CLEAN, 10));
    tell(&standing, STANDING_GOOD, CHECK("e", RUN_CLEAN, 10));
    standing_settle(&standing);
    assert_status(&standing, 0, "running");
}

static void drift_of_which_nothing_counts_is_clean(void **state)
{
    struct standing standing = {0};

    (void)state;
    tell(&standing, STANDING_NEWEST, CHECK("n", RUN_CANCELLED, 20));
    tell(&standing, STANDING_ENDED, CHECK("e", RUN_DRIFT_DETECTED, 10));
    standing_settle(&standing);
    assert_status(&standing, 2, "drift_detected");
    assert_status(&standing, 0, "clean");
    assert_status(&standing, -1, "drift_detected");
    standing.older_goes_on = true;
    assert_status(&standing, 0, "running");
}

static void a_run_of_the_records_counts_when_it_is_newer(void **state)
{
    struct standing standing = {0};
    struct standing_settled settled;

    (void)state;
    tell(&standing, STANDING_ENDED, CHECK("e", RUN_ERROR, 20));
    tell(&standing, STANDING_GOOD, CHECK("g", RUN_DRIFT_DETECTED, 10));
    tell(&standing, STANDING_RECORD_GOOD, PLAN("r", RUN_CLEAN, 15));
    settled = standing_settle(&standing);
    assert_int_equal(settled.good, STANDING_RECORD_GOOD);
    assert_int_equal(settled.ended, STANDING_ENDED);
    assert_string_equal(standing.notes[STANDING_GOOD].id, "r");
    assert_status(&standing, 0, "error");
}

static void the_newest_of_all_gives_the_status(void **state)
{
    struct standing standing = {0};

    (void)state;
    tell(&standing, STANDING_ENDED, CHECK("e", RUN_CLEAN, 20));
    tell(&standing, STANDING_GOOD, CHECK("e", RUN_CLEAN, 20));
    tell(&standing, STANDING_RECORD_GOOD, PLAN("r", RUN_DRIFT_DETECTED, 30));
    tell(&standing, STANDING_RECORD_ERROR, PLAN("x", RUN_ERROR, 40));
    standing_settle(&standing);
    assert_string_equal(standing.notes[STANDING_GOOD].id, "r");
    assert_status(&standing, 1, "error");
}

static void what_a_record_names_must_be_a_check_or_plan_of_nobodys(void **state)
{
    static const struct told others[] = {
        {NULL, RUN_PLAN, RUN_CLEAN, 30, "", NULL, NULL},
        {"r", RUN_APPLY, RUN_CLEAN, 30, "", NULL, NULL},
        {"r", RUN_DRIFT_CHECK, RUN_CLEAN, 30, "q", NULL, NULL},
        {"r", RUN_PLAN, RUN_RUNNING, 0, "", NULL, NULL},
        {"r", RUN_PLAN, RUN_ERROR, 30, "", NULL, NULL},
        {"r", RUN_PLAN, RUN_CLEAN, 5, "", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct standing standing = {0};

        tell(&standing, STANDING_ENDED, CHECK("g", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_GOOD, CHECK("g", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_RECORD_GOOD, others[i]);
        standing_settle(&standing);
        assert_string_equal(standing.notes[STANDING_GOOD].id, "g");
        assert_status(&standing, 1, "drift_detected");
    }
}

static void a_record_names_its_run_by_what_became_of_it(void **state)
{
    static const char good[] = "{\"status\":\"clean\",\"runId\":\"g\"}";
    static const char failed[] = "{\"status\":\"error\",\"runId\":\"e\"}";
    struct standing standing = {0};

    (void)state;
    standing_take_record(&standing, good, sizeof good - 1);
    standing_take_record(&standing, failed, sizeof failed - 1);
    standing_take_record(&standing, NULL, 0);
    standing_take_record(&standing, "x", 1);
    assert_string_equal(standing.ids[STANDING_RECORD_GOOD], "g");
    assert_string_equal(standing.ids[STANDING_RECORD_ERROR], "e");
}

static void a_run_in_several_roles_is_read_once(void **state)
{
    struct standing standing = {0};

    (void)state;
    tell(&standing, STANDING_NEWEST, CHECK("one", RUN_CLEAN, 10));
    for (enum standing_role role = STANDING_ENDED; role <= STANDING_GOOD; role++) {
        memcpy(standing.ids[role], "one", sizeof "one");
        assert_int_equal(standing_first(&standing, role), STANDING_NEWEST);
    }
    standing_settle(&standing);
    assert_string_equal(standing.notes[STANDING_GOOD].id, "one");
    assert_status(&standing, 0, "clean");
}

/* ---- reconciles ---- */
#define AFTER(drifted)                                                                   \
    "{\"driftedCount\":4,\"driftAfter\":{\"driftedCount\":" drifted "}}"

static void drift_that_was_reconciled_is_clean(void **state)
{
    static const struct told reconciles[] = {
        {"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", AFTER("0"), NULL},
        {"x", RUN_RECONCILE, RUN_CLEAN, 20, "p", "{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reconciles); i++) {
        struct standing standing = {0};

        tell(&standing, STANDING_ENDED, CHECK("e", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_GOOD, CHECK("e", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_RECONCILED, reconciles[i]);
        assert_int_equal(standing_settle(&standing).good, STANDING_RECONCILED);
        assert_true(standing_is_mended(&standing));
        assert_status(&standing, 0, "clean");
        assert_status(&standing, -1, "clean");
    }
}

static void a_reconcile_that_is_not_known_to_have_helped_changes_nothing(void **state)
{
    static const struct told reconciles[] = {
        {"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", AFTER("1"), NULL},
        {"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", AFTER("0"), "STILL_DRIFTED"},
        {"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", "{\"driftedCount\":4}", NULL},
        {"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", NULL, NULL},
        {"x", RUN_RECONCILE, RUN_APPLIED, 9, "p", AFTER("0"), NULL},
        {NULL, RUN_RECONCILE, RUN_APPLIED, 20, "p", AFTER("0"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reconciles); i++) {
        struct standing standing = {0};

        tell(&standing, STANDING_ENDED, CHECK("e", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_GOOD, CHECK("e", RUN_DRIFT_DETECTED, 10));
        tell(&standing, STANDING_RECONCILED, reconciles[i]);
        standing_settle(&standing);
        assert_false(standing_is_mended(&standing));
        assert_status(&standing, 4, "drift_detected");
    }
}

static void a_check_that_fails_after_it_is_an_error(void **state)
{
    struct standing standing = {0};

    (void)state;
    tell(&standing, STANDING_ENDED, CHECK("f", RUN_ERROR, 30));
    tell(&standing, STANDING_GOOD, CHECK("e", RUN_DRIFT_DETECTED, 10));
    tell(&standing, STANDING_RECONCILED,
         (struct told){"x", RUN_RECONCILE, RUN_APPLIED, 20, "p", AFTER("0"), NULL});
    standing_settle(&standing);
    assert_true(standing_is_mended(&standing));
    assert_status(&standing, 0, "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_never_run),
        cmocka_unit_test(a_newest_that_has_not_ended_is_running),
        cmocka_unit_test(drift_of_which_nothing_counts_is_clean),
        cmocka_unit_test(a_run_of_the_records_counts_when_it_is_newer),
        cmocka_unit_test(drift_that_was_reconciled_is_clean),
        cmocka_unit_test(a_reconcile_that_is_not_known_to_have_helped_changes_nothing),
        cmocka_unit_test(a_check_that_fails_after_it_is_an_error),
        cmocka_unit_test(the_newest_of_all_gives_the_status),
        cmocka_unit_test(what_a_record_names_must_be_a_check_or_plan_of_nobodys),
        cmocka_unit_test(a_record_names_its_run_by_what_became_of_it),
        cmocka_unit_test(a_run_in_several_roles_is_read_once),
    };

    return cmocka_run_group_tests_name("api_standing", tests, NULL, NULL);
}
