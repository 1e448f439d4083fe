/* The Prometheus text format, and what the process says about itself. */
#include "common/net/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/path.h"
#include "common/conf/conf.h"

const double metric_bounds_s[METRIC_BUCKETS] = {
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600,
};

static const char *const type_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
};

void metrics_observe(struct metric_histogram *histogram, int64_t elapsed_ms)
{
    double elapsed_s = (double)elapsed_ms / 1000.0;

    histogram->count++;
    histogram->sum_s += elapsed_s;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        if (elapsed_s <= metric_bounds_s[i]) {
            histogram->buckets[i]++;
            return;
        }
    }
}

static void print_head(const char *name, const char *help, enum metric_type type,
                       struct buf *out)
{
    buf_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type_names[type]);
}

/* `name{labels}` and a blank; labels may be NULL. */
static void print_series(const char *name, const char *labels, struct buf *out)
{
    if (labels == NULL)
        buf_fmt(out, "%s ", name);
    else
        buf_fmt(out, "%s{%s} ", name, labels);
}

static void print_bucket(const struct metric *metric, const char *bound, uint64_t count,
                         struct buf *out)
{
    const char *labels = metric->labels != NULL ? metric->labels : "";

    buf_fmt(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->name, labels,
            *labels != '\0' ? "," : "", bound, count);
}

static void print_histogram(const struct metric *metric, struct buf *out)
{
    const struct metric_histogram *histogram = metric->value;
    uint64_t count = 0;
    char name[128];

    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        char bound[32];

        snprintf(bound, sizeof bound, "%g", metric_bounds_s[i]);
        count += histogram->buckets[i];
        print_bucket(metric, bound, count, out);
    }
    print_bucket(metric, "+Inf", histogram->count, out);
    snprintf(name, sizeof name, "%s_sum", metric->name);
    print_series(name, metric->labels, out);
    buf_fmt(out, "%.3f\n", histogram->sum_s);
    snprintf(name, sizeof name, "%s_count", metric->name);
    print_series(name, metric->labels, out);
    buf_fmt(out, "%" PRIu64 "\n", histogram->count);
}

void metrics_print(const struct metric *table, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &table[i];

        if (i == 0 || strcmp(metric->name, table[i - 1].name) != 0)
            print_head(metric->name, metric->help, metric->type, out);
        if (metric->type == METRIC_HISTOGRAM) {
            print_histogram(metric, out);
            continue;
        }
        print_series(metric->name, metric->labels, out);
        buf_fmt(out, "%" PRId64 "\n", *(const int64_t *)metric->value);
    }
}

/* Fields of /proc/self/stat, by their numbers in proc(5). */
enum {
    STAT_STATE = 3,
    STAT_USER = 14,
    STAT_SYSTEM = 15,
    STAT_START = 22,
    STAT_PAGES = 24
};

struct process {
    uint64_t user_ticks, system_ticks, start_ticks;
    uint64_t resident_pages;
};

/* `state` is where field 3 stands. */
static uint64_t stat_field(const char *state, int number)
{
    for (int i = STAT_STATE; i < number; i++) {
        state += strcspn(state, " ");
        state += strspn(state, " ");
    }
    return strtoull(state, NULL, 10);
}

static int read_process(struct process *process)
{
    struct buf text = BUF_INIT(4096);
    struct err err;
    const char *state = NULL;
    int result = -1;

    if (path_read("/proc/self/stat", &text, &err) == 0)
        state = strrchr(buf_text(&text), ')'); /* the name may hold any other */
    if (state != NULL) {
        state += strspn(state, ") ");
        *process = (struct process){
            .user_ticks = stat_field(state, STAT_USER),
            .system_ticks = stat_field(state, STAT_SYSTEM),
            .start_ticks = stat_field(state, STAT_START),
            .resident_pages = stat_field(state, STAT_PAGES),
        };
        result = 0;
    }
    buf_done(&text);
    return result;
}

static int64_t count_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -1; /* the directory's own */

    if (dir == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void print_real(const char *name, const char *help, enum metric_type type,
                       double value, struct buf *out)
{
    print_head(name, help, type, out);
    buf_fmt(out, "%s %.2f\n", name, value);
}

void metrics_print_process(struct buf *out)
{
    double ticks_a_second = (double)sysconf(_SC_CLK_TCK);
    int64_t resident_bytes, open_fds = count_open_fds();
    struct process process;

    if (read_process(&process) == 0) {
        double booted_s = (double)(clock_wall_ms() - clock_boot_ms()) / 1000.0;
        double cpu_ticks = (double)(process.user_ticks + process.system_ticks);

        resident_bytes = (int64_t)process.resident_pages * sysconf(_SC_PAGESIZE);
        metrics_print(&(struct metric){"process_resident_memory_bytes",
                                       "Resident memory.", METRIC_GAUGE, NULL,
                                       &resident_bytes},
                      1, out);
        print_real("process_cpu_seconds_total", "User and system CPU time.",
                   METRIC_COUNTER, cpu_ticks / ticks_a_second, out);
        print_real("process_start_time_seconds", "Start, since 1970.", METRIC_GAUGE,
                   booted_s + (double)process.start_ticks / ticks_a_second, out);
    }
    metrics_print(&(struct metric){"process_open_fds", "Open file descriptors.",
                                   METRIC_GAUGE, NULL, &open_fds},
                  1, out);
    print_head("kedge_build_info", "The running version.", METRIC_GAUGE, out);
    buf_fmt(out, "kedge_build_info{version=\"%s\"} 1\n", kedge_version);
}
