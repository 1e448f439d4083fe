/* The result of a run, from its stored form to what is shown: output unpacked, ignore
 * rules applied. */
#ifndef KEDGE_API_RUN_RUN_TEXT_H
#define KEDGE_API_RUN_RUN_TEXT_H

#include "api/run/run_json.h"
#include "common/registry/ignore_rules.h"

struct run_text {
    struct run_shown shown; /* points into the two below, or into the reply */
    struct buf output, metadata;
    int64_t counted; /* drifted resources that are not ignored; with rules only */
};

/* Reads the reply of queue_get_result for those parts. rules NULL: metadata is shown as
 * it is stored; else under these rules, and without the list of drifted resources where
 * the output's head alone was asked for. `text` is overwritten; release it with
 * run_text_done, before the reply is gone. ERR_PERM: what is stored is broken. */
int run_text_read(struct run_text *text, const struct redisReply *reply, unsigned parts,
                  const struct run_note *note, const struct rules *rules,
                  struct err *err);
void run_text_done(struct run_text *text);

#endif
