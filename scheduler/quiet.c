/* Quiet: what is wrong for long is logged once an hour. */
#include "scheduler/quiet.h"

#include "common/base/hash.h"

bool quiet_allows(struct quiet *quiet, const char *what, int64_t now_mono_ms)
{
    uint32_t hash = hash_text(HASH_INIT, what);
    uint32_t slot = hash % QUIET_SLOTS;

    if (quiet->slots[slot].what == hash && now_mono_ms < quiet->slots[slot].until_mono_ms)
        return false;
    quiet->slots[slot].what = hash;
    quiet->slots[slot].until_mono_ms = now_mono_ms + QUIET_MS;
    return true;
}
