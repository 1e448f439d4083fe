/* GET /api/v1/audit: who did what, newest first.
 *
 * An entry of the stream has several records, so that a page begins after a record of an
 * entry: the cursor has the entry's time, its number in that millisecond and the record's
 * place in it, from 1. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/server/audit.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define ENTRIES_A_ROUND 50
#define FILTERS         3
#define DAY_MS          INT64_C(86400000)
/* Records looked at for one page; a page that found little still says where to go on. */
#define SCANNED_MAX 50000
#define NEWEST_MS   INT64_C(9007199254740991)

struct audit_list {
    struct page page;
    struct buf filters[FILTERS]; /* members as text; empty: any */
    struct audit_range range;
    int64_t
        place; /* in the entry that the range begins with: only those before; 0: all */
    int64_t left, scanned;
    struct page_cursor last; /* the record that was looked at last */
    struct buf body;
    struct json_writer w;
};

static void list_done(void *state)
{
    struct audit_list *list = state;

    for (size_t i = 0; i < FILTERS; i++)
        buf_done(&list->filters[i]);
    buf_done(&list->body);
}

/* ---- cursors ---- */
static void print_place(int64_t seq, int64_t place, char id[SIGN_UUID_BYTES])
{
    snprintf(id, SIGN_UUID_BYTES, "%08x-0000-0000-0000-%012" PRIx64, (unsigned)place,
             (uint64_t)seq & 0xffffffffffff);
}

static void read_place(const char *id, int64_t *seq, int64_t *place)
{
    char *end;

    *place = strtoll(id, &end, 16);
    *seq = strtoll(id + strlen(id) - 12, &end, 16);
}

/* ---- the answer ---- */
static void finish(struct request *req, bool more)
{
    struct audit_list *list = req->state;

    json_array_end(&list->w);
    if (more)
        page_link(req, &list->last);
    reply_json(req, MHD_HTTP_OK, &list->body);
}

/* ---- one entry ---- */
static bool fits(const struct audit_list *list, const char *line, size_t len)
{
    for (size_t i = 0; i < FILTERS; i++)
        if (list->filters[i].len > 0 && !audit_line_has(line, len, &list->filters[i]))
            return false;
    return true;
}

/* The record's object with its time in front. */
static void show(struct audit_list *list, int64_t at_ms, const char *line, size_t len)
{
    json_object(&list->w);
    json_add_time(&list->w, "time", at_ms);
    buf_char(&list->body, ',');
    buf_append(&list->body, line + 1, len - 1);
    list->w.comma = true;
    list->left--;
}

/* Of an entry's records the newest is the last: those before `place`, backwards. False:
 * the page is full. */
static bool take_records(struct audit_list *list, const struct audit_entry *entry,
                         const char **lines, int64_t count)
{
    for (int64_t i = count; i > 0; i--) {
        const char *line = lines[i - 1];
        size_t len = strcspn(line, "\n");

        if (list->left == 0)
            return false;
        list->scanned++;
        list->last.at = entry->at_ms;
        print_place(entry->seq, i, list->last.id);
        if (len > 1 && fits(list, line, len))
            show(list, entry->at_ms, line, len);
    }
    return true;
}

static int64_t find_lines(const struct audit_entry *entry, int64_t max,
                          const char ***lines)
{
    int64_t count = 0;

    for (const char *at = entry->lines; at < entry->lines + entry->len && count < max;
         at += strcspn(at, "\n") + 1) {
        if ((count & (count - 1)) == 0)
            *lines = mem_grow(*lines, count > 0 ? 2 * (size_t)count : 1, sizeof **lines);
        (*lines)[count++] = at;
    }
    return count;
}

static bool take_entry(struct audit_list *list, const struct audit_entry *entry)
{
    AUTO(auto_free) const char **lines = NULL;
    bool is_first =
        entry->at_ms == list->range.before_ms && entry->seq == list->range.before_seq;
    int64_t max = is_first && list->place > 0 ? list->place - 1 : INT64_MAX;
    int64_t count = find_lines(entry, max, &lines);

    if (!take_records(list, entry, lines, count))
        return false;
    list->last.at = entry->at_ms;
    print_place(entry->seq, 1, list->last.id);
    return true;
}

/* ---- rounds ---- */
static void ask_entries(struct request *req);

static void reply_unreadable(struct request *req)
{
    struct err err;

    err_set(&err, ERR_PERM, "the audit has an entry without an id");
    reply_failure(req, &err);
}

/* Goes on behind the last record of the last entry. */
static void got_entries(struct request *req, const struct redisReply *reply)
{
    struct audit_list *list = req->state;
    size_t count = redis_reply_count(reply);

    for (size_t i = 0; i < count; i++) {
        struct audit_entry entry;

        if (audit_entry_at(reply, i, &entry) < 0) {
            reply_unreadable(req);
            return;
        }
        if (!take_entry(list, &entry)) {
            finish(req, true);
            return;
        }
    }
    if (count < ENTRIES_A_ROUND) {
        finish(req, false);
    } else if (list->left == 0 || list->scanned >= SCANNED_MAX) {
        finish(req, true);
    } else {
        list->range.before_ms = list->last.at;
        read_place(list->last.id, &list->range.before_seq, &list->place);
        ask_entries(req);
    }
}

static void ask_entries(struct request *req)
{
    const struct audit_list *list = req->state;
    struct redis_cmd cmd;

    audit_list(&cmd, request_prefix(req), &list->range);
    ask_one(req, &cmd, got_entries);
}

/* ---- the request ---- */
static void read_filter(const struct request *req, const char *name, struct buf *out)
{
    const char *value = request_query(req, name);
    struct json_writer w;

    if (value == NULL)
        return;
    *out = BUF_INIT(8 * AUDIT_TEXT_MAX);
    json_open(&w, out);
    json_add_text(&w, name, value);
}

static void read_time(const struct request *req, const char *name, int64_t *out_ms,
                      struct problems *problems)
{
    const char *text = request_query(req, name);

    if (text != NULL && (parse_rfc3339_ms(text, out_ms) < 0 || *out_ms < 0))
        problems_add(problems, name, "%s must be a time as in 2026-01-31T12:00:00Z",
                     name);
}

/* Nothing that is older than it is kept, though Redis may still have it. */
static void read_range(const struct request *req, struct audit_list *list,
                       struct problems *problems)
{
    int64_t kept_ms = clock_wall_ms() - req->api->conf->audit_days * DAY_MS;
    struct audit_range *range = &list->range;

    *range = (struct audit_range){
        .before_ms = NEWEST_MS, .before_seq = INT64_MAX, .entries = ENTRIES_A_ROUND};
    read_time(req, "since", &range->since_ms, problems);
    read_time(req, "until", &range->before_ms, problems);
    if (range->since_ms < kept_ms)
        range->since_ms = kept_ms;
    if (list->page.after.at == 0)
        return;
    range->before_ms = list->page.after.at;
    if (list->page.after.id[0] == '\0')
        problems_add(problems, "cursor", "cursor is not one that this list gave out");
    else
        read_place(list->page.after.id, &range->before_seq, &list->place);
}

void handle_audit(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct audit_list *list = request_state(req, sizeof *list, list_done);

    if (req->api->conf->audit_days == 0) {
        reply_error(req, REPLY_DISABLED, "the audit is off: KEDGE_AUDIT_DAYS is 0");
        return;
    }
    page_read(req, PAGE_LIMIT_MAX, &list->page, &problems);
    read_filter(req, "token", &list->filters[0]);
    read_filter(req, "action", &list->filters[1]);
    read_filter(req, "projectId", &list->filters[2]);
    read_range(req, list, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    list->left = list->page.limit;
    list->body = REPLY_BODY_INIT;
    json_open(&list->w, &list->body);
    json_array(&list->w);
    ask_entries(req);
}
