/* A loop around a Redis link that never blocks, as a program would have it. */
#ifndef KEDGE_TESTS_SUPPORT_REDIS_TURN_H
#define KEDGE_TESTS_SUPPORT_REDIS_TURN_H

#include "common/redis/redis_link.h"

/* One turn; sleeps for at most a tenth of a second. */
void redis_turn(struct redis_link *link);

/* Turns until it holds; the test fails when it does not within DEADLINE_MS, which the
 * test defines. Wants cmocka.h and common/base/clock.h. */
#define REDIS_UNTIL(link, condition)                                                     \
    do {                                                                                 \
        int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;                              \
                                                                                         \
        while (!(condition)) {                                                           \
            if (clock_mono_ms() > give_up_ms)                                            \
                fail_msg("waited in vain for " #condition);                              \
            redis_turn(link);                                                            \
        }                                                                                \
    } while (0)

#endif
