/* Telling people: spreading and delivering as one duty. */
#include "scheduler/notify.h"

void notify_init(struct notify *notify, const struct conf *conf, struct redis *redis)
{
    spreader_init(&notify->spreader, conf, redis);
    deliver_init(&notify->deliver, conf, redis, NULL);
}

void notify_done(struct notify *notify)
{
    deliver_done(&notify->deliver);
    spreader_done(&notify->spreader);
}

int notify_tick(struct notify *notify, int64_t now_mono_ms, int64_t *next_mono_ms,
                struct err *err)
{
    int64_t deliver_mono_ms;
    int told = spreader_tick(&notify->spreader, now_mono_ms, next_mono_ms, err);

    if (told < 0)
        return -1;
    if (told > 0)
        deliver_wake(&notify->deliver);
    if (deliver_tick(&notify->deliver, now_mono_ms, &deliver_mono_ms, err) < 0) {
        *next_mono_ms = deliver_mono_ms;
        return -1;
    }
    if (deliver_mono_ms < *next_mono_ms)
        *next_mono_ms = deliver_mono_ms;
    return 0;
}

int notify_wait(struct notify *notify, struct pollfd *fds, size_t count,
                int64_t timeout_ms)
{
    return http_out_wait(notify->deliver.out, fds, count, timeout_ms);
}

void notify_print_metrics(const struct notify *notify, struct buf *out)
{
    spreader_print_metrics(&notify->spreader, out);
    deliver_print_metrics(&notify->deliver, out);
}
