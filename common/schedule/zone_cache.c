/* Loaded zones by name. A zone that was lent stays until the end, so one that a new
 * tzdata changed is kept beside its successor: that happens a few times a year. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/schedule/zone_internal.h"

#define KEEP_MS (INT64_C(24) * 3600 * 1000)

struct entry {
    struct zone *zone;    /* owned */
    int64_t read_mono_ms; /* when its file was read */
};

struct zones {
    const char *directory; /* borrowed; NULL: where zone_load looks */
    int64_t keep_ms;
    struct entry *entries; /* ascending by name */
    size_t count;
    struct zone **retired; /* owned, lent before */
    size_t retired_count;
};

struct zones *zones_new_from(const char *directory, int64_t keep_ms)
{
    struct zones *zones = mem_new(1, sizeof *zones);

    zones->directory = directory;
    zones->keep_ms = keep_ms;
    return zones;
}

struct zones *zones_new(void)
{
    return zones_new_from(NULL, KEEP_MS);
}

void zones_free(struct zones *zones)
{
    if (zones == NULL)
        return;
    for (size_t i = 0; i < zones->count; i++)
        zone_free(zones->entries[i].zone);
    for (size_t i = 0; i < zones->retired_count; i++)
        zone_free(zones->retired[i]);
    auto_free(&zones->entries);
    auto_free(&zones->retired);
    auto_free(&zones);
}

static int load(const struct zones *zones, const char *name, struct zone **out,
                struct err *err)
{
    return zones->directory == NULL ? zone_load(name, out, err)
                                    : zone_load_from(zones->directory, name, out, err);
}

/* Where that name is or would go. */
static size_t place_of(const struct zones *zones, const char *name)
{
    size_t low = 0, high = zones->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(zone_name(zones->entries[middle].zone), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A file that cannot be read any more changes nothing: schedules go on as they did. */
static void read_again(struct zones *zones, struct entry *entry)
{
    struct zone *fresh = NULL;
    struct err err;

    entry->read_mono_ms = clock_mono_ms();
    if (load(zones, zone_name(entry->zone), &fresh, &err) < 0)
        return;
    if (zone_equal(fresh, entry->zone)) {
        zone_free(fresh);
        return;
    }
    zones->retired =
        mem_grow(zones->retired, zones->retired_count + 1, sizeof(struct zone *));
    zones->retired[zones->retired_count++] = entry->zone;
    entry->zone = fresh;
}

static int add(struct zones *zones, size_t place, const char *name, struct err *err)
{
    struct zone *zone;

    if (load(zones, name, &zone, err) < 0)
        return -1;
    zones->entries = mem_grow(zones->entries, zones->count + 1, sizeof *zones->entries);
    memmove(zones->entries + place + 1, zones->entries + place,
            (zones->count - place) * sizeof *zones->entries);
    zones->entries[place] = (struct entry){zone, clock_mono_ms()};
    zones->count++;
    return 0;
}

void zones_refresh(struct zones *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        zones->entries[i].read_mono_ms = clock_mono_ms() - zones->keep_ms;
}

int zones_get(struct zones *zones, const char *name, const struct zone **out,
              struct err *err)
{
    size_t place = place_of(zones, name);

    if (place == zones->count ||
        strcmp(zone_name(zones->entries[place].zone), name) != 0) {
        if (add(zones, place, name, err) < 0)
            return -1;
    } else if (clock_mono_ms() - zones->entries[place].read_mono_ms >= zones->keep_ms) {
        read_again(zones, &zones->entries[place]);
    }
    *out = zones->entries[place].zone;
    return 0;
}
