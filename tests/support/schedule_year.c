/* A year of schedules in minutes. */
#include "tests/support/schedule_year.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/cron_oracle.h"
#include "tests/support/fire_fixture.h"

#define SCHEDULERS_MAX 8
#define AFTER_MS       (2 * 3600000) /* what is due late by jitter */
#define LATE_MAX_MS    50000 /* no tick is ever missed: the policies do not count */
#define JITTER_S       3600

static const char *const expressions[] = {
    "0 3 * * 1",
    "30 2 * 3,4,9,10,11 0",
    "*/30 0-3 * 3,4,9,10,11 0",
    "0 0 1 * *",
    "15 4 * * 6",
    "@weekly",
    "@monthly",
    "0 2 * * sun",
    "45 1,2 * * 7",
    "0 */6 * 3,4,9,10,11 0,6",
    "0 12 13 * 5",
    "5 0 * jan-mar mon-fri",
    "59 23 28-31 * *",
    "0 3 * * *",
    "30 2 * * *",
    "0 9 * * 1-5",
    "0 0 29 2 *",
    "@yearly",
    "0 0 31 */2 *",
    "7 * * 3,10 0",
    "10-50/20 3 * * 0",
    "*/5 1,2 * 3,10 0",
    "* 2 8,29 3 *",
    "0 1-5/2 * * 6,0",
    "0 0,12 1,15 * *",
    "30 1 * 4,10,11 0",
};

/* All of them put their clocks forward and back each year; by half an hour, by two, at
 * midnight, in winter instead of summer, for a month of fasting. */
static const char *const zones[] = {
    "Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "Europe/Dublin",
    "Africa/Casablanca", "Australia/Sydney", "Pacific/Auckland",    "Pacific/Chatham",
    "America/Santiago",  "America/Havana",   "America/St_Johns",    "Asia/Beirut",
    "Asia/Jerusalem",    "Africa/Cairo",     "Antarctica/Troll",    "Atlantic/Azores",
    "Europe/London",     "America/Nuuk",     "America/Los_Angeles", "Europe/Chisinau",
};

#define EXPRESSIONS ARRAY_LEN(expressions)
#define ZONES       ARRAY_LEN(zones)

/* The oracle's ticks of an expression in a zone. */
struct ticks {
    int64_t *at_ms; /* owned, ascending */
    size_t count;
};

enum crash { LIVES, DIES_BEFORE, DIES_AMID, DIES_AFTER };

/* There is one play at a time: `between` of the fixture has no other way to it. */
static struct play {
    const struct schedule_year *year;
    struct schedule_year_result *result;
    struct fire_fixture fixture;
    struct firing firings[SCHEDULERS_MAX];
    struct ticks ticks[EXPRESSIONS][ZONES];
    size_t *seen; /* by schedule: ticks that became runs */
    uint64_t random;
    struct redis
        *away;        /* never connects: errors are as if Redis were away, and no news */
    enum crash crash; /* of whose turn it is */
    bool dead;        /* so it came */
    int overtaker;    /* who gets in between; -1: nobody */
    size_t due_count; /* at the last look */
    int64_t next_due_ms;
} play;

static int64_t draw(int64_t below)
{
    play.random = play.random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int64_t)((play.random >> 33) % (uint64_t)below);
}

__attribute__((format(printf, 2, 3))) static void wrong(int64_t *count,
                                                        const char *format, ...)
{
    va_list args;

    ++*count;
    if (play.result->first_wrong[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(play.result->first_wrong, sizeof play.result->first_wrong, format, args);
    va_end(args);
}

/* ---- the oracle ---- */
static size_t expression_of(int n)
{
    return (size_t)n % EXPRESSIONS;
}

static size_t zone_of(int n)
{
    return ((size_t)n + (size_t)n / EXPRESSIONS) % ZONES;
}

static void add_tick(struct ticks *ticks, int64_t at_ms)
{
    if ((ticks->count & (ticks->count - 1)) == 0)
        ticks->at_ms = mem_grow(ticks->at_ms, ticks->count > 0 ? 2 * ticks->count : 1,
                                sizeof *ticks->at_ms);
    ticks->at_ms[ticks->count++] = at_ms;
}

static void ask_oracle(size_t at)
{
    struct cron crons[EXPRESSIONS];
    struct cron_oracle oracle;
    struct zone *zone = NULL;
    struct err err;

    for (size_t i = 0; i < EXPRESSIONS; i++)
        if (cron_parse(expressions[i], &crons[i], &err) < 0)
            abort();
    if (zone_load(zones[at], &zone, &err) < 0)
        abort();
    for (cron_oracle_start(&oracle, zone, play.year->from_ms);
         oracle.unix_s * 1000 < play.year->to_ms; cron_oracle_step(&oracle))
        for (size_t i = 0; i < EXPRESSIONS; i++)
            if (cron_oracle_fires(&oracle, &crons[i]))
                add_tick(&play.ticks[i][at], oracle.unix_s * 1000);
    zone_free(zone);
}

/* ---- schedules ---- */
static void put_schedule(int n, struct zones *loaded)
{
    struct schedule schedule = step_schedule(&play.fixture.queue, n);
    AUTO(auto_free) char *workspace = mem_fmt("w%d", n);
    AUTO(auto_free) char *json = mem_fmt("{\"directory\":\"d%d\"}", n);
    const struct zone *zone;
    struct cron cron;
    struct err err;

    fire_fixture_workspace(&play.fixture, STEP_PROJECT, workspace, json);
    schedule.workspace_id = workspace;
    schedule.cron = expressions[expression_of(n)];
    schedule.timezone = zones[zone_of(n)];
    schedule.missed = (enum schedule_missed)(n % SCHEDULE_MISSED_POLICIES);
    schedule.jitter_s = n % 20 == 7 ? JITTER_S : 0;
    if (cron_parse(schedule.cron, &cron, &err) < 0 ||
        zones_get(loaded, schedule.timezone, &zone, &err) < 0)
        abort();
    schedule.tick_ms = schedule_first(&cron, zone, play.year->from_ms - 1);
    if (step_put(&play.fixture.queue, &schedule, 0) != SCHEDULE_CREATED)
        abort();
    play.result->ticks += (int64_t)play.ticks[expression_of(n)][zone_of(n)].count;
}

/* ---- what became of ticks ---- */
/* Takes finished work out of Redis, with all that is known of it. */
static const char drain_script[] =
    "local p, out = KEYS[1], {}\n"
    "for _, id in ipairs(redis.call('ZRANGE', p .. 'runs', 0, 999)) do\n"
    "  local run = redis.call('HMGET', p .. 'run:' .. id, 'schedule', 'status',\n"
    "                         'target', 'scope', 'queued')\n"
    "  redis.call('DEL', p .. 'run:' .. id, p .. 'spec:' .. id, p .. 'q:' .. run[3],\n"
    "             p .. 'runs:' .. run[4], p .. 'last:' .. run[4])\n"
    "  for _, value in ipairs({id, run[1], run[2], run[5]}) do\n"
    "    out[#out + 1] = value\n"
    "  end\n"
    "end\n"
    "redis.call('ZREMRANGEBYRANK', p .. 'runs', 0, 999)\n"
    "if redis.call('EXISTS', p .. 'runs') == 0 then\n"
    "  for _, key in ipairs({'ready', 'coalesce', 'waiting', 'ended', 'scopes',\n"
    "                        'events'}) do\n"
    "    redis.call('DEL', p .. key)\n"
    "  end\n"
    "end\n"
    "return out\n";

static void judge_tick(int n, int64_t tick_ms)
{
    const struct ticks *ticks = &play.ticks[expression_of(n)][zone_of(n)];
    struct schedule_year_result *result = play.result;
    size_t at = play.seen[n];

    if (tick_ms >= play.year->to_ms)
        return;
    result->runs++;
    while (at < ticks->count && ticks->at_ms[at] < tick_ms)
        wrong(&result->missed, "schedule %d (%s, %s) missed %" PRId64, n,
              expressions[expression_of(n)], zones[zone_of(n)], ticks->at_ms[at++]);
    if (at < ticks->count && ticks->at_ms[at] == tick_ms)
        at++;
    else if (at > 0 && ticks->at_ms[at - 1] >= tick_ms)
        wrong(&result->doubled, "schedule %d (%s, %s) doubled %" PRId64, n,
              expressions[expression_of(n)], zones[zone_of(n)], tick_ms);
    else
        wrong(&result->wrong, "schedule %d (%s, %s) has no tick %" PRId64, n,
              expressions[expression_of(n)], zones[zone_of(n)], tick_ms);
    play.seen[n] = at;
}

static void judge_run(const char *run_id, const char *schedule_id, const char *status)
{
    char should_be[SIGN_UUID_BYTES];
    /* Its first 48 bits; a hyphen stands after 32 of them. */
    int64_t tick_ms =
        (int64_t)(strtoull(run_id, NULL, 16) << 16 | strtoull(run_id + 9, NULL, 16));

    schedule_run_id(schedule_id, tick_ms, should_be);
    if (strcmp(should_be, run_id) != 0 || strcmp(status, "queued") != 0)
        wrong(&play.result->wrong, "run %s is %s, %s", run_id, status, should_be);
    judge_tick((int)strtol(schedule_id + 24, NULL, 16), tick_ms);
}

static void drain(void)
{
    size_t count;

    do {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct redis_cmd cmd;

        redis_cmd_init(&cmd);
        redis_cmd_arg(&cmd, "EVAL");
        redis_cmd_arg(&cmd, drain_script);
        redis_cmd_arg(&cmd, "1");
        redis_cmd_arg(&cmd, FIXTURE_PREFIX);
        reply = queue_fixture_call(&play.fixture.queue, &cmd);
        count = redis_reply_count(reply);
        for (size_t i = 0; i + 3 < count; i += 4)
            judge_run(redis_reply_text(redis_reply_at(reply, i)),
                      redis_reply_text(redis_reply_at(reply, i + 1)),
                      redis_reply_text(redis_reply_at(reply, i + 2)));
    } while (count >= 1000);
}

/* ---- between schedulers and Redis ---- */
static bool is_script(const struct redis_cmd *cmd, const char *name)
{
    return cmd->script != NULL && strcmp(cmd->script->name, name) == 0;
}

static void turn_of(int who)
{
    struct firing *firing = &play.firings[who];
    int64_t next_mono_ms;
    struct err err;

    play.result->turns++;
    firing->due_mono_ms = 0;
    /* A piece of a review now and then, which must find nothing wrong. */
    firing->review.due_mono_ms = draw(20) > 0 ? INT64_MAX : 0;
    if (fire_tick(firing, play.fixture.boot_ms, &next_mono_ms, &err) < 0 && !play.dead)
        abort();
}

/* Another one does it first; its runs may even be over and forgotten by then. */
static void overtake(void)
{
    enum crash crash = play.crash;
    int who = play.overtaker;

    play.overtaker = -1;
    play.crash = LIVES;
    play.result->overtaken++;
    turn_of(who);
    if (draw(2) == 0)
        drain();
    play.crash = crash;
}

/* The process is gone in the middle of this. */
static int die(const struct redis_cmd *cmds, size_t count, struct redisReply **replies,
               struct err *err)
{
    size_t sent = play.crash == DIES_BEFORE ? 0
                  : play.crash == DIES_AMID ? (size_t)draw((int64_t)count)
                                            : count;

    play.dead = true;
    if (sent > 0 && fire_fixture_pass_on(cmds, sent, replies, err) < 0)
        abort();
    for (size_t i = 0; i < sent; i++)
        redis_reply_free(&replies[i]);
    return err_set(err, ERR_TEMP, "dead");
}

static int between(const struct redis_cmd *cmds, size_t count,
                   struct redisReply **replies, struct err *err)
{
    struct schedules_due due;

    if (is_script(&cmds[0], "fire")) {
        if (play.overtaker >= 0)
            overtake();
        if (play.crash != LIVES)
            return die(cmds, count, replies, err);
    }
    if (fire_fixture_pass_on(cmds, count, replies, err) < 0)
        return -1;
    if (!is_script(&cmds[0], "schedule_due"))
        return 0;
    if (schedule_due_reply(replies[0], &due, err) < 0)
        abort();
    play.due_count = due.count;
    play.next_due_ms = due.next_due_ms;
    return 0;
}

/* ---- the play ---- */
static void launch(int who)
{
    fire_fixture_init(&play.fixture, &play.firings[who]);
    play.firings[who].redis = play.away;
}

static void bury(int who)
{
    struct firing *firing = &play.firings[who];

    if (firing->counts.passed + firing->counts.put_right > 0)
        wrong(&play.result->wrong, "%" PRId64 " ticks passed, %" PRId64 " moved",
              firing->counts.passed, firing->counts.put_right);
    fire_done(firing);
}

static void random_turn(void)
{
    int who = (int)draw(play.year->schedulers);

    play.crash = draw(20) > 0 ? LIVES : (enum crash)(1 + draw(3));
    play.overtaker = (who + 1 + (int)draw(2)) % play.year->schedulers;
    if (play.overtaker == who || draw(5) > 0)
        play.overtaker = -1;
    play.due_count = 1;
    play.dead = false;
    turn_of(who);
    if (play.dead) {
        play.result->crashes++;
        bury(who);
        launch(who);
    }
}

/* To a moment shortly after the next due time. */
static void leap(void)
{
    int64_t to_ms = play.next_due_ms + draw(LATE_MAX_MS);

    fire_fixture_advance(&play.fixture, to_ms - play.fixture.queue.now_ms);
    if (to_ms - play.next_due_ms > play.result->late_ms)
        play.result->late_ms = to_ms - play.next_due_ms;
}

static void set_up(void)
{
    struct zones *loaded = zones_new();

    fire_fixture_start(&play.fixture);
    play.away = redis_new(&play.fixture.queue.server.address, FIXTURE_PREFIX, NULL, 1);
    play.fixture.queue.now_ms = play.year->from_ms - 1;
    play.seen = mem_new((size_t)play.year->schedules, sizeof *play.seen);
    for (size_t zone = 0; zone < ZONES; zone++)
        ask_oracle(zone);
    for (int n = 0; n < play.year->schedules; n++)
        put_schedule(n, loaded);
    for (int who = 0; who < play.year->schedulers; who++)
        launch(who);
    play.fixture.between = between;
    zones_free(loaded);
}

/* What never came. */
static void judge_rest(int n)
{
    const struct ticks *ticks = &play.ticks[expression_of(n)][zone_of(n)];

    for (size_t at = play.seen[n]; at < ticks->count; at++)
        wrong(&play.result->missed, "schedule %d (%s, %s) never fired %" PRId64, n,
              expressions[expression_of(n)], zones[zone_of(n)], ticks->at_ms[at]);
}

static void tear_down(void)
{
    for (int n = 0; n < play.year->schedules; n++)
        judge_rest(n);
    for (int who = 0; who < play.year->schedulers; who++)
        bury(who);
    for (size_t i = 0; i < EXPRESSIONS; i++)
        for (size_t zone = 0; zone < ZONES; zone++)
            free(play.ticks[i][zone].at_ms);
    free(play.seen);
    redis_free(play.away);
    fire_fixture_stop(&play.fixture);
}

void schedule_year_play(const struct schedule_year *year,
                        struct schedule_year_result *out)
{
    assert(year->schedulers <= SCHEDULERS_MAX);
    *out = (struct schedule_year_result){0};
    play = (struct play){.year = year, .result = out, .random = year->seed};
    set_up();
    while (play.fixture.queue.now_ms < year->to_ms + AFTER_MS) {
        random_turn();
        if (play.due_count > 0)
            continue;
        drain();
        if (play.next_due_ms == 0)
            break;
        leap();
    }
    tear_down();
}
