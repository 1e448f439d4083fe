/* The Prometheus text, and what a process tells about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/net/metrics.h"

static void rows_of_one_name_share_its_description(void **state)
{
    int64_t clean = 7, failed = 2, slots = -1;
    const struct metric table[] = {
        {"runs_total", "Ended runs.", METRIC_COUNTER, "status=\"clean\"", &clean},
        {"runs_total", "Ended runs.", METRIC_COUNTER, "status=\"error\"", &failed},
        {"slots", "Free slots.", METRIC_GAUGE, NULL, &slots},
    };
    struct buf out = BUF_INIT(10000);

    (void)state;
    metrics_print(table, ARRAY_LEN(table), &out);
    assert_string_equal(buf_text(&out), "# HELP runs_total Ended runs.\n"
                                        "# TYPE runs_total counter\n"
                                        "runs_total{status=\"clean\"} 7\n"
                                        "runs_total{status=\"error\"} 2\n"
                                        "# HELP slots Free slots.\n"
                                        "# TYPE slots gauge\n"
                                        "slots -1\n");
    buf_done(&out);
}

static void a_histogram_is_cumulative_and_ends_with_everything(void **state)
{
    struct metric_histogram histogram = {0};
    const struct metric metric = {"wait", "Waits.", METRIC_HISTOGRAM, "kind=\"plan\"",
                                  &histogram};
    struct buf out = BUF_INIT(10000);

    (void)state;
    metrics_observe(&histogram, 0);
    metrics_observe(&histogram, 1); /* a bound belongs to its bucket */
    metrics_observe(&histogram, 2);
    metrics_observe(&histogram, 700000);
    metrics_print(&metric, 1, &out);
    assert_ptr_equal(
        strstr(buf_text(&out), "# HELP wait Waits.\n# TYPE wait histogram\n"),
        buf_text(&out));
    assert_non_null(strstr(buf_text(&out),
                           "\nwait_bucket{kind=\"plan\",le=\"0.001\"} 2\n"
                           "wait_bucket{kind=\"plan\",le=\"0.005\"} 3\n"));
    assert_non_null(strstr(buf_text(&out), "\nwait_bucket{kind=\"plan\",le=\"600\"} 3\n"
                                           "wait_bucket{kind=\"plan\",le=\"+Inf\"} 4\n"
                                           "wait_sum{kind=\"plan\"} 700.003\n"
                                           "wait_count{kind=\"plan\"} 4\n"));
    buf_done(&out);
}

static void a_histogram_without_labels_has_none_but_its_bounds(void **state)
{
    struct metric_histogram histogram = {0};
    const struct metric metric = {"wait", "Waits.", METRIC_HISTOGRAM, NULL, &histogram};
    struct buf out = BUF_INIT(10000);

    (void)state;
    metrics_print(&metric, 1, &out);
    assert_non_null(strstr(buf_text(&out), "\nwait_bucket{le=\"0.001\"} 0\n"));
    assert_non_null(strstr(buf_text(&out), "\nwait_sum 0.000\nwait_count 0\n"));
    buf_done(&out);
}

static void bounds_ascend_from_a_millisecond_to_ten_minutes(void **state)
{
    (void)state;
    for (size_t i = 1; i < METRIC_BUCKETS; i++)
        assert_true(metric_bounds_s[i] > metric_bounds_s[i - 1]);
    assert_true(metric_bounds_s[0] == 0.001);
    assert_true(metric_bounds_s[METRIC_BUCKETS - 1] == 600);
}

static double value_of(const struct buf *text, const char *series)
{
    AUTO(auto_free) char *line = mem_fmt("\n%s ", series);
    const char *found = strstr(buf_text(text), line);

    if (found == NULL)
        fail_msg("%s is missing in\n%s", series, buf_text(text));
    return strtod(found + strlen(line), NULL);
}

static void a_process_tells_its_memory_time_and_descriptors(void **state)
{
    struct buf out = BUF_INIT(10000), more = BUF_INIT(10000);
    AUTO(auto_free)
    char *build = mem_fmt("kedge_build_info{version=\"%s\"}", kedge_version);
    double now_s = (double)clock_wall_ms() / 1000, started_s, open_fds;
    int fds[2];

    (void)state;
    metrics_print_process(&out);
    assert_true(value_of(&out, "process_resident_memory_bytes") > 100000);
    assert_true(value_of(&out, "process_cpu_seconds_total") >= 0);
    started_s = value_of(&out, "process_start_time_seconds");
    assert_true(started_s <= now_s + 1 && started_s > now_s - 300);
    assert_true(value_of(&out, build) == 1);
    open_fds = value_of(&out, "process_open_fds");
    assert_int_equal(pipe(fds), 0);
    metrics_print_process(&more);
    assert_true(value_of(&more, "process_open_fds") == open_fds + 2);
    close(fds[0]);
    close(fds[1]);
    buf_done(&out);
    buf_done(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_one_name_share_its_description),
        cmocka_unit_test(a_histogram_is_cumulative_and_ends_with_everything),
        cmocka_unit_test(a_histogram_without_labels_has_none_but_its_bounds),
        cmocka_unit_test(bounds_ascend_from_a_millisecond_to_ten_minutes),
        cmocka_unit_test(a_process_tells_its_memory_time_and_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
