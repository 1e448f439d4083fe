/* The journal: whose w<n> it is, and what stays in it for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/supervisor/journal.h"

#define RUN_1 "00000000-0000-7000-8000-000000000001"
#define RUN_2 "00000000-0000-7000-8000-000000000002"

static struct journal open_one(void **state)
{
    struct journal journal;
    struct err err;

    if (journal_open(&journal, *state, &err) < 0)
        fail_msg("%s", err.message);
    return journal;
}

static char *make_run(const struct journal *journal, const char *run_id)
{
    char *dir = journal_run_dir(journal, run_id);
    AUTO(auto_free) char *out = path_join(dir, "out");
    struct err err;

    assert_int_equal(path_mkdirs(out, 0700, &err), 0);
    return dir;
}

static bool has(const char *dir, const char *name)
{
    AUTO(auto_free) char *path = path_join(dir, name);

    return path_exists(path);
}

static void touch(const char *dir, const char *name, int64_t age_ms)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct timespec times[2];

    assert_true(fd >= 0);
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= age_ms / 1000;
    times[1] = times[0];
    assert_int_equal(futimens(fd, times), 0);
}

static void each_worker_takes_the_first_free_directory(void **state)
{
    struct journal one = open_one(state), two = open_one(state), three;

    assert_string_equal(strrchr(one.dir, '/'), "/w0");
    assert_string_equal(strrchr(two.dir, '/'), "/w1");
    assert_string_not_equal(one.id, two.id);
    journal_close(&one);
    three = open_one(state);
    assert_string_equal(strrchr(three.dir, '/'), "/w0");
    journal_close(&three);
    journal_close(&two);
}

static void the_id_belongs_to_the_directory(void **state)
{
    struct journal journal = open_one(state);
    char id[SIGN_UUID_BYTES];

    memcpy(id, journal.id, sizeof id);
    assert_true(parse_is_uuid(id));
    journal_close(&journal);
    journal = open_one(state);
    assert_string_equal(journal.id, id);
    journal_close(&journal);
}

static void a_broken_id_is_replaced(void **state)
{
    struct journal journal = open_one(state);

    journal_close(&journal);
    free(scratch_file(state, "w0/id", "not an id\n"));
    journal = open_one(state);
    assert_true(parse_is_uuid(journal.id));
    journal_close(&journal);
}

static void a_data_directory_that_cannot_be_made_is_an_error(void **state)
{
    AUTO(auto_free) char *file = scratch_file(state, "file", "");
    AUTO(auto_free) char *below = path_join(file, "var");
    struct journal journal;
    struct err err;

    assert_int_equal(journal_open(&journal, below, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "KEDGE_DATA_DIR"));
}

static void only_names_that_can_be_runs_are_listed(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *dir = make_run(&journal, RUN_1);
    AUTO(auto_free) char *other = make_run(&journal, "lost+found");
    size_t count;
    char **runs = journal_runs(&journal, &count);

    assert_int_equal(count, 1);
    assert_string_equal(runs[0], RUN_1);
    parse_list_free(runs, count);
    journal_close(&journal);
}

static void an_acknowledged_run_keeps_its_result_and_nothing_else(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *dir = make_run(&journal, RUN_1);
    struct err err;

    touch(dir, "result.json", 0);
    touch(dir, "output.z", 0);
    touch(dir, "spec.json", 0);
    touch(dir, "log", 0);
    assert_int_equal(journal_acknowledged_ms(dir), -1);
    assert_int_equal(journal_acknowledge(dir, &err), 0);
    assert_in_range(journal_acknowledged_ms(dir), 0, 60000);
    assert_true(has(dir, "result.json") && has(dir, "output.z") && has(dir, "spec.json"));
    assert_false(has(dir, "log") || has(dir, "out"));
    journal_close(&journal);
}

static void acknowledged_runs_go_after_their_time_and_others_never(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *old = make_run(&journal, RUN_1);
    AUTO(auto_free) char *unsent = make_run(&journal, RUN_2);
    AUTO(auto_free)
    char *fresh = make_run(&journal, "00000000-0000-7000-8000-000000000003");

    touch(old, "done", JOURNAL_KEEP_MS + 60000);
    touch(fresh, "done", JOURNAL_KEEP_MS - 60000);
    touch(unsent, "result.json", 30 * JOURNAL_KEEP_MS);
    assert_int_equal(journal_expire(&journal), 1);
    assert_false(path_exists(old));
    assert_true(path_exists(fresh) && path_exists(unsent));
    journal_close(&journal);
}

static void an_orphan_keeps_what_a_person_may_look_at(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *dir = make_run(&journal, RUN_1);
    struct err err;

    touch(dir, "apply.log", 0);
    touch(dir, "sealed", 0);
    touch(dir, "log", 0);
    assert_false(journal_is_settled(dir));
    assert_int_equal(journal_set_orphaned(dir, &err), 0);
    assert_true(journal_is_settled(dir));
    assert_int_equal(journal_acknowledged_ms(dir), -1);
    assert_true(has(dir, "log"));
    assert_false(has(dir, "out") || has(dir, "sealed") || has(dir, "apply.log"));
    touch(dir, "orphaned", JOURNAL_ORPHAN_MS - 60000);
    assert_int_equal(journal_expire(&journal), 0);
    touch(dir, "orphaned", JOURNAL_ORPHAN_MS + 60000);
    assert_int_equal(journal_expire(&journal), 1);
    assert_false(path_exists(dir));
    journal_close(&journal);
}

static void a_poke_is_heard_once(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *path = path_join(journal.dir, "poke");
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_false(journal_poked(&journal));
    assert_int_equal(write(fd, RUN_1 "\n", sizeof RUN_1), sizeof RUN_1);
    assert_true(journal_poked(&journal));
    assert_false(journal_poked(&journal));
    journal_close(&journal);
    journal = open_one(state); /* the FIFO that is there is used again */
    assert_false(journal_poked(&journal));
    journal_close(&journal);
}

static void what_is_trashed_is_out_of_the_way_at_once(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *dir = make_run(&journal, RUN_1);
    struct err err;

    assert_int_equal(journal_trash(&journal, dir, &err), 0);
    assert_false(path_exists(dir));
    assert_int_equal(journal_trash(&journal, dir, &err), 0);
    free(make_run(&journal, RUN_1));
    assert_int_equal(journal_trash(&journal, dir, &err), 0);
    journal_close(&journal);
}

static void a_run_that_cannot_be_trashed_is_said_to_be_there(void **state)
{
    struct journal journal = open_one(state);
    AUTO(auto_free) char *dir = make_run(&journal, RUN_1);
    AUTO(auto_free) char *trash = path_join(journal.dir, "trash");
    struct err err;

    assert_int_equal(path_remove_tree(trash, &err), 0);
    assert_int_equal(journal_trash(&journal, dir, &err), -1);
    assert_true(path_exists(dir));
    journal_close(&journal);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_worker_takes_the_first_free_directory),
        TEST(the_id_belongs_to_the_directory),
        TEST(a_broken_id_is_replaced),
        TEST(a_data_directory_that_cannot_be_made_is_an_error),
        TEST(only_names_that_can_be_runs_are_listed),
        TEST(an_acknowledged_run_keeps_its_result_and_nothing_else),
        TEST(acknowledged_runs_go_after_their_time_and_others_never),
        TEST(an_orphan_keeps_what_a_person_may_look_at),
        TEST(a_poke_is_heard_once),
        TEST(a_run_that_cannot_be_trashed_is_said_to_be_there),
        TEST(what_is_trashed_is_out_of_the_way_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
