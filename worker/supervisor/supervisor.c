/* The supervisor: set-up, the poll loop, and the order of duties in a turn. */
#include "worker/supervisor/supervisor.h"

#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/scripts.h"
#include "worker/process/sandbox.h"
#include "worker/process/spawn.h"
#include "worker/supervisor/memory.h"
#include "worker/supervisor/supervisor_internal.h"

#define IDLE_MAX_MS      10000
#define GUARD_TIMEOUT_MS 1000
/* Above it a block goes back to the system when it is freed: results are large, rare. */
#define LARGE_BLOCK_BYTES (64 * 1024)

/* In their order: what the world did, then what we make of it, claims last. */
static void (*const duties[])(struct supervisor *s) = {
    supervisor_reap_children, supervisor_watch_redis, supervisor_assert, supervisor_drain,
    supervisor_advance,       supervisor_ship_logs,   supervisor_claim,  supervisor_beat,
    supervisor_mark,          supervisor_hear,        supervisor_tidy,
};

void supervisor_wake_by(struct supervisor *s, int64_t mono_ms)
{
    if (mono_ms < s->wake_mono_ms)
        s->wake_mono_ms = mono_ms;
}

void supervisor_wake_now(struct supervisor *s)
{
    supervisor_wake_by(s, 0);
}

int64_t supervisor_jitter_ms(int64_t around_ms)
{
    uint16_t random;

    sign_random(&random, sizeof random);
    return around_ms * 4 / 5 + around_ms * 2 / 5 * random / UINT16_MAX;
}

static void tick_link(struct supervisor *s, struct redis_link *link)
{
    int64_t sleep_ms = redis_link_tick(link);

    if (sleep_ms >= 0)
        supervisor_wake_by(s, clock_mono_ms() + sleep_ms);
}

/* All timed work; returns for how long (ms) the loop may sleep. */
static int64_t turn(struct supervisor *s)
{
    int64_t sleep_ms;

    s->now_mono_ms = clock_mono_ms();
    s->wake_mono_ms = s->now_mono_ms + IDLE_MAX_MS;
    for (size_t i = 0; i < ARRAY_LEN(duties); i++)
        duties[i](s);
    tick_link(s, s->link);
    tick_link(s, s->wake);
    tick_link(s, s->ctl);
    sleep_ms = s->metrics ? metrics_listen_tick(s->metrics) : -1;
    if (sleep_ms >= 0)
        supervisor_wake_by(s, clock_mono_ms() + sleep_ms);
    sleep_ms = s->wake_mono_ms - clock_mono_ms();
    return sleep_ms > 0 ? sleep_ms : 0;
}

static void wait_for_news(struct supervisor *s, int64_t sleep_ms)
{
    struct redis_link *const links[] = {s->link, s->wake, s->ctl};
    struct pollfd polled[ARRAY_LEN(links) + 4];
    size_t count = ARRAY_LEN(links);

    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        polled[i] = (struct pollfd){.fd = redis_link_fd(links[i]),
                                    .events = redis_link_events(links[i])};
    polled[count++] = (struct pollfd){.fd = s->stop_fd, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = s->journal.poke_fd, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = supervisor_log_watch_fd(s), .events = POLLIN};
    polled[count++] = (struct pollfd){
        .fd = s->metrics ? metrics_listen_fd(s->metrics) : -1, .events = POLLIN};
    if (poll(polled, count, (int)sleep_ms) <= 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (polled[i].revents)
            redis_link_io(links[i], polled[i].revents);
    stop_read(s->stop_fd, &s->signals);
}

/* Orphans of a dead runner become our children; nobody reads our memory; freed results
 * do not stay with us. */
static int prepare_process(struct err *err)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK_BYTES);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_set(err, ERR_PERM, "prctl is refused");
    return 0;
}

static int check_sandbox(const struct conf *conf, struct err *err)
{
    if (conf->sandbox == SANDBOX_NONE || sandbox_abi() > 0)
        return 0;
    if (conf->sandbox == SANDBOX_LANDLOCK)
        return err_set(err, ERR_PERM,
                       "KEDGE_SANDBOX=landlock, but this kernel has no Landlock");
    log_warn("sandbox_missing", "reason=%s",
             "this kernel has no Landlock: a run may read what the worker may");
    return 0;
}

static int open_links(struct supervisor *s, struct err *err)
{
    const char *prefix = s->conf->redis_prefix;

    if (conf_redis_address(s->conf, &s->address, err) < 0)
        return -1;
    s->redis = redis_new(&s->address, prefix, NULL, GUARD_TIMEOUT_MS);
    s->link = redis_link_new(&s->address, prefix, scripts_all);
    s->wake = redis_link_new(&s->address, prefix, NULL);
    s->ctl = redis_link_new(&s->address, prefix, NULL);
    redis_guard_init(&s->guard, s->redis, s->conf->unsafe_redis);
    return 0;
}

static int open_metrics(struct supervisor *s, struct err *err)
{
    if (!s->conf->metrics_listen)
        return 0;
    s->metrics =
        metrics_listen_open(s->conf->metrics_listen, supervisor_print_metrics, s, err);
    if (!s->metrics)
        return err_wrap(err, "KEDGE_METRICS_LISTEN");
    log_info("listening", "address=%s", metrics_listen_name(s->metrics));
    return 0;
}

static int set_up(struct supervisor *s, struct err *err)
{
    s->stop_fd = stop_open(err);
    supervisor_log_watch_open(s);
    if (s->stop_fd < 0 || check_sandbox(s->conf, err) < 0 || prepare_process(err) < 0 ||
        journal_open(&s->journal, s->conf->data_dir, err) < 0 || open_links(s, err) < 0 ||
        open_metrics(s, err) < 0)
        return -1;
    return 0;
}

static void tear_down(struct supervisor *s)
{
    redis_link_free(s->ctl);
    redis_link_free(s->wake);
    redis_link_free(s->link);
    while (s->runs)
        supervisor_let_go(s->runs);
    redis_free(s->redis);
    redis_address_done(&s->address);
    metrics_listen_free(s->metrics);
    journal_close(&s->journal);
    parse_list_free(s->watch.resend, s->watch.resend_count);
    auto_close(&s->stop_fd);
    auto_close(&s->log_fd);
    free(s->beat.holds);
    free(s->environment);
}

static void reload(struct supervisor *s)
{
    if (!s->signals.hup)
        return;
    s->signals.hup = false;
    conf_hangup(s->conf, PROGRAM_WORKER);
}

static void serve(struct supervisor *s)
{
    if (memory_free_bytes() < s->conf->run_memory_bytes)
        log_warn("memory_short", "free_bytes=%" PRId64 " needed_bytes=%" PRId64,
                 memory_free_bytes(), s->conf->run_memory_bytes);
    s->now_mono_ms = clock_mono_ms();
    supervisor_adopt(s);
    log_info("started", "worker_id=%s dir=%s slots=%" PRId64, s->journal.id,
             s->journal.dir, s->conf->worker_slots);
    while (!s->over) {
        reload(s);
        wait_for_news(s, turn(s));
    }
}

int supervisor_main(struct conf *conf, int self_fd, char **environ_list)
{
    struct supervisor s = {
        .conf = conf,
        .self_fd = self_fd,
        .environment = spawn_environment(environ_list),
        .journal = JOURNAL_INIT,
        .stop_fd = -1,
        .log_fd = -1,
    };
    struct err err;
    int failed = set_up(&s, &err);

    if (failed == 0)
        failed = redis_guard_wait(&s.guard, s.stop_fd, &s.signals, &err);
    if (failed == 0)
        serve(&s);
    if (failed < 0)
        log_error("start_failed", "error=%s", err.message);
    else
        log_info("stopped", "worker_id=%s", s.journal.id);
    tear_down(&s);
    return failed < 0 ? EX_CONFIG : EX_OK;
}
