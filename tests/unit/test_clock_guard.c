/* The guard of the server's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "scheduler/clock_guard.h"

#define START_MS INT64_C(1800000000000)

/* A look each row: what the clocks have gone on since the row before. */
struct row {
    int64_t server_ms, wall_ms, boot_ms;
    int64_t step_ms; /* seen */
    bool holds;      /* then */
};

static void walk(const char *name, const struct row *rows, size_t count)
{
    struct clock_look look = {START_MS, START_MS, 1000};
    struct clock_guard guard = {.holds = false};

    for (size_t i = 0; i < count; i++) {
        int64_t step_ms;

        look.server_ms += rows[i].server_ms;
        look.wall_ms += rows[i].wall_ms;
        look.boot_ms += rows[i].boot_ms;
        step_ms = clock_guard_look(&guard, &look);
        if (step_ms != rows[i].step_ms || guard.holds != rows[i].holds)
            fail_msg("%s, row %zu: step %lld, %s", name, i, (long long)step_ms,
                     guard.holds ? "holds" : "fires");
    }
}

static void a_clock_that_goes_as_time_goes_is_believed(void **state)
{
    static const struct row rows[] = {
        {0, 0, 0, 0, false},
        {1000, 1000, 1000, 0, false},
        {3600000, 3600000, 3600000, 0, false},    /* Redis was away */
        {1000, 1000, 5999, 0, false},             /* a slow answer */
        {6000, 6000, 1001, 0, false},             /* and the one after it */
        {86400000, 86400000, 86400000, 0, false}, /* we slept */
    };

    (void)state;
    walk("steady", rows, ARRAY_LEN(rows));
}

static void a_step_holds_until_the_clock_is_steady(void **state)
{
    static const struct row rows[] = {
        {0, 0, 0, 0, false},         {3601000, 1000, 1000, 3600000, true},
        {1000, 1000, 1000, 0, true}, {8999, 8999, 8999, 0, true},
        {1, 1, 1, 0, false},
    };
    static const struct row back[] = {
        {0, 0, 0, 0, false},
        {-5001, 0, 0, -5001, true},
        {9999, 9999, 9999, 0, true},
        {1, 1, 1, 0, false},
    };

    (void)state;
    walk("forward", rows, ARRAY_LEN(rows));
    walk("back", back, ARRAY_LEN(back));
}

static void a_step_holds_until_the_clock_agrees_with_ours(void **state)
{
    static const struct row rows[] = {
        {0, 0, 0, 0, false},
        {3601000, 1000, 1000, 3600000, true},
        {1000, 3601000, 1000, 0, false},
    };
    static const struct row to_and_fro[] = {
        {0, 0, 0, 0, false},
        {3601000, 1000, 1000, 3600000, true},
        {-3599000, 1000, 1000, -3600000, true}, /* one more look, though it agrees */
        {1000, 1000, 1000, 0, false},
    };

    (void)state;
    walk("ours follows", rows, ARRAY_LEN(rows));
    walk("to and fro", to_and_fro, ARRAY_LEN(to_and_fro));
}

static void a_step_while_it_holds_begins_it_anew(void **state)
{
    static const struct row rows[] = {
        {0, 0, 0, 0, false},         {3601000, 1000, 1000, 3600000, true},
        {9000, 9000, 9000, 0, true}, {3601000, 1000, 1000, 3600000, true},
        {9000, 9000, 9000, 0, true}, {1000, 1000, 1000, 0, false},
    };

    (void)state;
    walk("twice", rows, ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_as_time_goes_is_believed),
        cmocka_unit_test(a_step_holds_until_the_clock_is_steady),
        cmocka_unit_test(a_step_holds_until_the_clock_agrees_with_ours),
        cmocka_unit_test(a_step_while_it_holds_begins_it_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
