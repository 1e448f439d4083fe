/* The checks that json_parse makes before cJSON sees a byte. Internal to json.c. */
#ifndef KEDGE_COMMON_BASE_JSON_CHECK_H
#define KEDGE_COMMON_BASE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* One document by RFC 8259 and nothing else: UTF-8, at most depth_max containers deep, no
 * duplicate keys, no U+0000, numbers that fit a double. ERR_INPUT with line and column.
 * Time O(n log n); the depth costs no stack. */
int json_check(const char *bytes, size_t len, int depth_max, bool fold_case,
               struct err *err);

#endif
