/* Random commands of the queue, made for the state that a model is in: mostly sensible,
 * sometimes stale or forged. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_RANDOM_H
#define KEDGE_TESTS_SUPPORT_QUEUE_RANDOM_H

#include "tests/support/queue_model.h"

#define RANDOM_HOLDS 4 /* remembered of each run */

enum op_kind {
    OP_ENQUEUE,
    OP_CLAIM,
    OP_HEARTBEAT,
    OP_MARK,
    OP_FINISH,
    OP_RETRY,
    OP_RELEASE,
    OP_CANCEL,
    OP_RESOLVE,
    OP_REASSERT,
    OP_REAP,
    OP_PROMOTE,
    OP_KINDS
};

struct op_trait {
    const char *name;
    int weight;       /* how often, among all (their sum is 100) */
    bool same_answer; /* when it is sent again at once */
};
extern const struct op_trait op_traits[OP_KINDS];

/* A command with all that the model must know of it. */
struct op {
    enum op_kind kind;
    int serial;
    int run, worker;
    struct queue_hold hold; /* of claim: the nonce */
    struct model_enqueue enqueue;
    enum run_status status;
    enum retry_reason reason;
    bool force;
    int64_t bytes;
    struct redis_cmd cmd; /* owned: redis_cmd_done */
};

/* What a worker remembers of a claim. */
struct given {
    struct queue_hold hold;
    int worker;
    bool marked;
};

struct random_source {
    uint64_t state;
    const struct model *model;           /* borrowed */
    struct given (*given)[RANDOM_HOLDS]; /* borrowed; newest first; by run */
};

/* 0 … limit - 1. */
int random_below(struct random_source *source, int limit);
bool random_percent(struct random_source *source, int chance);

enum op_kind random_kind(struct random_source *source);
/* Makes *op (frees the command that was there). A new run gets the next slot of the
 * model. Where that kind makes no sense for the run it picks, it is a heartbeat. */
void random_op(struct random_source *source, enum op_kind kind, int serial,
               struct model *model, struct op *op);

struct op_outcome {
    int claimed; /* run, or MODEL_NONE */
    bool fresh, delayed;
};
/* Tells the model; appends the answer it expects. */
struct op_outcome op_expect(const struct op *op, struct model *model, struct buf *expect);

#endif
