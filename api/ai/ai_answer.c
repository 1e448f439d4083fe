/* The answer of a model, as it is streamed. */
#include "api/ai/ai_answer.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define FIELD_BYTES_MAX 16 /* "data: " and more */
/* More than most lines have: hundreds of answers come at a time. */
#define LINE_BYTES_KEPT 4096

void ai_answer_init(struct ai_answer *answer)
{
    *answer = (struct ai_answer){
        .line = BUF_INIT(AI_EVENT_BYTES_MAX + FIELD_BYTES_MAX),
        .data = BUF_INIT(AI_EVENT_BYTES_MAX),
    };
}

void ai_answer_done(struct ai_answer *answer)
{
    buf_done(&answer->line);
    buf_done(&answer->data);
}

/* ---- errors ---- */
static bool is_word(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    return len > 0 && len < AI_CODE_BYTES &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        "._-") == len;
}

/* Azure tells the filter's verdict in innererror, too. */
static void read_code(const cJSON *error, char code[AI_CODE_BYTES])
{
    const char *words[] = {json_string(error, "code"), json_string(error, "type")};
    const char *inner = json_string(json_get(error, "innererror"), "code");

    code[0] = '\0';
    if (inner != NULL && strcmp(inner, "ResponsibleAIPolicyViolation") == 0) {
        snprintf(code, AI_CODE_BYTES, "content_filter");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(words) && code[0] == '\0'; i++)
        if (is_word(words[i]))
            snprintf(code, AI_CODE_BYTES, "%s", words[i]);
}

void ai_error_code(const char *body, size_t len, char code[AI_CODE_BYTES])
{
    AUTO(auto_json) cJSON *doc = cJSON_ParseWithLength(body, len);

    read_code(json_get(doc, "error"), code);
}

/* ---- events ---- */
static void take_error(struct ai_answer *answer, const cJSON *error)
{
    read_code(error, answer->code);
    answer->end = strcmp(answer->code, "content_filter") == 0 ? AI_FILTERED : AI_FAILED;
}

static enum ai_end finish_of(const char *reason)
{
    if (strcmp(reason, "length") == 0)
        return AI_LENGTH;
    if (strcmp(reason, "content_filter") == 0)
        return AI_FILTERED;
    return AI_GOOD;
}

/* What a model says when it will not answer is an answer as well. */
static void take_choice(struct ai_answer *answer, const cJSON *choice, struct buf *text)
{
    static const char *const members[] = {"content", "refusal"};
    const cJSON *delta = json_get(choice, "delta");
    const char *reason = json_string(choice, "finish_reason");

    if (json_int(choice, "index", 0) != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *words = json_string(delta, members[i]);

        if (words != NULL)
            ai_text_add(&answer->text, words, strlen(words), text);
    }
    if (reason != NULL)
        answer->finish = finish_of(reason);
}

static void take_document(struct ai_answer *answer, struct buf *text)
{
    size_t len = ai_text_repair_json(answer->data.data, answer->data.len);
    AUTO(auto_json) cJSON *doc = cJSON_ParseWithLength(answer->data.data, len);
    const cJSON *error = json_get(doc, "error"), *choices = json_get(doc, "choices");

    if (!cJSON_IsObject(doc)) {
        answer->end = AI_GARBLED;
        return;
    }
    answer->any_event = true;
    if (error != NULL && !cJSON_IsNull(error)) {
        take_error(answer, error);
        return;
    }
    if (!cJSON_IsArray(choices))
        return;
    for (const cJSON *choice = choices->child; choice != NULL; choice = choice->next)
        take_choice(answer, choice, text);
}

static void take_event(struct ai_answer *answer, struct buf *text)
{
    if (!answer->has_data)
        return;
    answer->has_data = false;
    if (answer->data.over)
        answer->end = AI_HUGE;
    else if (strcmp(buf_text(&answer->data), "[DONE]") == 0)
        answer->end = answer->finish != AI_OPEN ? answer->finish : AI_GOOD;
    else if (answer->data.len > 0)
        take_document(answer, text);
    buf_done(&answer->data);
    buf_init(&answer->data, AI_EVENT_BYTES_MAX);
}

/* ---- lines ---- */
static void take_line(struct ai_answer *answer, struct buf *text)
{
    static const char name[] = "data:";
    const char *line = buf_text(&answer->line);
    size_t len = answer->line.len, skip = sizeof name - 1;

    if (answer->line.over) {
        answer->end = AI_HUGE;
    } else if (len == 0) {
        take_event(answer, text);
    } else if (strncmp(line, name, skip) == 0) {
        skip += line[skip] == ' ';
        if (answer->has_data)
            buf_char(&answer->data, '\n');
        buf_append(&answer->data, line + skip, len - skip);
        answer->has_data = true;
    }
    if (answer->line.cap > LINE_BYTES_KEPT)
        buf_done(&answer->line);
    buf_reset(&answer->line);
}

static void skip_mark(struct ai_answer *answer)
{
    if (!answer->begun &&
        strncmp(buf_text(&answer->line), BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        buf_drop(&answer->line, strlen(BYTE_ORDER_MARK));
    answer->begun = true;
}

void ai_answer_feed(struct ai_answer *answer, const char *bytes, size_t len,
                    struct buf *text)
{
    const char *end = bytes + len;

    if (answer->skip_lf && bytes < end) {
        bytes += *bytes == '\n';
        answer->skip_lf = false;
    }
    while (bytes < end && answer->end == AI_OPEN) {
        const char *stop = bytes;

        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        buf_append(&answer->line, bytes, (size_t)(stop - bytes));
        if (answer->line.over)
            answer->end = AI_HUGE;
        if (stop == end)
            return;
        skip_mark(answer);
        take_line(answer, text);
        bytes = stop + 1;
        if (*stop == '\r' && bytes < end)
            bytes += *bytes == '\n';
        else
            answer->skip_lf = *stop == '\r';
    }
}

void ai_answer_end(struct ai_answer *answer, struct buf *text)
{
    if (answer->end == AI_OPEN) {
        skip_mark(answer);
        take_line(answer, text);
    }
    if (answer->end == AI_OPEN)
        take_event(answer, text);
    ai_text_end(&answer->text, text);
    if (answer->end != AI_OPEN)
        return;
    if (answer->finish != AI_OPEN)
        answer->end = answer->finish;
    else
        answer->end = answer->any_event ? AI_CUT : AI_GARBLED;
}
