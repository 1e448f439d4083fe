/* A cursor over JSON text and what it can pass over. Internal to json_check.c.
 *
 * Each function starts at scan->at and leaves it behind what it took; -1 is ERR_INPUT
 * with line and column. RFC 8259. */
#ifndef KEDGE_COMMON_BASE_JSON_SCAN_H
#define KEDGE_COMMON_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct json_scan {
    const char *start, *end, *at; /* borrowed */
    struct err *err;
};

/* Where the decoded bytes of a string go: never more than it has in the document. */
struct json_sink {
    char *at;       /* moves along; NULL: nowhere, the string is only checked */
    bool fold_case; /* A to Z become lower case */
};

/* "<problem> at line N, column M"; columns count characters. */
int json_scan_fail(const struct json_scan *scan, const char *at, const char *problem);
/* The next byte, or NUL (which is no part of any JSON) at the end. */
char json_scan_peek(const struct json_scan *scan);
void json_scan_blanks(struct json_scan *scan);
int json_scan_string(struct json_scan *scan, struct json_sink *sink);
/* A number that fits a double. */
int json_scan_number(struct json_scan *scan);
/* true, false or null. */
int json_scan_word(struct json_scan *scan);

#endif
