/* What must hold of a batch. */
#include "tests/support/queue_batch_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue_batch.h"

static const char batch_script[] =
    "local P, b = KEYS[1], ARGV[1]\n"
    "local v = redis.call('HMGET', P .. 'batch:' .. b, 'status', 'outstanding', 'ok',\n"
    "    'failed', 'cancel', 'total', 'version', 'resolve')\n"
    "v[8] = redis.call('HGET', P .. 'run:' .. v[8], 'status')\n"
    "local out = {}\n"
    "for i = 1, 8 do out[i] = v[i] or '-' end\n"
    "for _, id in ipairs(redis.call('LRANGE', P .. 'batch_runs:' .. b, 0, -1)) do\n"
    "    out[#out + 1] = redis.call('HGET', P .. 'run:' .. id, 'status')\n"
    "    out[#out + 1] = redis.call('ZSCORE', P .. 'delayed', id) or '-'\n"
    "end\n"
    "return out\n";

/* The places in its answer; from AT_RUNS on a status and a due time of each run. */
enum {
    AT_STATUS,
    AT_OUTSTANDING,
    AT_OK,
    AT_FAILED,
    AT_CANCEL,
    AT_TOTAL,
    AT_VERSION,
    AT_RESOLVE,
    AT_RUNS
};

static struct redisReply *look(struct queue_fixture *fixture, const char *batch_id)
{
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "EVAL");
    redis_cmd_arg(&cmd, batch_script);
    redis_cmd_arg(&cmd, "1");
    redis_cmd_arg(&cmd, FIXTURE_PREFIX);
    redis_cmd_arg(&cmd, batch_id);
    return queue_fixture_call(fixture, &cmd);
}

static const char *word(const struct redisReply *reply, size_t index)
{
    return redis_reply_text(redis_reply_at(reply, index));
}

static bool is_good(const char *status)
{
    return strcmp(status, "clean") == 0 || strcmp(status, "drift_detected") == 0 ||
           strcmp(status, "applied") == 0;
}

static bool is_over(const char *status)
{
    return is_good(status) || strcmp(status, "error") == 0 ||
           strcmp(status, "cancelled") == 0 || strcmp(status, "orphaned") == 0;
}

static void see_run(struct seen_run *run, const char *status, const char *due)
{
    snprintf(run->status, sizeof run->status, "%s", status);
    run->waits = strcmp(due, "inf") == 0;
    if (!run->over && is_over(status)) {
        run->over = true;
        run->good = is_good(status);
    }
}

static bool stages_before_are_over(const struct seen_batch *batch, int64_t stage)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->runs[i].stage < stage && !batch->runs[i].over)
            return false;
    return true;
}

static bool an_earlier_stage_failed(const struct seen_batch *batch, int64_t stage)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->runs[i].stage < stage && batch->runs[i].over && !batch->runs[i].good)
            return true;
    return false;
}

static bool dependencies_are_good(const struct seen_batch *batch,
                                  const struct seen_run *run)
{
    for (const char *at = run->deps; *at != '\0'; at++)
        if (*at != ',' && !is_good(batch->runs[*at - '0'].status))
            return false;
    return true;
}

/* What may be said of a run at any time. */
static void check_run(const struct seen_batch *batch, struct seen_run *run)
{
    bool begun = !run->waits && strcmp(run->status, "cancelled") != 0;

    if (run->stage > 0 && begun && !run->begun) {
        assert_true(stages_before_are_over(batch, run->stage));
        assert_true(dependencies_are_good(batch, run));
        assert_false(batch->abort && an_earlier_stage_failed(batch, run->stage));
        assert_false(batch->stopped);
    }
    if (run->waits)
        assert_false(stages_before_are_over(batch, run->stage));
    run->begun = run->begun || begun;
}

static const char *expected_end(size_t good, size_t bad, bool stopped)
{
    if (stopped)
        return "cancelled";
    if (bad == 0)
        return "success";
    return good == 0 ? "failed" : "partial";
}

static void check_counts(const struct seen_batch *batch, const struct redisReply *now)
{
    size_t good = 0, bad = 0;

    for (size_t i = 0; i < batch->count; i++) {
        good += batch->runs[i].over && batch->runs[i].good;
        bad += batch->runs[i].over && !batch->runs[i].good;
    }
    assert_int_equal(strtoul(word(now, AT_TOTAL), NULL, 10), batch->count);
    assert_int_equal(strtoul(word(now, AT_OUTSTANDING), NULL, 10),
                     batch->count - good - bad);
    assert_int_equal(strtoul(word(now, AT_OK), NULL, 10), good);
    assert_int_equal(strtoul(word(now, AT_FAILED), NULL, 10), bad);
    assert_string_equal(
        word(now, AT_STATUS),
        good + bad == batch->count ? expected_end(good, bad, batch->stopped) : "running");
}

/* Before it has runs it is what its resolve run is; a release leaves it running. */
static void check_resolving(const struct redisReply *now)
{
    const char *status = word(now, AT_STATUS), *resolve = word(now, AT_RESOLVE);

    if (is_over(resolve))
        assert_string_equal(status, resolve);
    else
        assert_true(strcmp(status, "running") == 0 || strcmp(resolve, "queued") == 0);
}

/* An end is told once and never changes. */
static void check_end(struct seen_batch *batch, const struct redisReply *now)
{
    enum batch_status status;
    char end[sizeof batch->end];

    assert_int_equal(batch_status_parse(word(now, AT_STATUS), &status), 0);
    if (!batch_status_ended(status))
        return;
    snprintf(end, sizeof end, "%s %s", word(now, AT_STATUS), word(now, AT_VERSION));
    if (batch->end[0] != '\0')
        assert_string_equal(batch->end, end);
    memcpy(batch->end, end, sizeof end);
}

void seen_check(struct queue_fixture *fixture, struct seen_batch *batch)
{
    AUTO(redis_reply_free) struct redisReply *now = look(fixture, batch->id);
    size_t runs = (redis_reply_count(now) - AT_RUNS) / 2;
    bool stopped = batch->stopped;

    assert_int_equal(runs, batch->expanded ? batch->count : 0);
    for (size_t i = 0; i < runs; i++)
        see_run(&batch->runs[i], word(now, AT_RUNS + 2 * i),
                word(now, AT_RUNS + 2 * i + 1));
    for (size_t i = 0; i < runs; i++)
        check_run(batch, &batch->runs[i]);
    batch->stopped = strcmp(word(now, AT_CANCEL), "0") != 0;
    assert_true(batch->stopped || !stopped);
    if (batch->expanded)
        check_counts(batch, now);
    else
        check_resolving(now);
    check_end(batch, now);
}
