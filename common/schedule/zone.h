/* Time zones: civil time of an IANA zone, from its TZif file (RFC 8536, and the POSIX TZ
 * string of its footer for the years after its table).
 *
 * The process's own zone is never touched. A loaded zone is immutable; loading reads one
 * file, the rest is pure. */
#ifndef KEDGE_COMMON_SCHEDULE_ZONE_H
#define KEDGE_COMMON_SCHEDULE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define ZONE_NAME_MAX 64 /* characters of a zone's name; the longest there is has 32 */

struct zone;

/* By name ("Europe/Berlin", "UTC"; letter case counts) from the directory of the zones
 * installed here. "UTC" is built in and needs no file. ERR_INPUT: no such zone, or no
 * name of one; ERR_PERM: its file is broken or too large; ERR_TEMP: it cannot be read. */
int zone_load(const char *name, struct zone **out, struct err *err);
void zone_free(struct zone *zone);
const char *zone_name(const struct zone *zone);
/* Are any zones installed here? ERR_PERM with a sentence that says what to install. */
int zone_check_installed(struct err *err);

/* Seconds east of UTC at that time (Unix seconds). */
int32_t zone_offset_s(const struct zone *zone, int64_t unix_s);
/* The first change of the offset after that time; false when there is none for good. */
bool zone_next_change(const struct zone *zone, int64_t after_unix_s, int64_t *at_unix_s,
                      int32_t *before_s, int32_t *after_s);

/* A stretch of time in which the offset is the same (in the next one it may be, too). */
struct zone_span {
    int64_t from_s; /* Unix seconds; INT64_MIN: from the beginning */
    int64_t to_s;   /* exclusive; INT64_MAX: without an end */
    int32_t offset_s;
};
/* The one around that time. */
struct zone_span zone_span(const struct zone *zone, int64_t unix_s);

/* ---- the civil calendar (proleptic Gregorian), no zone in it ---- */
struct civil {
    int64_t year;
    int month, day;           /* from 1 */
    int hour, minute, second; /* no leap seconds */
};
/* Seconds since 1970-01-01T00:00:00 of that civil time. */
int64_t civil_seconds(const struct civil *civil);
void civil_from_seconds(int64_t seconds, struct civil *out);
int civil_weekday(int64_t seconds); /* 0 is Sunday */

/* ---- loaded zones by name: a small cache, one thread ---- */
struct zones;
struct zones *zones_new(void);
void zones_free(struct zones *zones);
void zones_refresh(
    struct zones *zones); /* every file is read again when next asked for */
/* Borrowed until zones_free. Errors as zone_load's. A zone's file is read again when a
 * day has passed since, so that a new tzdata needs no restart. */
int zones_get(struct zones *zones, const char *name, const struct zone **out,
              struct err *err);

#endif
