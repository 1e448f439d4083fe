/* Trees, as somebody hostile may leave them behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"

#define NOBODY 65534

static void removing_a_tree_leaves_what_its_links_point_to(void **state)
{
    AUTO(auto_free) char *tree = scratch_path(state, "tree");
    AUTO(auto_free) char *inner = scratch_path(state, "tree/a/b");
    AUTO(auto_free) char *outside = scratch_path(state, "outside/kept");
    AUTO(auto_free) char *dir_link = scratch_path(state, "tree/a/link");
    AUTO(auto_free) char *top_link = scratch_path(state, "toplink");
    struct err err = {0};

    assert_int_equal(path_mkdirs(inner, 0700, &err), 0);
    assert_int_equal(path_mkdirs(outside, 0700, &err), 0);
    free(scratch_file(state, "tree/a/b/f", "x"));
    free(scratch_file(state, "outside/f", "x"));
    assert_int_equal(symlink("../../outside", dir_link), 0);
    assert_int_equal(symlink("outside", top_link), 0);
    assert_int_equal(path_remove_tree(tree, &err), 0);
    assert_false(path_exists(tree));
    assert_int_equal(path_remove_tree(top_link, &err), 0);
    assert_true(path_exists(outside));
    assert_int_equal(path_remove_tree(tree, &err), 0); /* a missing one is fine */
}

/* Deeper than descriptors, stack or PATH_MAX would allow anyone who follows it down. */
static void a_tree_of_any_depth_is_removed(void **state)
{
    AUTO(auto_free) char *tree = scratch_path(state, "tree");
    struct err err = {0};
    int fd;

    assert_int_equal(mkdir(tree, 0700), 0);
    fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 5000; i++) {
        const char *name = i % 2 == 0 ? "removing-0" : "d";
        int inner;

        assert_int_equal(mkdirat(fd, name, 0700), 0);
        inner = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(inner >= 0);
        close(fd);
        fd = inner;
    }
    close(fd);
    if (path_remove_tree(tree, &err) < 0)
        fail_msg("%s", err.message);
    assert_false(path_exists(tree));
}

static void names_that_removal_uses_itself_do_not_stop_it(void **state)
{
    static const char *const dirs[] = {"tree/removing-0/x", "tree/removing-1/y/z",
                                       "tree/a/removing-0/q", "tree/a/b/c"};
    AUTO(auto_free) char *tree = scratch_path(state, "tree");
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        AUTO(auto_free) char *dir = scratch_path(state, dirs[i]);

        assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    }
    free(scratch_file(state, "tree/removing-2", "a file"));
    free(scratch_file(state, "tree/a/removing-0/q/f", "x"));
    if (path_remove_tree(tree, &err) < 0)
        fail_msg("%s", err.message);
    assert_false(path_exists(tree));
}

static int remove_closed_tree(void **state)
{
    AUTO(auto_free) char *tree = scratch_path(state, "tree");
    AUTO(auto_free) char *inner = scratch_path(state, "tree/a/b");
    AUTO(auto_free) char *middle = scratch_path(state, "tree/a");
    struct err err = {0};

    if (getuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        return 2;
    if (path_mkdirs(inner, 0700, &err) < 0)
        return 3;
    free(scratch_file(state, "tree/a/b/f", "x"));
    if (chmod(inner, 0) < 0 || chmod(middle, 0500) < 0 || chmod(tree, 0) < 0)
        return 4;
    if (path_remove_tree(tree, &err) < 0)
        return 5;
    return path_exists(tree) ? 6 : 0;
}

/* In a child, because permission bits mean nothing to root. */
static void directories_without_permissions_are_removed_too(void **state)
{
    int status;

    if (getuid() == 0)
        assert_int_equal(chown(*state, NOBODY, NOBODY), 0);
    if (fork() == 0)
        _exit(remove_closed_tree(state));
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_trees_size_is_what_it_takes_on_disk(void **state)
{
    AUTO(auto_free) char *bytes = mem_new(100000, 1);
    AUTO(auto_free) char *dir = scratch_path(state, "t/a/b");
    AUTO(auto_free) char *tree = scratch_path(state, "t");
    AUTO(auto_free) char *file = scratch_path(state, "t/a/b/f");
    AUTO(auto_free) char *other = scratch_path(state, "other");
    AUTO(auto_free) char *link = scratch_path(state, "t/a/link");
    AUTO(auto_free) char *none = scratch_path(state, "none");
    struct err err = {0};
    int64_t before, after;

    memset(bytes, 'x', 100000);
    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(path_write_atomic(other, bytes, 100000, 0600, &err), 0);
    before = path_tree_bytes(tree);
    assert_int_equal(symlink("../../other", link), 0);
    assert_int_equal(path_write_atomic(file, bytes, 100000, 0600, &err), 0);
    after = path_tree_bytes(tree);
    assert_in_range(after - before, 100000, 150000);
    assert_in_range(path_tree_bytes(file), 100000, 150000);
    assert_int_equal(path_tree_bytes(none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removing_a_tree_leaves_what_its_links_point_to,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_tree_of_any_depth_is_removed, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(names_that_removal_uses_itself_do_not_stop_it,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(directories_without_permissions_are_removed_too,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_trees_size_is_what_it_takes_on_disk,
                                        scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
