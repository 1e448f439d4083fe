/* A worker for a test. */
#include "tests/support/worker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "common/redis/scripts.h"
#include "tests/support/fake_runner.h"
#include "worker/rundir/rundir.h"
#include "worker/supervisor/supervisor.h"

#define LONG_MS    20000
#define LOOK_MS    10
#define TIMEOUT_MS 5000
#define MEBIBYTE   (INT64_C(1024) * 1024)

struct worker_fixture worker_fixture;

/* ---- a worker ---- */
void worker_start(void)
{
    worker_fixture.pid = fork();
    assert_true(worker_fixture.pid >= 0);
    if (worker_fixture.pid == 0) {
        int self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int status;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        status = supervisor_main(&worker_fixture.conf, self_fd, environ);
        prctl(PR_SET_DUMPABLE, 1); /* the leak check looks at our memory */
        exit(status);
    }
}

int worker_wait(void)
{
    int status;

    assert_int_equal(waitpid(worker_fixture.pid, &status, 0), worker_fixture.pid);
    worker_fixture.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void worker_kill(void)
{
    kill(worker_fixture.pid, SIGKILL);
    assert_int_equal(worker_wait(), -SIGKILL);
}

void worker_stop(void)
{
    kill(worker_fixture.pid, SIGTERM);
    assert_int_equal(worker_wait(), 0);
}

int worker_set_up(void **state)
{
    (void)state;
    worker_fixture.data_dir = mem_dup("/tmp/kedge-test-XXXXXX");
    assert_non_null(mkdtemp(worker_fixture.data_dir));
    redis_server_start(&worker_fixture.server, REDIS_SERVER_APPEND_ONLY, NULL);
    worker_fixture.redis =
        redis_new(&worker_fixture.server.address, WORKER_PREFIX, scripts_all, TIMEOUT_MS);
    worker_fixture.conf = (struct conf){
        .redis_url = mem_fmt("unix://%s", worker_fixture.server.socket_path),
        .redis_prefix = mem_dup(WORKER_PREFIX),
        .data_dir = worker_fixture.data_dir,
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

int worker_tear_down(void **state)
{
    struct err err;

    (void)state;
    if (worker_fixture.pid > 0)
        worker_kill();
    redis_free(worker_fixture.redis);
    redis_server_stop(&worker_fixture.server);
    path_remove_tree(worker_fixture.data_dir, &err);
    free(worker_fixture.conf.redis_url);
    free(worker_fixture.conf.redis_prefix);
    free(worker_fixture.conf.git_url);
    free(worker_fixture.data_dir);
    return 0;
}

/* ---- Redis ---- */
struct redisReply *worker_call(struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err;

    if (redis_call(worker_fixture.redis, cmd, LONG_MS, &reply, &err) < 0)
        fail_msg("%s", err.message);
    redis_cmd_done(cmd);
    return reply;
}

char *worker_ask(const char *words)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    size_t count;
    char **list = parse_list(words, ' ', &count);

    redis_cmd_init(&cmd);
    cmd.repeatable = true;
    for (size_t i = 0; i < count; i++)
        redis_cmd_fmt(&cmd, "%s%s", i == 1 ? WORKER_PREFIX : "", list[i]);
    parse_list_free(list, count);
    reply = worker_call(&cmd);
    if (redis_reply_text(reply))
        return mem_dup(redis_reply_text(reply));
    return redis_reply_int(reply, -1) < 0
               ? mem_dup("")
               : mem_fmt("%ld", (long)redis_reply_int(reply, 0));
}

char *worker_field(const char *run_id, const char *name)
{
    AUTO(auto_free) char *words = mem_fmt("HGET run:%s %s", run_id, name);

    return worker_ask(words);
}

static void enqueue(const char *run_id, enum run_kind kind, const char *ref,
                    const char *target)
{
    AUTO(auto_free)
    char *spec = mem_fmt("{\"kind\":\"%s\",\"type\":\"Git\",\"repository\":\"a/b\","
                         "\"ref\":\"%s\",\"directory\":\".\",\"workspace\":\"default\"}",
                         run_kind_name(kind), ref);
    const struct enqueue req = {
        .run_id = run_id,
        .kind = kind,
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

    queue_enqueue(&cmd, WORKER_PREFIX, &req);
    reply = worker_call(&cmd);
    assert_int_equal(queue_enqueue_reply(reply, &out, &err), 0);
    assert_int_equal(out.outcome, ENQUEUE_NEW);
}

void worker_enqueue(const char *run_id, const char *ref, const char *target)
{
    enqueue(run_id, RUN_DRIFT_CHECK, ref, target);
}

void worker_enqueue_apply(const char *run_id, const char *ref, const char *target)
{
    enqueue(run_id, RUN_APPLY, ref, target);
}

void worker_cancel(const char *run_id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    queue_cancel(&cmd, WORKER_PREFIX, run_id, false, "a test");
    reply = worker_call(&cmd);
}

/* ---- waiting, with a deadline ---- */
void worker_until(const char *run_id, const char *name, const char *wanted)
{
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    for (;;) {
        AUTO(auto_free) char *now = worker_field(run_id, name);

        if (strcmp(now, wanted) == 0)
            return;
        if (clock_mono_ms() > deadline_ms)
            fail_msg("%s of %s is %s, not %s", name, run_id, now, wanted);
        poll(NULL, 0, LOOK_MS);
    }
}

char *worker_run_path(const char *run_id, const char *name)
{
    return mem_fmt("%s/w0/runs/%s%s%s", worker_fixture.data_dir, run_id, *name ? "/" : "",
                   name);
}

void worker_until_file(const char *run_id, const char *name, bool there)
{
    AUTO(auto_free) char *path = worker_run_path(run_id, name);
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    while (path_exists(path) != there) {
        if (clock_mono_ms() > deadline_ms)
            fail_msg("%s is %s", path, there ? "not there" : "still there");
        poll(NULL, 0, LOOK_MS);
    }
}

void worker_touch(const char *run_id, const char *name)
{
    AUTO(auto_free) char *path = worker_run_path(run_id, name);
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

void worker_let_go_on(const char *run_id)
{
    worker_touch(run_id, "go");
}

struct queue_hold worker_hold(const char *run_id)
{
    AUTO(auto_free) char *fence = worker_field(run_id, "fence");
    AUTO(auto_free) char *nonce = worker_field(run_id, "nonce");
    struct queue_hold hold;

    snprintf(hold.run_id, sizeof hold.run_id, "%s", run_id);
    snprintf(hold.fence, sizeof hold.fence, "%s", fence);
    snprintf(hold.nonce, sizeof hold.nonce, "%s", nonce);
    return hold;
}

void worker_assert(const char *run_id, const char *name, const char *wanted)
{
    AUTO(auto_free) char *is = worker_field(run_id, name);

    assert_string_equal(is, wanted);
}

void worker_until_started(const char *run_id)
{
    worker_until_file(run_id, "started", true);
}

void worker_assert_part(const char *run_id, const char *name, const char *part)
{
    AUTO(auto_free) char *is = worker_field(run_id, name);

    if (!strstr(is, part))
        fail_msg("%s of %s is \"%s\", without \"%s\"", name, run_id, is, part);
}

/* ---- applies ---- */
void worker_start_until(const char *ref, const char *file)
{
    worker_enqueue_apply(RUN_1, ref, "t1");
    worker_start();
    worker_until_file(RUN_1, file, true);
}

void worker_set(const char *words)
{
    free(worker_ask(words));
}

bool worker_has(const char *run_id, const char *name)
{
    AUTO(auto_free) char *path = worker_run_path(run_id, name);

    return path_exists(path);
}

void worker_as_holder(void (*build)(struct redis_cmd *cmd, const char *prefix,
                                    const struct queue_hold *hold))
{
    const struct queue_hold hold = worker_hold(RUN_1);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    build(&cmd, WORKER_PREFIX, &hold);
    reply = worker_call(&cmd);
    assert_string_equal(redis_reply_text(reply), "done");
}

void worker_kill_runner(void)
{
    AUTO(auto_free) char *dir = worker_run_path(RUN_1, "");
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    while (rundir_alive(dir) && clock_mono_ms() < deadline_ms)
        rundir_kill_holders(dir);
    assert_false(rundir_alive(dir));
}

int worker_test_main(int argc, char **argv, int (*tests)(void))
{
    if (argc == 3 && strcmp(argv[1], "--runner") == 0)
        return fake_runner_main(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--sweep") == 0)
        return 0;
    return tests();
}
