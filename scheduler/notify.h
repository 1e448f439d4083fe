/* Telling people, and their programs: spreading and delivering as one duty of the loop,
 * whose wait it takes over because requests are under way beside everything else. */
#ifndef KEDGE_SCHEDULER_NOTIFY_H
#define KEDGE_SCHEDULER_NOTIFY_H

#include <poll.h>

#include "scheduler/deliver.h"
#include "scheduler/spread.h"

struct notify {
    struct spreader spreader;
    struct deliver deliver;
};
void notify_init(struct notify *notify, const struct conf *conf, struct redis *redis);
/* Blocks for a few scripts. One that was only zeroed is fine. */
void notify_done(struct notify *notify);
/* Does what is due, a measured amount; *next_mono_ms is when it wants to go on. ERR_TEMP:
 * Redis is away. */
int notify_tick(struct notify *notify, int64_t now_mono_ms, int64_t *next_mono_ms,
                struct err *err);
/* In place of poll(2): see http_out_wait. */
int notify_wait(struct notify *notify, struct pollfd *fds, size_t count,
                int64_t timeout_ms);
void notify_print_metrics(const struct notify *notify, struct buf *out);

#endif
