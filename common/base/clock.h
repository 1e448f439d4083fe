/* Clocks. Time is int64_t milliseconds everywhere; the name says of which clock. */
#ifndef KEDGE_COMMON_BASE_CLOCK_H
#define KEDGE_COMMON_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970-01-01 UTC; may jump */
int64_t clock_mono_ms(void); /* steady; stops while the machine sleeps */
int64_t clock_boot_ms(void); /* steady; goes on while the machine sleeps */

#define CLOCK_RFC3339_BYTES 25 /* "2025-01-21T10:30:00.123Z" and a NUL */
/* RFC 3339 UTC with milliseconds; years 0000–9999, else the text is "". */
const char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_BYTES]);

#endif
