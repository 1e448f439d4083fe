/* Disk space: what a sweep removes, in which order, and what it never touches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/rundir/rundir.h"
#include "worker/supervisor/journal.h"
#include "worker/supervisor/space.h"

#define KIB        INT64_C(1024)
#define TREE_BYTES (400 * KIB)
#define PLUGIN     "plugins/registry/hashicorp/aws/5.0.0"
#define RUN        "00000000-0000-7000-8000-000000000001"

/* A directory of TREE_BYTES that was last used `age_s` ago. */
static void make_tree(void **state, const char *name, int64_t age_s)
{
    AUTO(auto_free) char *dir = scratch_path(state, name);
    AUTO(auto_free) char *file = path_join(dir, "file");
    AUTO(auto_free) char *bytes = mem_new(TREE_BYTES, 1);
    struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}};
    struct err err;

    times[1] = times[0];
    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(path_write_atomic(file, bytes, TREE_BYTES, 0600, &err), 0);
    assert_int_equal(utimensat(AT_FDCWD, dir, times, 0), 0);
}

static bool there(void **state, const char *name)
{
    AUTO(auto_free) char *path = scratch_path(state, name);

    return path_exists(path);
}

/* Sweeps w0 with room for `trees` of them. */
static void sweep(void **state, int trees)
{
    AUTO(auto_free) char *dir = scratch_path(state, "w0");
    const struct conf conf = {.data_max_bytes = trees * TREE_BYTES + TREE_BYTES / 2};

    assert_int_equal(space_main(&conf, dir), 0);
}

static void hold_run(void **state, const char *worker, const char *target)
{
    AUTO(auto_free) char *name = mem_fmt("%s/runs/" RUN, worker);
    AUTO(auto_free) char *dir = scratch_path(state, name);
    struct run_order order = {.hold = {.run_id = RUN, .fence = "1-1", .nonce = "n"},
                              .attempt = 1};
    static const char spec[] =
        "{\"kind\":\"drift_check\",\"type\":\"Git\",\"repository\":\"a/b\","
        "\"ref\":\"main\",\"directory\":\".\",\"workspace\":\"default\"}";
    struct err err;

    memcpy(order.target, target, strlen(target) + 1);
    assert_int_equal(run_spec_parse(spec, strlen(spec), &order.spec, &err), 0);
    assert_int_equal(rundir_create(dir, &order, &err), 0);
    run_order_done(&order);
}

static int set_up(void **state)
{
    if (scratch_make(state) < 0)
        return -1;
    make_tree(state, "w0/work/old", 3000);
    make_tree(state, "w0/work/new", 1000);
    make_tree(state, "git/old", 9000);
    make_tree(state, "git/new", 8000);
    make_tree(state, PLUGIN, 99000);
    return 0;
}

static void nothing_goes_while_there_is_room(void **state)
{
    sweep(state, 6);
    assert_true(there(state, "w0/work/old") && there(state, "w0/work/new"));
    assert_true(there(state, "git/old") && there(state, PLUGIN));
}

static void the_work_directory_unused_for_longest_goes_first(void **state)
{
    sweep(state, 4);
    assert_false(there(state, "w0/work/old"));
    assert_true(there(state, "w0/work/new") && there(state, "git/old"));
}

static void then_caches_and_plugins_last(void **state)
{
    sweep(state, 2);
    assert_false(there(state, "w0/work/new") || there(state, "git/old"));
    assert_true(there(state, "git/new") && there(state, PLUGIN));
    sweep(state, 0);
    assert_false(there(state, "git/new") || there(state, PLUGIN));
}

static void a_held_target_keeps_its_work_directory(void **state)
{
    hold_run(state, "w0", "old");
    sweep(state, 0);
    assert_true(there(state, "w0/work/old"));
    assert_false(there(state, "w0/work/new") || there(state, "git/new"));
}

static void plugins_stay_while_any_worker_holds_a_run(void **state)
{
    make_tree(state, "w1/work/x", 0);
    hold_run(state, "w1", "x");
    sweep(state, 0);
    assert_true(there(state, PLUGIN));
    assert_true(there(state, "w1/work/x"));
}

static void plugins_stay_while_an_init_writes_them(void **state)
{
    AUTO(auto_free) char *name = scratch_file(state, "plugins.lock", "");
    AUTO(auto_close) int lock = open(name, O_RDWR | O_CLOEXEC);

    assert_int_equal(flock(lock, LOCK_EX), 0);
    sweep(state, 0);
    assert_true(there(state, PLUGIN));
}

static void an_acknowledged_run_holds_nothing(void **state)
{
    hold_run(state, "w0", "old");
    free(scratch_file(state, "w0/runs/" RUN "/done", ""));
    sweep(state, 0);
    assert_false(there(state, "w0/work/old"));
}

static void a_cache_whose_lock_is_held_stays(void **state)
{
    AUTO(auto_free) char *name = scratch_file(state, "git/old.lock", "");
    AUTO(auto_close) int lock = open(name, O_RDWR | O_CLOEXEC);

    assert_int_equal(flock(lock, LOCK_EX), 0);
    sweep(state, 0);
    assert_true(there(state, "git/old"));
    assert_false(there(state, "git/new"));
}

static void the_trash_is_emptied_even_when_there_is_room(void **state)
{
    make_tree(state, "w0/trash/x", 0);
    sweep(state, 100);
    assert_false(there(state, "w0/trash/x"));
    assert_true(there(state, "w0/trash"));
}

static void a_disk_with_room_is_not_full(void **state)
{
    assert_false(space_is_full(*state));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_goes_while_there_is_room),
        TEST(the_work_directory_unused_for_longest_goes_first),
        TEST(then_caches_and_plugins_last),
        TEST(a_held_target_keeps_its_work_directory),
        TEST(plugins_stay_while_any_worker_holds_a_run),
        TEST(plugins_stay_while_an_init_writes_them),
        TEST(an_acknowledged_run_holds_nothing),
        TEST(a_cache_whose_lock_is_held_stays),
        TEST(the_trash_is_emptied_even_when_there_is_room),
        TEST(a_disk_with_room_is_not_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
