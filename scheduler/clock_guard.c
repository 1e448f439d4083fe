/* Does the server's clock go as time goes? */
#include "scheduler/clock_guard.h"

#include <stdlib.h>

int64_t clock_guard_look(struct clock_guard *guard, const struct clock_look *look)
{
    const struct clock_look last = guard->last;
    int64_t elapsed_ms = look->boot_ms - last.boot_ms;
    int64_t step_ms = look->server_ms - last.server_ms - elapsed_ms;

    guard->last = *look;
    if (last.server_ms != 0 && llabs(step_ms) > CLOCK_STEP_MS) {
        guard->stepped_boot_ms = look->boot_ms;
        guard->holds = true;
        return step_ms;
    }
    if (llabs(look->server_ms - look->wall_ms) <= CLOCK_STEP_MS ||
        look->boot_ms - guard->stepped_boot_ms >= CLOCK_STEADY_MS)
        guard->holds = false;
    return 0;
}
