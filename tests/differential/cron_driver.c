/* Answers what the differential test asks about expressions, line by line:
 *
 *     expression TAB zone TAB after_ms TAB count
 *     -> normal form TAB sentence TAB tick_ms,tick_ms,...
 *     -> "error" TAB message
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/schedule/cron.h"
#include "common/schedule/humanize.h"

#define FIELDS    4
#define TICKS_MAX 1000
#define REPLY_MAX 65536

struct question {
    char *fields[FIELDS]; /* borrowed from the line */
    int64_t after_ms, count;
};

static int split(char *line, struct question *out, struct err *err)
{
    size_t count = 0;

    line[strcspn(line, "\n")] = '\0';
    for (char *field; count < FIELDS && (field = strsep(&line, "\t")) != NULL;)
        out->fields[count++] = field;
    if (count < FIELDS || parse_int64(out->fields[2], 0, INT64_MAX, &out->after_ms) < 0 ||
        parse_int64(out->fields[3], 0, TICKS_MAX, &out->count) < 0)
        return err_set(err, ERR_INPUT, "not a question");
    return 0;
}

static int answer(struct zones *zones, char *line, struct buf *out, struct err *err)
{
    const struct zone *zone;
    struct question question;
    struct cron cron;
    int64_t tick;

    if (split(line, &question, err) < 0 ||
        zones_get(zones, question.fields[1], &zone, err) < 0 ||
        cron_parse(question.fields[0], &cron, err) < 0)
        return -1;
    cron_print(&cron, out);
    buf_char(out, '\t');
    humanize_cron(&cron, NULL, out);
    buf_char(out, '\t');
    tick = question.after_ms;
    for (int64_t i = 0; i < question.count; i++) {
        tick = cron_next(&cron, zone, tick);
        if (tick < 0)
            break;
        buf_fmt(out, "%s%" PRId64, i > 0 ? "," : "", tick);
    }
    return 0;
}

int main(void)
{
    AUTO(auto_free) char *line = NULL;
    struct zones *zones = zones_new();
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        AUTO(buf_done) struct buf reply = BUF_INIT(REPLY_MAX);
        struct err err;

        if (answer(zones, line, &reply, &err) < 0)
            printf("error\t%s\n", err.message);
        else
            puts(buf_text(&reply));
    }
    zones_free(zones);
    return 0;
}
