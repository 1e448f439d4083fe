/* Files and trees: caps, atomic writes, hostile trees, and paths that must stay inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"

static size_t count_entries(void **state)
{
    DIR *dir = opendir(*state);
    size_t count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void a_file_is_read_up_to_the_ceiling_and_not_beyond(void **state)
{
    AUTO(auto_free) char *path = scratch_file(state, "f", "12345");
    struct buf exact = BUF_INIT(5), small = BUF_INIT(4);
    struct err err = {0};

    assert_int_equal(path_read(path, &exact, &err), 0);
    assert_string_equal(buf_text(&exact), "12345");
    assert_int_equal(path_read(path, &small, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "larger than 4 bytes"));
    buf_done(&exact);
    buf_done(&small);
}

static void a_file_larger_than_a_chunk_is_read_whole(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "big");
    AUTO(auto_free) char *bytes = mem_new(300000, 1);
    struct buf text = BUF_INIT(1000000);
    struct err err = {0};

    memset(bytes, 'x', 300000);
    assert_int_equal(path_write_atomic(path, bytes, 300000, 0600, &err), 0);
    assert_int_equal(path_read(path, &text, &err), 0);
    assert_int_equal(text.len, 300000);
    assert_memory_equal(text.data, bytes, 300000);
    buf_done(&text);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "none");
    struct buf text = BUF_INIT(5);
    struct err err = {0};

    assert_int_equal(path_read(path, &text, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, path));
    assert_false(path_exists(path));
    assert_true(path_exists(*state));
}

static void what_is_no_file_is_refused_at_once(void **state)
{
    AUTO(auto_free) char *pipe = scratch_path(state, "pipe");
    const char *paths[] = {pipe, *state, "/dev/zero"};
    struct buf text = BUF_INIT(5);
    struct err err = {0};

    assert_int_equal(mkfifo(pipe, 0600), 0);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(path_read(paths[i], &text, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, "is not a regular file"));
    }
    assert_int_equal(text.len, 0);
}

static void an_atomic_write_replaces_the_file_and_leaves_nothing_else(void **state)
{
    AUTO(auto_free) char *path = scratch_file(state, "f", "old");
    struct buf text = BUF_INIT(100);
    struct err err = {0};
    struct stat st;

    assert_int_equal(path_write_atomic(path, "newer", 5, 0640, &err), 0);
    assert_int_equal(path_read(path, &text, &err), 0);
    assert_string_equal(buf_text(&text), "newer");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(count_entries(state), 1);
    buf_done(&text);
}

static void a_failed_write_keeps_the_old_file_and_cleans_up(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "dir");
    AUTO(auto_free) char *inner = scratch_path(state, "dir/keep");
    AUTO(auto_free) char *nowhere = scratch_path(state, "none/f");
    struct err err = {0};

    assert_int_equal(path_mkdirs(inner, 0700, &err), 0);
    assert_int_equal(path_write_atomic(path, "x", 1, 0600, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_int_equal(count_entries(state), 1);
    assert_true(path_exists(inner));
    assert_int_equal(path_write_atomic(nowhere, "x", 1, 0600, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
}

static int write_too_much(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "f");
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit limit = {10, 10};
    struct err err = {0};

    sigaction(SIGXFSZ, &ignore, NULL);
    setrlimit(RLIMIT_FSIZE, &limit);
    return path_write_atomic(path, "0123456789abc", 13, 0600, &err) < 0 ? 7 : 0;
}

/* A file-size limit ends the write in the middle, as a full disk does. */
static void a_write_that_fails_half_way_leaves_no_file(void **state)
{
    int status;

    if (fork() == 0)
        _exit(write_too_much(state));
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(count_entries(state), 0);
}

#define CANNOT_MOUNT 77

static int write_proc(const char *path, const char *text)
{
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) > 0 ? 0 : -1;
}

/* Makes this process root of name spaces of its own. */
static int leave_name_spaces(void)
{
    AUTO(auto_free) char *users = mem_fmt("0 %u 1", getuid());
    AUTO(auto_free) char *groups = mem_fmt("0 %u 1", getgid());

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
        write_proc("/proc/self/setgroups", "deny") < 0 ||
        write_proc("/proc/self/uid_map", users) < 0 ||
        write_proc("/proc/self/gid_map", groups) < 0)
        return -1;
    return 0;
}

/* A file system of one page. */
static int write_to_full_disk(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "f");
    AUTO(auto_free) char *bytes = mem_new(100000, 1);
    struct err err = {0};

    if (leave_name_spaces() < 0 || mount("none", *state, "tmpfs", 0, "size=4096") < 0)
        return CANNOT_MOUNT;
    if (path_write_atomic(path, bytes, 100000, 0600, &err) == 0)
        return 2;
    return err.kind == ERR_TEMP ? 0 : 3;
}

static void a_full_disk_is_worth_another_try(void **state)
{
    int status;

    if (fork() == 0)
        _exit(write_to_full_disk(state));
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_MOUNT) {
        print_message("no file system can be mounted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void directories_are_made_with_their_parents(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "a/b//c/");
    AUTO(auto_free) char *file = scratch_file(state, "f", "");
    AUTO(auto_free) char *below = scratch_path(state, "f/x");
    struct err err = {0};
    struct stat st;

    assert_int_equal(path_mkdirs(path, 0750, &err), 0);
    assert_int_equal(path_mkdirs(path, 0750, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(path_mkdirs(file, 0750, &err), -1);
    assert_int_equal(path_mkdirs(below, 0750, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
}

/* ---- paths from outside ---- */

static void directories_have_one_normal_form(void **state)
{
    static const struct {
        const char *text, *normal;
    } rows[] = {
        {"", "."},
        {".", "."},
        {"./", "."},
        {"a", "a"},
        {"./a//b/./c/", "a/b/c"},
        {"a/...", "a/..."},
        {"..a/b..", "..a/b.."},
        {" a", " a"},
        {"\xc3\xa4", "\xc3\xa4"},
        {"/a", NULL},
        {"/", NULL},
        {"..", NULL},
        {"a/../b", NULL},
        {"a/..", NULL},
        {"a\nb", NULL},
        {"a\x7f", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *normal = NULL;
        struct err err = {0};
        int result = path_normalize_dir(rows[i].text, &normal, &err);

        if (result != (rows[i].normal != NULL ? 0 : -1))
            fail_msg("\"%s\"", rows[i].text);
        if (result == 0)
            assert_string_equal(normal, rows[i].normal);
        else
            assert_int_equal(err.kind, ERR_INPUT);
    }
}

static void a_directory_longer_than_1024_bytes_is_refused(void **state)
{
    char text[1026];
    AUTO(auto_free) char *normal = NULL;
    struct err err = {0};

    (void)state;
    memset(text, 'a', 1025);
    text[1025] = '\0';
    assert_int_equal(path_normalize_dir(text, &normal, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    text[1024] = '\0';
    assert_int_equal(path_normalize_dir(text, &normal, &err), 0);
    assert_string_equal(normal, text);
}

static void only_directories_inside_the_root_can_be_opened(void **state)
{
    static const struct {
        const char *relative;
        enum err_kind kind;
    } rows[] = {
        {".", ERR_NONE},         {"a", ERR_NONE},     {"a/../a", ERR_NONE},
        {"inside", ERR_NONE},    {"none", ERR_PERM},  {"file", ERR_PERM},
        {"a/none", ERR_PERM},    {"..", ERR_INPUT},   {"a/../..", ERR_INPUT},
        {"/", ERR_INPUT},        {"out", ERR_INPUT},  {"out/x", ERR_INPUT},
        {"absolute", ERR_INPUT}, {"loop", ERR_INPUT}, {"absolute_in", ERR_INPUT},
        {"inside/..", ERR_NONE},
    };
    AUTO(auto_free) char *root = scratch_path(state, "root");
    AUTO(auto_free) char *dir = scratch_path(state, "root/a");
    AUTO(auto_free) char *inside = scratch_path(state, "root/inside");
    AUTO(auto_free) char *out = scratch_path(state, "root/out");
    AUTO(auto_free) char *absolute = scratch_path(state, "root/absolute");
    AUTO(auto_free) char *absolute_in = scratch_path(state, "root/absolute_in");
    AUTO(auto_free) char *loop = scratch_path(state, "root/loop");
    struct err err = {0};

    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    free(scratch_file(state, "root/file", "x"));
    assert_int_equal(symlink("a", inside), 0);
    assert_int_equal(symlink("..", out), 0);
    assert_int_equal(symlink("/etc", absolute), 0);
    assert_int_equal(symlink(dir, absolute_in), 0);
    assert_int_equal(symlink("loop", loop), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_close) int fd = -1;

        err.kind = ERR_NONE;
        fd = path_open_beneath(root, rows[i].relative, &err);
        if (err.kind != rows[i].kind || (fd >= 0) != (rows[i].kind == ERR_NONE))
            fail_msg("%s: %s", rows[i].relative, err.message);
    }
}

static void an_opened_directory_is_the_one_that_was_named(void **state)
{
    AUTO(auto_free) char *root = scratch_path(state, "root");
    AUTO(auto_free) char *dir = scratch_path(state, "root/a/b");
    struct err err = {0};
    struct stat named, opened;

    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    AUTO(auto_close) int fd = path_open_beneath(root, "a/b", &err);
    assert_true(fd >= 0);
    assert_int_equal(stat(dir, &named), 0);
    assert_int_equal(fstat(fd, &opened), 0);
    assert_true(named.st_ino == opened.st_ino && named.st_dev == opened.st_dev);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_file_is_read_up_to_the_ceiling_and_not_beyond),
        IN_SCRATCH(a_file_larger_than_a_chunk_is_read_whole),
        IN_SCRATCH(a_file_that_is_not_there_is_named),
        IN_SCRATCH(what_is_no_file_is_refused_at_once),
        IN_SCRATCH(an_atomic_write_replaces_the_file_and_leaves_nothing_else),
        IN_SCRATCH(a_failed_write_keeps_the_old_file_and_cleans_up),
        IN_SCRATCH(a_write_that_fails_half_way_leaves_no_file),
        IN_SCRATCH(a_full_disk_is_worth_another_try),
        IN_SCRATCH(directories_are_made_with_their_parents),
        cmocka_unit_test(directories_have_one_normal_form),
        cmocka_unit_test(a_directory_longer_than_1024_bytes_is_refused),
        IN_SCRATCH(only_directories_inside_the_root_can_be_opened),
        IN_SCRATCH(an_opened_directory_is_the_one_that_was_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
