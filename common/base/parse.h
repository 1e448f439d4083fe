/* Parsers for the small things that arrive as text. Pure; the whole text must match.
 * Each returns 0 and sets *out, or -1 and leaves it. */
#ifndef KEDGE_COMMON_BASE_PARSE_H
#define KEDGE_COMMON_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int parse_int64(const char *text, int64_t min, int64_t max, int64_t *out); /* decimal */
int parse_bool(const char *text, bool *out); /* true|false|1|0|yes|no|on|off */
int parse_duration_ms(const char *text,
                      int64_t *out_ms); /* 250ms 30s 5m 1h 2d; 0 allowed */
int parse_size_bytes(const char *text,
                     int64_t *out_bytes); /* 512 64K 20M 1G (powers of 1024) */
/* RFC 3339 with any offset and up to 9 fraction digits -> wall milliseconds. */
int parse_rfc3339_ms(const char *text, int64_t *out_ms);

bool parse_is_uuid(const char *text); /* 8-4-4-4-12 lower or upper case hex */
bool parse_is_id(const char *text);   /* 1–64 of [A-Za-z0-9._-], first alphanumeric */
bool parse_is_request_id(const char *text); /* 1–64 of [A-Za-z0-9._-] */
bool parse_is_tf_workspace(
    const char *text); /* [A-Za-z0-9._-]{1,90}, not . or .., no leading - */
bool parse_is_utf8(const char *bytes, size_t len); /* RFC 3629, no surrogates, no NUL */
/* Bytes of the one UTF-8 character at `bytes`, 1 to 4; 0 when it is broken or cut. NUL is
 * a character here. */
size_t parse_utf8_char(const char *bytes, size_t len);
/* Shell-style glob over the whole text: '*' matches any run of bytes, '/' too, '?' one.
 * Linear in pattern × text at worst; no recursion. */
bool parse_glob(const char *pattern, const char *text, bool ignore_case);
/* The same where letter case counts and many texts meet many patterns of people who mean
 * ill: each step, a byte of text or so, is taken from *steps. With none left it says no.
 */
bool parse_glob_within(const char *pattern, const char *text, int64_t *steps);
/* The fields of `text` between separators, trimmed of blanks, empty ones left out; the
 * caller frees list and strings with parse_list_free. */
char **parse_list(const char *text, char separator, size_t *count);
void parse_list_free(char **list, size_t count);

#endif
