/* What the parts of firing share: fire.c the turn, fire_batch.c what is due now,
 * fire_review.c the walk over the others. */
#ifndef KEDGE_SCHEDULER_FIRE_INTERNAL_H
#define KEDGE_SCHEDULER_FIRE_INTERNAL_H

#include "scheduler/fire.h"

/* A schedule that something is done about. */
struct shot {
    struct schedule schedule; /* texts live in the reply it was read from */
    struct schedule_step step;
    enum fire_action action;
    bool review;
    bool aimed;           /* cmd is there */
    struct redis_cmd cmd; /* owned */
};

/* Does something about each schedule of that reply, and says of how many that came to an
 * end. ERR_TEMP: Redis is away, or has no room. */
int fire_batch(struct firing *firing, const struct redisReply *reply,
               const struct schedules_due *due, size_t *handled, struct err *err);
/* Makes the command of firing->shots[i]; `order` NULL: for FIRE_PASS alone. */
void fire_aim(const struct firing *firing, struct shot *shot, const struct order *order);
/* Sends the commands of firing->shots[0..count) in one write, and counts what became of
 * them. */
int fire_send(struct firing *firing, size_t count, int64_t server_ms, size_t *handled,
              struct err *err);
/* Frees what the shots have. */
void fire_forget(struct firing *firing);
/* The rules of a schedule. ERR_INPUT, ERR_PERM: there are none; ERR_TEMP: not now. */
int fire_rules(struct firing *firing, const struct schedule *schedule, struct cron *cron,
               const struct zone **zone, struct err *err);
/* Logs, once an hour for each schedule. */
void fire_complain(struct firing *firing, const struct schedule *schedule,
                   const struct err *err);
/* One command and its reply. */
int fire_call(struct firing *firing, const struct redis_cmd *cmd,
              struct redisReply **reply, struct err *err);

/* A piece of the walk when one is due. */
void review_start(struct review *review, int64_t now_mono_ms);
int review_tick(struct firing *firing, struct err *err);

#endif
