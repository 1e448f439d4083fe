/* Free memory, from made-up /proc and /sys/fs/cgroup trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/supervisor/memory.h"

#define KIB INT64_C(1024)

static void put(void **state, const char *name, const char *text)
{
    AUTO(auto_free) char *path = scratch_path(state, name);
    char *slash = path;
    struct err err;

    for (char *c = path; *c; c++)
        if (*c == '/')
            slash = c;
    *slash = '\0';
    assert_int_equal(path_mkdirs(path, 0700, &err), 0);
    free(scratch_file(state, name, text));
}

static int64_t free_bytes(void **state)
{
    AUTO(auto_free) char *proc = scratch_path(state, "proc");
    AUTO(auto_free) char *cgroups = scratch_path(state, "cgroup");

    return memory_free_below(proc, cgroups);
}

static void put_meminfo(void **state)
{
    put(state, "proc/meminfo",
        "MemTotal:  100000 kB\nMemFree:  10 kB\nMemAvailable:  90000 kB\n");
}

static void without_groups_it_is_what_the_kernel_calls_available(void **state)
{
    put_meminfo(state);
    assert_int_equal(free_bytes(state), 90000 * KIB);
}

static void where_nothing_says_there_is_no_limit(void **state)
{
    assert_int_equal(free_bytes(state), INT64_MAX);
}

static void a_version_2_limit_counts_and_inactive_cache_is_free(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "0::/a/b\n");
    put(state, "cgroup/a/b/memory.max", "1000000\n");
    put(state, "cgroup/a/b/memory.current", "700000\n");
    put(state, "cgroup/a/b/memory.stat", "anon 1\ninactive_file 50000\nfile 9\n");
    assert_int_equal(free_bytes(state), 350000);
}

static void the_tightest_group_up_to_the_root_decides(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "0::/a/b\n");
    put(state, "cgroup/a/b/memory.max", "max\n");
    put(state, "cgroup/a/b/memory.current", "5\n");
    put(state, "cgroup/a/memory.max", "1000\n");
    put(state, "cgroup/a/memory.current", "400\n");
    assert_int_equal(free_bytes(state), 600);
}

static void a_group_that_is_full_leaves_nothing(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "0::/\n");
    put(state, "cgroup/memory.max", "1000\n");
    put(state, "cgroup/memory.current", "1400\n");
    assert_int_equal(free_bytes(state), 0);
}

static void a_version_1_limit_counts(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n");
    put(state, "cgroup/memory/x/memory.limit_in_bytes", "2000\n");
    put(state, "cgroup/memory/x/memory.usage_in_bytes", "1500\n");
    put(state, "cgroup/memory/x/memory.stat",
        "inactive_file 7\ntotal_inactive_file 100\n");
    assert_int_equal(free_bytes(state), 600);
}

static void version_1_has_a_number_for_no_limit(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "4:memory:/x\n");
    put(state, "cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
    put(state, "cgroup/memory/x/memory.usage_in_bytes", "1500\n");
    assert_int_equal(free_bytes(state), 90000 * KIB);
}

static void in_a_container_the_mount_is_our_group(void **state)
{
    put_meminfo(state);
    put(state, "proc/self/cgroup", "4:memory:/docker/not/here\n");
    put(state, "cgroup/memory/memory.limit_in_bytes", "3000\n");
    put(state, "cgroup/memory/memory.usage_in_bytes", "1000\n");
    assert_int_equal(free_bytes(state), 2000);
}

static void this_machine_has_some(void **state)
{
    (void)state;
    assert_true(memory_free_bytes() > 0);
    assert_true(memory_free_bytes() < INT64_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_groups_it_is_what_the_kernel_calls_available),
        TEST(where_nothing_says_there_is_no_limit),
        TEST(a_version_2_limit_counts_and_inactive_cache_is_free),
        TEST(the_tightest_group_up_to_the_root_decides),
        TEST(a_group_that_is_full_leaves_nothing),
        TEST(a_version_1_limit_counts),
        TEST(version_1_has_a_number_for_no_limit),
        TEST(in_a_container_the_mount_is_our_group),
        TEST(this_machine_has_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
