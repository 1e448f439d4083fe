/* A schedule as it is shown. */
#include "api/schedule/schedule_json.h"

#include "common/base/mem.h"
#include "common/schedule/humanize.h"

#define SENTENCE_BYTES ((size_t)4096)

/* What is stored was parsed before it was; in other words than its own it is shown as
 * long as it still can be. */
static void add_sentence(struct json_writer *w, const struct schedule *schedule)
{
    AUTO(buf_done) struct buf sentence = BUF_INIT(SENTENCE_BYTES);
    struct cron cron;
    struct err err;

    if (cron_parse(schedule->cron, &cron, &err) == 0)
        humanize_cron(&cron, schedule->timezone, &sentence);
    else
        buf_str(&sentence, schedule->cron);
    json_add_text(w, "humanReadable", buf_text(&sentence));
}

static void open_object(struct json_writer *w, const struct schedule *schedule)
{
    json_object(w);
    json_add_text(w, "id", schedule->id);
    json_add_text(w, "scheduleType", schedule_type_name(schedule->type));
    json_add_text(w, "cron", schedule->cron);
    json_add_stored(w, "label", schedule->label);
    json_add_boolean(w, "enabled", schedule->enabled);
    json_add_text(w, "timezone", schedule->timezone);
    json_add_number(w, "jitterSeconds", schedule->jitter_s);
    json_add_text(w, "missedPolicy", schedule_missed_name(schedule->missed));
    json_add_time(w, "lastRunAt", schedule->last_ms);
    json_add_time(w, "nextRunAt", schedule->due_ms);
    add_sentence(w, schedule);
}

void schedule_json(struct json_writer *w, const struct schedule *schedule)
{
    open_object(w, schedule);
    json_object_end(w);
}

static void write_in_summary(struct json_writer *w, const struct schedule *schedule)
{
    open_object(w, schedule);
    json_add_time(w, "nextRun", schedule->due_ms);
    json_add_time(w, "lastRun", schedule->last_ms);
    json_object_end(w);
}

/* ---- lists ---- */
static int write_list(struct json_writer *w, const struct redisReply *reply,
                      void (*write)(struct json_writer *, const struct schedule *),
                      struct err *err)
{
    json_array(w);
    for (size_t left = schedule_list_count(reply); left > 0; left--) {
        struct schedule schedule;

        if (schedule_list_reply(reply, left - 1, &schedule, err) < 0)
            return -1;
        write(w, &schedule);
    }
    json_array_end(w);
    return 0;
}

int schedule_json_list(struct json_writer *w, const struct redisReply *reply,
                       struct err *err)
{
    return write_list(w, reply, schedule_json, err);
}

/* The one that stands for all of them; id NULL: there is none. */
static int find_first(const struct redisReply *reply, struct schedule *out,
                      struct err *err)
{
    size_t count = schedule_list_count(reply);

    *out = (struct schedule){0};
    for (size_t left = count; left > 0 && !out->enabled; left--)
        if (schedule_list_reply(reply, left - 1, out, err) < 0)
            return -1;
    if (count > 0 && !out->enabled)
        return schedule_list_reply(reply, count - 1, out, err);
    return 0;
}

int schedule_json_summary(struct json_writer *w, const struct redisReply *reply,
                          struct err *err)
{
    struct schedule first;

    if (find_first(reply, &first, err) < 0)
        return -1;
    json_key(w, "schedule");
    if (first.id != NULL)
        write_in_summary(w, &first);
    else
        json_null(w);
    json_key(w, "schedules");
    return write_list(w, reply, write_in_summary, err);
}
