/* The supervisor: a real one in a process of its own, a real Redis, and this program as
 * its runner (tests/support/fake_runner.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/parse.h"
#include "common/path.h"
#include "common/queue.h"
#include "common/scripts.h"
#include "common/target.h"
#include "tests/support/fake_runner.h"
#include "tests/support/redis_server.h"
#include "worker/rundir.h"
#include "worker/supervisor.h"

#define PREFIX     "{kedge}:"
#define LONG_MS    20000
#define LOOK_MS    10
#define TIMEOUT_MS 5000
#define MEBIBYTE   (INT64_C(1024) * 1024)

static struct redis_server server;
static struct redis *redis;
static char *data_dir;
static struct conf conf;
static pid_t worker;

/* ---- a worker ---- */
static void start_worker(void)
{
    worker = fork();
    assert_true(worker >= 0);
    if (worker == 0) {
        int self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int status;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        status = supervisor_main(&conf, self_fd, environ);
        prctl(PR_SET_DUMPABLE, 1); /* the leak check looks at our memory */
        exit(status);
    }
}

static int worker_status(void)
{
    int status;

    assert_int_equal(waitpid(worker, &status, 0), worker);
    worker = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void kill_worker(void)
{
    kill(worker, SIGKILL);
    assert_int_equal(worker_status(), -SIGKILL);
}

static void stop_worker(void)
{
    kill(worker, SIGTERM);
    assert_int_equal(worker_status(), 0);
}

static int set_up(void **state)
{
    (void)state;
    data_dir = mem_dup("/tmp/kedge-test-XXXXXX");
    assert_non_null(mkdtemp(data_dir));
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts_all, TIMEOUT_MS);
    conf = (struct conf){
        .redis_url = mem_fmt("unix://%s", server.socket_path),
        .redis_prefix = mem_dup(PREFIX),
        .data_dir = data_dir,
        .data_max_bytes = INT64_MAX,
        .worker_slots = 2,
        .run_memory_bytes = MEBIBYTE,
        .run_timeout_ms = 3600000,
        .cancel_grace_ms = 1000,
        .stop_timeout_ms = 60000,
        .git_url = mem_dup("https://git.example"),
    };
    return 0;
}

static int tear_down(void **state)
{
    struct err err;

    (void)state;
    if (worker > 0)
        kill_worker();
    redis_free(redis);
    redis_server_stop(&server);
    path_remove_tree(data_dir, &err);
    free(conf.redis_url);
    free(conf.redis_prefix);
    free(conf.git_url);
    free(data_dir);
    return 0;
}

/* ---- Redis ---- */
static struct redisReply *call(struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err;

    if (redis_call(redis, cmd, LONG_MS, &reply, &err) < 0)
        fail_msg("%s", err.message);
    redis_cmd_done(cmd);
    return reply;
}

/* A plain command of words parted by blanks, the second a key without prefix; its reply
 * as text, "" for nil. The caller frees. */
static char *ask(const char *words)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    size_t count;
    char **list = parse_list(words, ' ', &count);

    redis_cmd_init(&cmd);
    cmd.repeatable = true;
    for (size_t i = 0; i < count; i++)
        redis_cmd_fmt(&cmd, "%s%s", i == 1 ? PREFIX : "", list[i]);
    parse_list_free(list, count);
    reply = call(&cmd);
    if (redis_reply_text(reply))
        return mem_dup(redis_reply_text(reply));
    return redis_reply_int(reply, -1) < 0
               ? mem_dup("")
               : mem_fmt("%ld", (long)redis_reply_int(reply, 0));
}

static char *field(const char *run_id, const char *name)
{
    AUTO(auto_free) char *words = mem_fmt("HGET run:%s %s", run_id, name);

    return ask(words);
}

static void enqueue(const char *run_id, const char *ref, const char *target)
{
    AUTO(auto_free)
    char *spec =
        mem_fmt("{\"kind\":\"drift_check\",\"type\":\"Git\",\"repository\":\"a/b\","
                "\"ref\":\"%s\",\"directory\":\".\",\"workspace\":\"default\"}",
                ref);
    const struct enqueue req = {
        .run_id = run_id,
        .kind = RUN_DRIFT_CHECK,
        .target = target,
        .scope = target,
        .project_id = "",
        .workspace_id = "",
        .spec = spec,
        .ref = ref,
        .registry_revision = -1,
        .max_queued = 100,
        .max_queued_project = 100,
    };
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct enqueued out;
    struct err err;

    queue_enqueue(&cmd, PREFIX, &req);
    reply = call(&cmd);
    assert_int_equal(queue_enqueue_reply(reply, &out, &err), 0);
    assert_int_equal(out.outcome, ENQUEUE_NEW);
}

static void cancel(const char *run_id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    queue_cancel(&cmd, PREFIX, run_id, false, "a test");
    reply = call(&cmd);
}

/* ---- waiting, with a deadline ---- */
static void until_field(const char *run_id, const char *name, const char *wanted)
{
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    for (;;) {
        AUTO(auto_free) char *now = field(run_id, name);

        if (strcmp(now, wanted) == 0)
            return;
        if (clock_mono_ms() > deadline_ms)
            fail_msg("%s of %s is %s, not %s", name, run_id, now, wanted);
        poll(NULL, 0, LOOK_MS);
    }
}

static char *run_path(const char *run_id, const char *name)
{
    return mem_fmt("%s/w0/runs/%s%s%s", data_dir, run_id, *name ? "/" : "", name);
}

static void until_file(const char *run_id, const char *name, bool there)
{
    AUTO(auto_free) char *path = run_path(run_id, name);
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    while (path_exists(path) != there) {
        if (clock_mono_ms() > deadline_ms)
            fail_msg("%s is %s", path, there ? "not there" : "still there");
        poll(NULL, 0, LOOK_MS);
    }
}

static void let_go_on(const char *run_id)
{
    AUTO(auto_free) char *path = run_path(run_id, "go");
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

static void assert_field(const char *run_id, const char *name, const char *wanted)
{
    AUTO(auto_free) char *is = field(run_id, name);

    assert_string_equal(is, wanted);
}

#define RUN_1 "00000000-0000-7000-8000-000000000001"
#define RUN_2 "00000000-0000-7000-8000-000000000002"
#define RUN_3 "00000000-0000-7000-8000-000000000003"

/* ---- the straight way ---- */
static void a_queued_run_is_done_and_its_result_stored(void **state)
{
    AUTO(auto_free) char *metadata = NULL;
    AUTO(auto_free) char *log = NULL;

    (void)state;
    enqueue(RUN_1, "clean", "t1");
    start_worker();
    until_field(RUN_1, "status", "clean");
    assert_field(RUN_1, "summary", "{\"toAdd\":1}");
    metadata = ask("HGET result:" RUN_1 " metadata");
    assert_string_equal(metadata, "{}");
    log = ask("XLEN log:" RUN_1);
    assert_string_equal(log, "1");
    until_file(RUN_1, "done", true);
    stop_worker();
}

static void assert_contains(const char *run_id, const char *name, const char *part)
{
    AUTO(auto_free) char *is = field(run_id, name);

    if (!strstr(is, part))
        fail_msg("%s of %s is \"%s\", without \"%s\"", name, run_id, is, part);
}

/* Not before: the claim and the start of the runner are over. */
static void until_started(const char *run_id)
{
    until_file(run_id, "started", true);
}

static void the_drift_record_is_stored_under_its_target_and_ref(void **state)
{
    char repo[SIGN_ID_BYTES];
    AUTO(auto_free) char *words = NULL;
    AUTO(auto_free) char *record = NULL;

    (void)state;
    enqueue(RUN_1, "drift", "t1");
    start_worker();
    until_field(RUN_1, "status", "drift_detected");
    repository_id("git.example", "a/b", repo);
    words = mem_fmt("HGET drift:%s t1|drift", repo);
    record = ask(words);
    assert_string_equal(record, "{\"toAdd\":1}");
}

static void a_log_larger_than_a_chunk_is_shipped_whole_before_the_end(void **state)
{
    AUTO(redis_reply_free) struct redisReply *entries = NULL;
    size_t bytes = 0;
    struct redis_cmd cmd;

    (void)state;
    enqueue(RUN_1, "flood", "t1");
    start_worker();
    until_field(RUN_1, "status", "clean");
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "XRANGE");
    redis_cmd_arg(&cmd, PREFIX "log:" RUN_1);
    redis_cmd_arg(&cmd, "-");
    redis_cmd_arg(&cmd, "+");
    entries = call(&cmd);
    for (size_t i = 0; i < redis_reply_count(entries); i++) {
        const struct redisReply *fields = redis_reply_at(redis_reply_at(entries, i), 1);

        assert_int_equal(redis_reply_int(redis_reply_at(fields, 3), -1), bytes);
        bytes += redis_reply_len(redis_reply_at(fields, 5));
    }
    assert_int_equal(bytes, 65536 + strlen(FAKE_RUNNER_LINE));
}

static void slots_limit_how_many_run_at_a_time(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    enqueue(RUN_2, "wait", "t2");
    enqueue(RUN_3, "wait", "t3");
    start_worker();
    until_started(RUN_1);
    until_started(RUN_2);
    assert_field(RUN_3, "status", "queued");
    let_go_on(RUN_1);
    until_field(RUN_1, "status", "clean");
    until_started(RUN_3);
    let_go_on(RUN_2);
    let_go_on(RUN_3);
    until_field(RUN_3, "status", "clean");
}

static void an_idle_worker_is_woken_by_a_new_run(void **state)
{
    int64_t before_ms;

    (void)state;
    enqueue(RUN_1, "clean", "t1");
    start_worker();
    until_field(RUN_1, "status", "clean");
    before_ms = clock_mono_ms();
    for (int i = 0; i < 5; i++) {
        AUTO(auto_free) char *run = mem_fmt("00000000-0000-7000-8000-00000000001%d", i);

        enqueue(run, "clean", "t1");
        until_field(run, "status", "clean");
    }
    /* Asking every two seconds alone would take four times as long. */
    assert_true(clock_mono_ms() - before_ms < 2500);
}

static void nothing_is_claimed_without_the_memory_for_it(void **state)
{
    AUTO(auto_free) char *seen = NULL;

    (void)state;
    conf.run_memory_bytes = INT64_MAX / 4;
    enqueue(RUN_1, "clean", "t1");
    start_worker();
    do {
        free(seen);
        seen = ask("ZCARD workers");
    } while (strcmp(seen, "1") != 0);
    stop_worker();
    assert_field(RUN_1, "status", "queued");
}

/* ---- runs that end badly ---- */
static void a_killed_runner_is_an_error_that_names_the_signal(void **state)
{
    (void)state;
    enqueue(RUN_1, "die", "t1");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_field(RUN_1, "error_code", "TERRAFORM_KILLED");
    assert_contains(RUN_1, "error_message", "signal 9");
}

static void a_runner_without_a_result_is_an_error_with_its_status(void **state)
{
    (void)state;
    enqueue(RUN_1, "quit", "t1");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_contains(RUN_1, "error_message", "status 3");
}

static void what_a_killed_runner_left_is_killed_before_the_run_ends(void **state)
{
    AUTO(auto_free) char *dir = run_path(RUN_1, "");

    (void)state;
    enqueue(RUN_1, "leave", "t1");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_false(rundir_alive(dir));
}

static void a_result_that_cannot_be_stored_ends_as_an_error(void **state)
{
    (void)state;
    enqueue(RUN_1, "huge", "t1");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_contains(RUN_1, "error_message", "summary");
}

static void a_specification_that_cannot_be_read_ends_as_an_error(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    enqueue(RUN_1, "clean", "t1");
    set = ask("SET spec:" RUN_1 " {}");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_contains(RUN_1, "error_message", "specification");
}

static void a_run_that_asks_for_it_is_retried(void **state)
{
    (void)state;
    enqueue(RUN_1, "retry", "t1");
    start_worker();
    until_field(RUN_1, "status", "delayed");
    assert_field(RUN_1, "retry_message", "the registry is away");
    until_file(RUN_1, "", false);
}

static void a_retry_without_attempts_left_ends_with_the_error(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    enqueue(RUN_1, "retry", "t1");
    set = ask("HSET run:" RUN_1 " retries 3");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_field(RUN_1, "error_message", "the registry is away");
}

static void a_runner_that_does_not_stop_in_its_time_is_killed(void **state)
{
    (void)state;
    /* The slack of a minute is over 200 ms after the start. */
    conf.run_timeout_ms = -60000 - 2 * conf.cancel_grace_ms + 200;
    enqueue(RUN_1, "deaf", "t1");
    start_worker();
    until_field(RUN_1, "status", "error");
    assert_field(RUN_1, "error_code", "TIMEOUT");
}

/* ---- wishes ---- */
static void a_cancel_reaches_the_runner_at_once(void **state)
{
    int64_t before_ms;

    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    before_ms = clock_mono_ms();
    cancel(RUN_1);
    until_field(RUN_1, "status", "cancelled");
    /* The heartbeat alone would need up to 4 s. */
    assert_true(clock_mono_ms() - before_ms < 2000);
}

static void a_lost_run_is_interrupted_and_nothing_of_it_written(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    set = ask("HSET run:" RUN_1 " fence 1-1");
    until_file(RUN_1, "", false);
    assert_field(RUN_1, "status", "running");
    assert_field(RUN_1, "exit", "");
}

/* ---- the worker stops, or dies ---- */
static void a_drain_lets_runs_come_to_their_end(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    kill(worker, SIGTERM);
    let_go_on(RUN_1);
    assert_int_equal(worker_status(), 0);
    assert_field(RUN_1, "status", "clean");
}

static void after_the_stop_time_runs_are_interrupted_and_given_back(void **state)
{
    (void)state;
    conf.stop_timeout_ms = 100;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    stop_worker();
    assert_field(RUN_1, "status", "queued");
    assert_field(RUN_1, "crashes", "");
    until_file(RUN_1, "", false);
}

static void a_second_signal_shortens_the_drain(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    kill(worker, SIGTERM);
    kill(worker, SIGINT);
    assert_int_equal(worker_status(), 0);
    assert_field(RUN_1, "status", "queued");
}

static void a_run_outlives_its_worker_and_is_adopted(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    kill_worker();
    start_worker();
    until_field(RUN_1, "status", "running");
    let_go_on(RUN_1);
    until_field(RUN_1, "status", "clean");
    assert_field(RUN_1, "attempts", "1");
}

static void a_result_written_while_no_worker_lived_is_sent(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    kill_worker();
    let_go_on(RUN_1);
    until_file(RUN_1, "result.json", true);
    start_worker();
    until_field(RUN_1, "status", "clean");
    assert_field(RUN_1, "attempts", "1");
}

static void a_run_that_died_with_its_worker_is_given_back(void **state)
{
    AUTO(auto_free) char *dir = run_path(RUN_1, "");

    (void)state;
    enqueue(RUN_1, "deaf", "t1");
    start_worker();
    until_started(RUN_1);
    kill_worker();
    rundir_kill_holders(dir);
    start_worker();
    until_field(RUN_1, "attempts", "2");
    assert_field(RUN_1, "crashes", "");
    until_started(RUN_1);
    rundir_kill_holders(dir);
    until_field(RUN_1, "status", "error");
}

/* ---- Redis goes and comes back ---- */
static void a_result_waits_for_a_redis_that_is_away(void **state)
{
    (void)state;
    enqueue(RUN_1, "wait", "t1");
    start_worker();
    until_started(RUN_1);
    redis_server_kill(&server);
    let_go_on(RUN_1);
    until_file(RUN_1, "result.json", true);
    redis_server_restart(&server);
    until_field(RUN_1, "status", "clean");
}

static void a_result_that_redis_forgot_is_sent_again(void **state)
{
    AUTO(auto_free) char *status = NULL, *leases = NULL, *active = NULL, *ended = NULL;

    (void)state;
    enqueue(RUN_1, "clean", "t1");
    start_worker();
    until_field(RUN_1, "status", "clean");
    until_file(RUN_1, "done", true);
    status = ask("HSET run:" RUN_1 " status running");
    leases = ask("ZADD leases 9999999999999 " RUN_1);
    active = ask("HSET active t1 " RUN_1);
    ended = ask("ZREM ended " RUN_1);
    redis_server_restart(&server);
    until_field(RUN_1, "status", "clean");
}

static void a_worker_waits_for_a_redis_that_is_not_there_yet(void **state)
{
    (void)state;
    enqueue(RUN_1, "clean", "t1");
    redis_server_kill(&server);
    start_worker();
    redis_server_restart(&server);
    until_field(RUN_1, "status", "clean");
}

static void a_redis_that_could_forget_runs_is_refused(void **state)
{
    AUTO(auto_free) char *set = NULL;

    (void)state;
    redis_server_stop(&server);
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    free(conf.redis_url);
    conf.redis_url = mem_fmt("unix://%s", server.socket_path);
    start_worker();
    assert_int_equal(worker_status(), 78);
}

static void one_that_could_forget_runs_is_used_when_that_is_allowed(void **state)
{
    (void)state;
    redis_server_stop(&server);
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    free(conf.redis_url);
    conf.redis_url = mem_fmt("unix://%s", server.socket_path);
    conf.unsafe_redis = true;
    enqueue(RUN_1, "clean", "t1");
    start_worker();
    until_field(RUN_1, "status", "clean");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_queued_run_is_done_and_its_result_stored),
        TEST(the_drift_record_is_stored_under_its_target_and_ref),
        TEST(a_log_larger_than_a_chunk_is_shipped_whole_before_the_end),
        TEST(slots_limit_how_many_run_at_a_time),
        TEST(an_idle_worker_is_woken_by_a_new_run),
        TEST(nothing_is_claimed_without_the_memory_for_it),
        TEST(a_killed_runner_is_an_error_that_names_the_signal),
        TEST(a_runner_without_a_result_is_an_error_with_its_status),
        TEST(what_a_killed_runner_left_is_killed_before_the_run_ends),
        TEST(a_result_that_cannot_be_stored_ends_as_an_error),
        TEST(a_specification_that_cannot_be_read_ends_as_an_error),
        TEST(a_run_that_asks_for_it_is_retried),
        TEST(a_retry_without_attempts_left_ends_with_the_error),
        TEST(a_runner_that_does_not_stop_in_its_time_is_killed),
        TEST(a_cancel_reaches_the_runner_at_once),
        TEST(a_lost_run_is_interrupted_and_nothing_of_it_written),
        TEST(a_drain_lets_runs_come_to_their_end),
        TEST(after_the_stop_time_runs_are_interrupted_and_given_back),
        TEST(a_second_signal_shortens_the_drain),
        TEST(a_run_outlives_its_worker_and_is_adopted),
        TEST(a_result_written_while_no_worker_lived_is_sent),
        TEST(a_run_that_died_with_its_worker_is_given_back),
        TEST(a_result_waits_for_a_redis_that_is_away),
        TEST(a_result_that_redis_forgot_is_sent_again),
        TEST(a_worker_waits_for_a_redis_that_is_not_there_yet),
        TEST(a_redis_that_could_forget_runs_is_refused),
        TEST(one_that_could_forget_runs_is_used_when_that_is_allowed),
    };

    if (argc == 3 && strcmp(argv[1], "--runner") == 0)
        return fake_runner_main(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--sweep") == 0)
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
