/* The result of a run, from its stored form to what is shown. */
#include "api/run/run_text.h"

#include "common/base/zip.h"

#define OUTPUT_MAX   ((size_t)4 << 20)
#define METADATA_MAX ((size_t)4 << 20)

void run_text_done(struct run_text *text)
{
    buf_done(&text->output);
    buf_done(&text->metadata);
}

/* The plan, then what applying it printed. */
static int unpack(struct run_text *text, const struct run_result *result, struct err *err)
{
    if (result->output != NULL &&
        zip_inflate(result->output, result->output_len, &text->output, err) < 0)
        return err_wrap(err, "stored output");
    if (result->applied != NULL &&
        zip_inflate(result->applied, result->applied_len, &text->output, err) < 0)
        return err_wrap(err, "stored output of the apply");
    text->shown.output = buf_text(&text->output);
    text->shown.output_len = text->output.len;
    return 0;
}

static void show_metadata(struct run_text *text, const struct run_result *result,
                          const char *run_id, bool with_list, const struct rules *rules)
{
    text->shown.metadata = result->metadata;
    text->shown.metadata_len = result->metadata_len;
    if (rules == NULL || result->metadata == NULL)
        return;
    text->counted = rules_apply(rules, run_id, result->metadata, result->metadata_len,
                                with_list, &text->metadata);
    text->shown.metadata = buf_text(&text->metadata);
    text->shown.metadata_len = text->metadata.len;
}

int run_text_read(struct run_text *text, const struct redisReply *reply, unsigned parts,
                  const struct run_note *note, const struct rules *rules, struct err *err)
{
    struct run_result result;

    *text = (struct run_text){.output = BUF_INIT(OUTPUT_MAX),
                              .metadata = BUF_INIT(METADATA_MAX)};
    if (queue_get_result_reply(reply, parts, &result, err) < 0)
        return -1;
    if ((result.output != NULL || result.applied != NULL) &&
        unpack(text, &result, err) < 0)
        return -1;
    if (result.head != NULL) {
        text->shown.output = result.head;
        text->shown.output_len = result.head_len;
        text->shown.output_cut = result.head_len >= QUEUE_HEAD_BYTES;
    }
    /* What was skipped has counted nothing. */
    if (note->status == RUN_SKIPPED)
        rules = NULL;
    show_metadata(text, &result, note->id, (parts & RESULT_HEAD) == 0, rules);
    return 0;
}
