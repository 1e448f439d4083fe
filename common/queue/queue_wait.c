/* The queue, waited for: what blocks a connection until something happens. */
#include "common/queue/queue_internal.h"

void queue_read_events(struct redis_cmd *cmd, const char *prefix, const char *after_id,
                       int64_t block_ms, int64_t count)
{
    queue_cmd_xread(cmd, block_ms, count);
    queue_key(cmd, prefix, "events", "");
    redis_cmd_arg(cmd, after_id);
}

void queue_first_event(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("first_event"), prefix);
}

static void pop(struct redis_cmd *cmd, const char *verb, const char *prefix,
                const char *name, const char *id, int64_t block_ms)
{
    redis_cmd_init(cmd);
    redis_cmd_arg(cmd, verb);
    queue_key(cmd, prefix, name, id);
    redis_cmd_fmt(cmd, "%lld.%03lld", (long long)(block_ms / 1000),
                  (long long)(block_ms % 1000));
}

void queue_wait_wake(struct redis_cmd *cmd, const char *prefix, int64_t block_ms)
{
    pop(cmd, "BZPOPMIN", prefix, "wake", "", block_ms);
}

void queue_wait_ctl(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                    int64_t block_ms)
{
    pop(cmd, "BLPOP", prefix, "ctl:", worker_id, block_ms);
}
