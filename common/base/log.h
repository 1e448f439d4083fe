/* The log: one JSON object a line on standard error.
 *
 *     log_info("claimed", "run_id=%s attempt=%d", run->id, attempt);
 *     {"ts":"…","level":"info","proc":"kedge-worker","pid":7,"event":"claimed","run_id":"…","attempt":1}
 *
 * `event` is a fixed word one can grep for. The format is a list of `key=%spec` parted by
 * blanks; %s (NULL gives null), %d %u %ld %lu %lld %llu %zu and PRId64 are known; the
 * compiler checks them. Control bytes are escaped and invalid UTF-8 is replaced, so that
 * a line is always one line of JSON; a line is at most 8 KiB. One write(2) a line. Never
 * pass a secret. */
#ifndef KEDGE_COMMON_BASE_LOG_H
#define KEDGE_COMMON_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

/* `proc` is kept by pointer. Before the call: level info, proc "kedge". */
void log_open(const char *proc, enum log_level level);
int log_level_parse(const char *text, enum log_level *out);

void log_error(const char *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(const char *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_debug(const char *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
