/* JSON: strict reading on cJSON, and a streaming writer.
 *
 * Reading: json_parse adds what cJSON leaves out: UTF-8, depth, duplicate keys and
 * trailing bytes are checked before a node is made. Writing goes straight into a buf, so
 * a large answer is never held as a tree. */
#ifndef KEDGE_COMMON_BASE_JSON_H
#define KEDGE_COMMON_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define JSON_DEPTH_MAX 32

/* The document, which the caller frees with cJSON_Delete, or NULL: ERR_INPUT with a
 * sentence that names line and column. Duplicate keys are refused (without regard to case
 * when fold_case is set). RFC 8259. */
cJSON *json_parse(const char *bytes, size_t len, int depth_max, bool fold_case,
                  struct err *err);
void auto_json(cJSON **doc); /* releaser for AUTO */

/* Getters that never fail: a missing or mistyped member gives NULL, fallback, … */
const cJSON *json_get(const cJSON *object, const char *key);
const char *json_string(const cJSON *object, const char *key); /* NULL unless a string */
int64_t json_int(const cJSON *object, const char *key,
                 int64_t fallback); /* whole, |n| < 2^53 */
bool json_bool(const cJSON *object, const char *key, bool fallback);
/* Compact text of a node appended to out. */
void json_print(const cJSON *node, struct buf *out);

/* Writer: keeps track of commas only; the caller keeps brackets in order. */
struct json_writer {
    struct buf *out; /* borrowed */
    bool comma;      /* a comma goes before the next value */
};

void json_open(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w); /* { as a value */
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
/* Values; NULL text is null. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
 */
void json_text(struct json_writer *w, const char *text);
void json_text_n(struct json_writer *w, const char *bytes, size_t len);
void json_number(struct json_writer *w, int64_t number);
void json_boolean(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_time(struct json_writer *w, int64_t wall_ms); /* RFC 3339 text; 0 is null */
void json_raw(struct json_writer *w, const char *json,
              size_t len); /* trusted JSON as it is */
/* key and value in one. */
void json_add_text(struct json_writer *w, const char *key, const char *text);
/* As it is stored: "" stands for what is not there, and becomes null. */
void json_add_stored(struct json_writer *w, const char *key, const char *text);
void json_add_number(struct json_writer *w, const char *key, int64_t number);
void json_add_boolean(struct json_writer *w, const char *key, bool value);
void json_add_null(struct json_writer *w, const char *key);
void json_add_time(struct json_writer *w, const char *key, int64_t wall_ms);
void json_add_raw(struct json_writer *w, const char *key, const char *json, size_t len);
void json_add_node(struct json_writer *w, const char *key,
                   const cJSON *node); /* NULL: null */

#endif
