/* Hooks and the outbox as one call each, for tests: build, send, read, free. What a reply
 * holds lives until it is freed; a step that cannot be read aborts the test. */
#ifndef KEDGE_TESTS_SUPPORT_OUTBOX_STEPS_H
#define KEDGE_TESTS_SUPPORT_OUTBOX_STEPS_H

#include "common/hook/outbox.h"
#include "tests/support/queue_fixture.h"

/* A new, enabled hook that wants everything. Ids are borrowed. */
struct hook step_hook(const char *id, enum hook_kind kind);
enum hook_outcome step_hook_put(struct queue_fixture *fixture, const struct hook *hook);
enum hook_outcome step_hook_delete(struct queue_fixture *fixture, const char *id);
/* Stored, as step_hook. */
void step_hook_made(struct queue_fixture *fixture, const char *id, enum hook_kind kind);

/* Appends to the outbox, as the end of that run would. */
void step_entry(struct queue_fixture *fixture, const char *entry);
struct redisReply *step_head(struct queue_fixture *fixture, struct outbox_entry *out);
enum spread_outcome step_spread(struct queue_fixture *fixture,
                                const struct spread *spread);
/* One event of that batch ("": none) for that hook, by way of an entry of that name. The
 * delivery's id. */
const char *step_tell(struct queue_fixture *fixture, const char *name,
                      const char *hook_id, const char *batch);

struct taken {
    struct redisReply *reply;
    struct parcels parcels;
};
void taken_done(struct taken *taken);
struct taken step_take(struct queue_fixture *fixture, const char *nonce);
struct parcel step_parcel(const struct taken *taken, size_t index);
struct parcel_delivery step_delivery(const struct parcel *parcel, size_t index);
/* How many events a take gives out; all of them are reported as `end` at once. */
size_t step_take_all(struct queue_fixture *fixture, const char *nonce,
                     enum delivery_end end);
/* Of one delivery. */
struct delivered step_delivered(const char *nonce, const char *hook_id,
                                const char *const *delivery_id, enum delivery_end end);
int64_t step_done(struct queue_fixture *fixture, const struct delivered *delivered);
/* Of a whole parcel. */
int64_t step_parcel_done(struct queue_fixture *fixture, const char *nonce,
                         const struct parcel *parcel, enum delivery_end end);

enum outbox_outcome step_send(struct queue_fixture *fixture, const char *hook_id,
                              const char *name);
enum outbox_outcome step_replay(struct queue_fixture *fixture, const char *hook_id,
                                const char *delivery_id);
struct redisReply *step_deliveries(struct queue_fixture *fixture, const char *hook_id,
                                   int64_t before_ms, const char *before_id,
                                   int64_t limit);

#endif
