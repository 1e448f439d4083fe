/* Quiet: what is wrong for long is logged once an hour, not each time it is met.
 *
 * A table of fixed size: of very many things at once some may be logged sooner. */
#ifndef KEDGE_SCHEDULER_QUIET_H
#define KEDGE_SCHEDULER_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#define QUIET_MS    (60 * 60 * 1000)
#define QUIET_SLOTS 1024

struct quiet {
    struct {
        uint32_t what; /* hash of its name */
        int64_t until_mono_ms;
    } slots[QUIET_SLOTS];
};

/* May it be logged now? Then not again for an hour. */
bool quiet_allows(struct quiet *quiet, const char *what, int64_t now_mono_ms);

#endif
