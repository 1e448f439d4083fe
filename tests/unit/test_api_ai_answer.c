/* Reading the answer of a model: the same text however its stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/ai/ai_answer.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define DELTA(text)                                                                      \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH(why)                                                                      \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

struct read {
    enum ai_end end;
    char *text;
    char code[AI_CODE_BYTES];
};

/* In pieces of `size` bytes, the first of `first`. */
static struct read read_cut(const char *stream, size_t len, size_t first, size_t size)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SIZE_MAX);
    struct ai_answer answer;
    struct read read;

    ai_answer_init(&answer);
    for (size_t at = 0, piece = first; at < len; at += piece, piece = size) {
        if (piece > len - at)
            piece = len - at;
        if (piece > 0)
            ai_answer_feed(&answer, stream + at, piece, &text);
        else
            piece = 0;
    }
    ai_answer_end(&answer, &text);
    read.end = answer.end;
    memcpy(read.code, answer.code, sizeof read.code);
    ai_answer_done(&answer);
    assert_true(text.len == 0 || parse_is_utf8(text.data, text.len));
    read.text = buf_take(&text);
    return read;
}

static void assert_read(const char *stream, const char *text, enum ai_end end)
{
    size_t len = strlen(stream);

    for (size_t first = 0; first <= len; first++) {
        struct read read = read_cut(stream, len, first, len);

        assert_string_equal(read.text != NULL ? read.text : "", text);
        assert_int_equal(read.end, end);
        free(read.text);
    }
    for (size_t size = 1; size < 5; size++) {
        struct read read = read_cut(stream, len, size, size);

        assert_string_equal(read.text != NULL ? read.text : "", text);
        assert_int_equal(read.end, end);
        free(read.text);
    }
}

static void the_text_is_the_same_however_the_stream_is_cut(void **state)
{
    static const struct {
        const char *stream, *text;
        enum ai_end end;
    } rows[] = {
        {DELTA("a") DELTA("b") FINISH("stop") DONE, "ab", AI_GOOD},
        {DELTA("a") DONE, "a", AI_GOOD},
        {DELTA("a") FINISH("stop"), "a", AI_GOOD},
        {DELTA("a") FINISH("eos") DONE, "a", AI_GOOD},
        {DELTA("a") FINISH("length") DONE, "a", AI_LENGTH},
        {DELTA("a") FINISH("content_filter") DONE, "a", AI_FILTERED},
        {DELTA("a"), "a", AI_CUT},
        {DELTA("a") DONE DELTA("b"), "a", AI_GOOD},
        /* Line ends, the last one missing, a byte order mark, comments, other fields. */
        {"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata: "
         "[DONE]\r\n\r\n",
         "a", AI_GOOD},
        {"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\rdata: [DONE]\r\r", "a",
         AI_GOOD},
        {"data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]", "a",
         AI_GOOD},
        {"\xef\xbb\xbf" DELTA("a") DONE, "a", AI_GOOD},
        {": x\n\n:\n" DELTA("a") ": data: x\n\nevent: x\nid: 7\nretry: 1\ndata\n\n" DONE,
         "a", AI_GOOD},
        {"data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\n" DONE, "a",
         AI_GOOD},
        {"data:\n\n" DELTA("a") DONE, "a", AI_GOOD},
        /* What is no text. */
        {"data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n" DELTA("a") DONE, "a",
         AI_GOOD},
        {"data: {\"choices\":[{\"index\":0}]}\n\n" DELTA("a") DONE, "a", AI_GOOD},
        {"data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n" DELTA("a") DONE, "a",
         AI_GOOD},
        {"data: "
         "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"},\"finish_reason\":"
         "\"length\"}]}"
         "\n\n" DELTA("a") DONE,
         "a", AI_GOOD},
        {"data: {\"usage\":{},\"error\":null}\n\n" DELTA("a") DONE, "a", AI_GOOD},
        {"data: {\"choices\":{\"delta\":1}}\n\n" DELTA("a") DONE, "a", AI_GOOD},
        /* Errors. */
        {DELTA("a") "data: {\"error\":{\"message\":\"x\"}}\n\n" DELTA("b"), "a",
         AI_FAILED},
        {DELTA("a") "data: {\"error\":\"x\"}\n\n", "a", AI_FAILED},
        {DELTA("a") "data: {\"error\":{\"code\":\"content_filter\"}}\n\n", "a",
         AI_FILTERED},
        {DELTA("a") "data: {\"choices\"\n\n" DELTA("b"), "a", AI_GARBLED},
        {DELTA("a") "data: [1]\n\n", "a", AI_GARBLED},
        {"", "", AI_GARBLED},
        {"{\"error\":{\"code\":\"x\"}}", "", AI_GARBLED},
        {"<html>\n\n</html>", "", AI_GARBLED},
        {DONE, "", AI_GOOD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_read(rows[i].stream, rows[i].text, rows[i].end);
}

static void characters_are_put_together(void **state)
{
    static const struct {
        const char *stream, *text;
    } rows[] = {
        {DELTA("\\ud83d\\ude00") DONE, "\U0001f600"},
        {DELTA("\\ud83d") DELTA("\\ude00") DONE, "\U0001f600"},
        {DELTA("x\\uD83D") DELTA("") DELTA("\\uDE00y") DONE, "x\U0001f600y"},
        {DELTA("\\ud83d") DELTA("x") DONE, "\ufffdx"},
        {DELTA("\\ude00\\ud83d") DONE, "\ufffd\ufffd"},
        {DELTA("\\ud83d\\ud83d\\ude00") DONE, "\ufffd\U0001f600"},
        {DELTA("\\\\ud83d \\\\\\ud83d.") DONE, "\\ud83d \\\ufffd."},
        {DELTA("\xe2\x82") DELTA("\xac") DONE, "€"},
        {DELTA("\xf0\x9f") DELTA("\x98") DELTA("\x80!") DONE, "\U0001f600!"},
        {DELTA("\xe2\x82") DELTA("x") DONE, "\ufffd\ufffdx"},
        {DELTA("\xe2\x82") DONE, "\ufffd"},
        {DELTA("\xff\xc0\x80") DONE, "\ufffd\ufffd\ufffd"},
        {DELTA("a\\u0000b\\u001b[0m\\u007f\\u0085\\t\\r\\n") DONE,
         "a\ufffdb\ufffd[0m\ufffd\ufffd\t\r\n"},
        {DELTA("\\u00e9\\u20ac\\uffff") DONE, "é€\uffff"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_read(rows[i].stream, rows[i].text, AI_GOOD);
}

static void the_code_of_an_error_is_a_word_or_nothing(void **state)
{
    static const struct {
        const char *body, *code;
    } rows[] = {
        {"{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"x\"}}",
         "DeploymentNotFound"},
        {"{\"error\":{\"code\":null,\"type\":\"server_error\"}}", "server_error"},
        {"{\"error\":{\"code\":400,\"type\":\"BadRequestError\"}}", "BadRequestError"},
        {"{\"error\":{\"code\":\"x\",\"innererror\":{\"code\":"
         "\"ResponsibleAIPolicyViolation\"}}}",
         "content_filter"},
        {"{\"error\":{\"code\":\"two words\"}}", ""},
        {"{\"error\":{\"code\":\"\"}}", ""},
        {"{\"error\":{\"code\":"
         "\"0123456789012345678901234567890123456789012345678901234567890123\"}}",
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"{\"error\":{\"code\":"
         "\"01234567890123456789012345678901234567890123456789012345678901234\"}}",
         ""},
        {"{\"error\":\"x\"}", ""},
        {"[]", ""},
        {"<html>", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char code[AI_CODE_BYTES];

        ai_error_code(rows[i].body, strlen(rows[i].body), code);
        assert_string_equal(code, rows[i].code);
    }
}

static void an_event_is_as_large_as_it_may_be_and_no_larger(void **state)
{
    static const char head[] = "{\"choices\":[{\"delta\":{\"content\":\"";
    static const char tail[] = "\"}}]}";

    (void)state;
    for (size_t over = 0; over < 2; over++) {
        size_t words = AI_EVENT_BYTES_MAX - strlen(head) - strlen(tail) + over;
        AUTO(buf_done) struct buf stream = BUF_INIT(SIZE_MAX);
        struct read read;

        buf_fmt(&stream, "data: %s", head);
        for (size_t i = 0; i < words; i++)
            buf_char(&stream, 'x');
        buf_fmt(&stream, "%s\n\n" DONE, tail);
        read = read_cut(stream.data, stream.len, 4096, 4096);
        assert_int_equal(read.end, over ? AI_HUGE : AI_GOOD);
        assert_int_equal(strlen(read.text != NULL ? read.text : ""), over ? 0 : words);
        free(read.text);
    }
}

static void a_line_without_end_takes_no_more_memory_than_an_event(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *piece = mem_new(1, 65536);
    struct ai_answer answer;

    (void)state;
    memset(piece, 'x', 65536);
    ai_answer_init(&answer);
    for (size_t i = 0; i < 64; i++)
        ai_answer_feed(&answer, piece, 65536, &text);
    assert_int_equal(answer.end, AI_HUGE);
    assert_true(answer.line.cap <= 2 * AI_EVENT_BYTES_MAX);
    ai_answer_done(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_same_however_the_stream_is_cut),
        cmocka_unit_test(characters_are_put_together),
        cmocka_unit_test(the_code_of_an_error_is_a_word_or_nothing),
        cmocka_unit_test(an_event_is_as_large_as_it_may_be_and_no_larger),
        cmocka_unit_test(a_line_without_end_takes_no_more_memory_than_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
