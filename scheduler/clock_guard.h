/* Does the server's clock go as time goes? All times are the server's; when its clock is
 * set, or another server with another clock takes over, ticks would be missed or come
 * early. After a step nothing fires until the clock agrees with ours, or has gone
 * steadily for a while. Pure: the caller reads the clocks. */
#ifndef KEDGE_SCHEDULER_CLOCK_GUARD_H
#define KEDGE_SCHEDULER_CLOCK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_MS   5000  /* less may be a slow answer */
#define CLOCK_STEADY_MS 10000 /* going steadily for so long, it is as it shall be */

struct clock_look {
    int64_t server_ms; /* the server's, Unix */
    int64_t wall_ms;   /* ours, Unix */
    int64_t boot_ms;   /* ours, steady: clock_boot_ms */
};

struct clock_guard {
    struct clock_look last; /* zeros: none yet */
    int64_t stepped_boot_ms;
    bool holds; /* fire nothing */
};

/* Once for each answer of the server that has its time. Returns the step (ms) that its
 * clock has made since the last one, negative when it went back; 0: none. */
int64_t clock_guard_look(struct clock_guard *guard, const struct clock_look *look);

#endif
