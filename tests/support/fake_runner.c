/* A stand-in for the runner. */
#include "tests/support/fake_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/base/zip.h"
#include "worker/rundir/rundir.h"

#define LOOK_MS     10
#define FLOOD_BYTES 65536
#define SUMMARY     "{\"toAdd\":1}"
#define QUIT_STATUS 3
#define PART_MAX    ((size_t)64 * 1024)

static void die(const char *what)
{
    fprintf(stderr, "fake_runner: %s: %s\n", what, strerrordesc_np(errno));
    exit(1);
}

static void put(const char *dir, const char *name, const char *text, size_t len)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    AUTO(auto_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        die(path);
}

static void put_zip(const char *dir, const char *name, const char *text)
{
    struct buf zipped = BUF_INIT(PART_MAX);

    zip_deflate(text, strlen(text), &zipped);
    put(dir, name, buf_text(&zipped), zipped.len);
    buf_done(&zipped);
}

static int finish(const char *dir, const struct run_outcome *outcome)
{
    struct err err;

    put_zip(dir, "output.z", "the output\n");
    put_zip(dir, "log.z", FAKE_RUNNER_LINE);
    put(dir, "head", "the output\n", strlen("the output\n"));
    put(dir, "metadata.json", "{}", 2);
    if (rundir_write_outcome(dir, outcome, &err) < 0)
        die(err.message);
    return 0;
}

static int end(const char *dir, enum run_status status)
{
    char summary[] = SUMMARY, record[] = "{\"toAdd\":1}";
    struct run_outcome outcome = {.status = status, .exit_code = 0, .summary = summary};

    if (status == RUN_DRIFT_DETECTED) {
        outcome.exit_code = 2;
        outcome.drift_record = record;
    }
    return finish(dir, &outcome);
}

void fake_runner_put(const char *dir, const char *name, const char *text)
{
    put(dir, name, text, strlen(text));
}

int fake_runner_end(const char *dir, enum run_status status, enum run_error error)
{
    struct run_outcome outcome = {.status = status, .error = error};

    return finish(dir, &outcome);
}

static int ask_for_retry(const char *dir)
{
    char message[] = "the registry is away";
    struct run_outcome outcome = {.status = RUN_ERROR,
                                  .retry = true,
                                  .retry_reason = RETRY_INFRASTRUCTURE,
                                  .error = RUN_ERR_TERRAFORM_FAILED,
                                  .error_message = message,
                                  .exit_code = 1};

    return finish(dir, &outcome);
}

static int end_hugely(const char *dir)
{
    AUTO(auto_free) char *summary = mem_new(1, QUEUE_SUMMARY_BYTES + 2);
    struct run_outcome outcome = {.status = RUN_CLEAN, .summary = summary};

    memset(summary, 'x', QUEUE_SUMMARY_BYTES + 1);
    return finish(dir, &outcome);
}

static int wait_for_word(const char *dir, int ctl_fd)
{
    AUTO(auto_free) char *go = path_join(dir, "go");
    char text[64] = "";

    while (!path_exists(go)) {
        struct pollfd heard = {.fd = ctl_fd, .events = POLLIN};

        if (poll(&heard, 1, LOOK_MS) <= 0)
            continue;
        memset(text, 0, sizeof text);
        if (read(ctl_fd, text, sizeof text - 1) < 0)
            die("ctl");
        if (strstr(text, "cancel"))
            return end(dir, RUN_CANCELLED);
        if (strstr(text, "interrupt"))
            return 0;
    }
    return end(dir, RUN_CLEAN);
}

static int be_deaf(const char *dir)
{
    while (dir)
        poll(NULL, 0, -1);
    return 0;
}

static int leave_a_process(const char *dir)
{
    if (fork() == 0) {
        alarm(FAKE_LIFE_S);
        be_deaf(dir);
    }
    return raise(SIGKILL);
}

static int flood(const char *dir)
{
    AUTO(auto_free) char *text = mem_new(FLOOD_BYTES, 1);

    memset(text, 'x', FLOOD_BYTES);
    put(dir, "log", text, FLOOD_BYTES);
    return end(dir, RUN_CLEAN);
}

static int play(const char *dir, const char *part, int ctl_fd)
{
    int played = fake_apply_play(dir, part, ctl_fd);

    if (played >= 0)
        return played;
    if (strcmp(part, "drift") == 0)
        return end(dir, RUN_DRIFT_DETECTED);
    if (strcmp(part, "wait") == 0)
        return wait_for_word(dir, ctl_fd);
    if (strcmp(part, "deaf") == 0)
        return be_deaf(dir);
    if (strcmp(part, "die") == 0)
        return raise(SIGKILL);
    if (strcmp(part, "leave") == 0)
        return leave_a_process(dir);
    if (strcmp(part, "quit") == 0)
        return QUIT_STATUS;
    if (strcmp(part, "retry") == 0)
        return ask_for_retry(dir);
    if (strcmp(part, "flood") == 0)
        return flood(dir);
    if (strcmp(part, "huge") == 0)
        return end_hugely(dir);
    return end(dir, RUN_CLEAN);
}

int fake_runner_main(const char *dir)
{
    AUTO(auto_free) char *ctl = path_join(dir, "ctl");
    AUTO(run_order_done) struct run_order order = {0};
    int ctl_fd = open(ctl, O_RDWR | O_CLOEXEC);
    struct err err;

    alarm(FAKE_LIFE_S);
    if (ctl_fd < 0 || rundir_lock(dir, &err) < 0 ||
        rundir_read_order(dir, &order, &err) < 0)
        die("start");
    put(dir, "started", "plan\n", strlen("plan\n"));
    put(dir, "log", FAKE_RUNNER_LINE, strlen(FAKE_RUNNER_LINE));
    return play(dir, order.spec.ref, ctl_fd);
}
