/* The verdict on one attempt to deliver: sent, again later, or given up, and the line
 * about it for the delivery log. Pure. */
#ifndef KEDGE_SCHEDULER_VERDICT_H
#define KEDGE_SCHEDULER_VERDICT_H

#include "common/hook/outbox.h"
#include "common/net/http_out.h"

#define VERDICT_NOTE_BYTES   200
#define VERDICT_ATTEMPTS_MAX 8

struct attempt {
    const char *url; /* of the hook; nothing of it but the host is told */
    const struct http_answer *answer; /* as http_done gets them */
    const struct err *err;
    int64_t attempts; /* made before this one */
    int64_t retry_ms; /* KEDGE_HOOK_RETRY */
    unsigned luck;    /* 0–999: shifts the pause by -10 % … +10 % */
};
struct verdict {
    enum delivery_end end;
    int64_t retry_in_ms, hold_ms;
    char note[VERDICT_NOTE_BYTES + 1]; /* "" when it was sent */
};
void verdict_give(const struct attempt *attempt, struct verdict *out);

#endif
