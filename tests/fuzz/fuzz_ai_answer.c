/* Fuzzes the answers of models: the text is the same however the stream is cut, and
 * UTF-8; masking ends and never makes a text longer than its marks do. */
#include <string.h>

#include "api/ai/ai_answer.h"
#include "api/ai/ai_mask.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/fuzz/fuzz.h"

static enum ai_end read_cut(const char *bytes, size_t len, size_t piece, struct buf *text)
{
    struct ai_answer answer;
    enum ai_end end;

    ai_answer_init(&answer);
    for (size_t at = 0; at < len; at += piece)
        ai_answer_feed(&answer, bytes + at, piece < len - at ? piece : len - at, text);
    ai_answer_end(&answer, text);
    end = answer.end;
    ai_answer_done(&answer);
    must(end > AI_OPEN && end < AI_ENDS);
    must(text->len == 0 || parse_is_utf8(text->data, text->len));
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf whole = BUF_INIT(SIZE_MAX), cut = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf masked = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *bytes = mem_dup_n((const char *)data, size);
    size_t piece = size > 0 ? 1 + data[0] % 7 : 1;

    must(read_cut(bytes, size, size + 1, &whole) == read_cut(bytes, size, piece, &cut));
    must(strcmp(buf_text(&whole), buf_text(&cut)) == 0);
    ai_mask_text(bytes, size, &masked);
    must(masked.len <= size * (sizeof AI_MASK));
    return 0;
}
