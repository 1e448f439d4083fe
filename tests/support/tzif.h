/* Makes TZif files (RFC 8536) for tests, good ones and broken ones. */
#ifndef KEDGE_TESTS_SUPPORT_TZIF_H
#define KEDGE_TESTS_SUPPORT_TZIF_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

#define TZIF_ROOM 8

struct tzif {
    char version;                   /* '\0', '2', '3' */
    int64_t times[TZIF_ROOM];       /* of changes, Unix seconds */
    unsigned char types[TZIF_ROOM]; /* to which of the offsets */
    size_t time_count;
    int32_t offsets[TZIF_ROOM]; /* seconds east of UTC */
    size_t type_count;
    const char *rule;    /* from version 2 on */
    size_t leap_seconds; /* records of zeros */
};

/* Version 2 and later begin with an empty 32-bit block, as slim files do. */
void tzif_write(const struct tzif *file, struct buf *out);

#endif
