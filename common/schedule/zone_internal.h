/* What the files of the zone module share: a zone as a table of changes, and the parts it
 * is made from. */
#ifndef KEDGE_COMMON_SCHEDULE_ZONE_INTERNAL_H
#define KEDGE_COMMON_SCHEDULE_ZONE_INTERNAL_H

#include <stddef.h>

#include "common/schedule/zone.h"

#define DAY_S 86400
/* The Gregorian calendar repeats itself, weekdays too. */
#define CALENDAR_YEARS    400
#define CALENDAR_PERIOD_S (INT64_C(146097) * DAY_S)

/* RFC 8536, section 3.2: from -25 to 26 hours, exclusive. */
#define ZONE_OFFSET_MIN_S (-25 * 3600 + 1)
#define ZONE_OFFSET_MAX_S (26 * 3600 - 1)

struct zone_change {
    int64_t at_s;     /* Unix seconds */
    int32_t offset_s; /* from then on, east of UTC */
};

/* The table holds what the file lists, then what its rule makes of the years after, for
 * one period of the calendar and a little more: a look-up is one binary search. */
struct zone {
    char name[ZONE_NAME_MAX + 1];
    int32_t first_offset_s;      /* before the first change */
    struct zone_change *changes; /* owned; ascending, each with another offset */
    size_t count;
    int64_t repeats_from_s; /* from then on as a period later; INT64_MAX: nothing does */
};

/* ---- the rule: a POSIX TZ string ---- */
struct zone_rule_day {
    enum {
        RULE_JULIAN,
        RULE_DAY,
        RULE_WEEKDAY
    } form; /* Jn (no 29 February), n, Mm.w.d */
    int month, week, day;
    int32_t
        time_s; /* after the local midnight that the day begins with; may be negative */
};
struct zone_rule {
    int32_t standard_s, daylight_s; /* offsets east of UTC */
    bool has_daylight;
    struct zone_rule_day start, end; /* of daylight saving */
};
/* ERR_PERM: it is none, or daylight saving without its days. */
int zone_rule_parse(const char *text, struct zone_rule *out, struct err *err);
/* The two changes of that year, in the order of time. */
void zone_rule_changes(const struct zone_rule *rule, int64_t year,
                       struct zone_change out[2]);

/* ---- the file ---- */
#define ZONE_FILE_MAX (64 * 1024) /* bytes; the largest there is has 4 KiB */

/* A zone from the bytes of a TZif file of any version. ERR_INPUT: it is no TZif file;
 * ERR_PERM: it is a broken one. */
int zone_parse(const char *name, const void *bytes, size_t len, struct zone **out,
               struct err *err);
/* As zone_load and zone_check_installed, from that directory. */
int zone_load_from(const char *directory, const char *name, struct zone **out,
                   struct err *err);
int zone_check_directory(const char *directory, struct err *err);
bool zone_equal(const struct zone *a, const struct zone *b);

/* As zones_new, from that directory (borrowed); files are read again after that time. */
struct zones *zones_new_from(const char *directory, int64_t keep_ms);

#endif
