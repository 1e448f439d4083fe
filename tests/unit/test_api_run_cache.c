/* The kept answers to GET of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/run/run_cache.h"
#include "common/base/mem.h"

static void a_runs_answer_is_kept_unless_it_is_long(void **state)
{
    struct run_cache *cache = run_cache_new();
    struct run_note note = {.id = "0194890e-2f00-7000-8000-000000000001",
                            .version = "1-0"};
    AUTO(buf_done) struct buf body = BUF_INIT(65536);

    (void)state;
    assert_null(run_cache_find(cache, note.id));
    buf_str(&body, "{}");
    run_cache_put(cache, &note, "\"e\"", &body);
    assert_non_null(run_cache_find(cache, note.id));
    assert_memory_equal(run_cache_find(cache, note.id)->body, "{}", 2);
    assert_string_equal(run_cache_find(cache, note.id)->etag, "\"e\"");
    assert_null(run_cache_find(cache, "0194890e-2f00-7000-8000-000000000002"));
    while (body.len <= RUN_CACHE_BODY_MAX)
        buf_str(&body, "0123456789");
    note.version[0] = '2';
    run_cache_put(cache, &note, "\"f\"", &body);
    assert_string_equal(run_cache_find(cache, note.id)->etag, "\"e\"");
    run_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_runs_answer_is_kept_unless_it_is_long),
    };

    return cmocka_run_group_tests_name("api_run_cache", tests, NULL, NULL);
}
