/* A loop around a Redis link that never blocks. */
#include "tests/support/redis_turn.h"

#include <poll.h>

#define SLEEP_MAX_MS 100

void redis_turn(struct redis_link *link)
{
    int64_t sleep_ms = redis_link_tick(link);
    struct pollfd wait = {.fd = redis_link_fd(link), .events = redis_link_events(link)};

    poll(&wait, 1,
         sleep_ms < 0 || sleep_ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : (int)sleep_ms);
    redis_link_io(link, wait.fd >= 0 ? wait.revents : 0);
}
