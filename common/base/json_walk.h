/* Walking through a JSON document without making a tree of it: for those so large, and
 * of so many small values, that the tree would be many times their size.
 *
 *     json_walk_open(&walk, bytes, len, depth_max, &err)
 *     json_walk_enter(&walk);                an object
 *     while (json_walk_next(&walk)) {
 *         json_walk_key(&walk, key);
 *         json_walk_skip(&walk);             or read the value, or enter it
 *     }
 *
 * Opening checks the whole document as json_parse does, so nothing fails after that. Each
 * value is read or skipped exactly once; a container that was entered is walked to its
 * end. Pure. */
#ifndef KEDGE_COMMON_BASE_JSON_WALK_H
#define KEDGE_COMMON_BASE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

#define JSON_WALK_KEY_BYTES 32

struct json_walk {
    const char *at, *end; /* borrowed */
};

/* ERR_INPUT, as json_parse. Then the document's value comes first. */
int json_walk_open(struct json_walk *walk, const char *bytes, size_t len, int depth_max,
                   struct err *err);
/* The first byte of the value that comes: { [ " t f n - or a digit. */
char json_walk_peek(struct json_walk *walk);
/* Into the object or array that comes. */
void json_walk_enter(struct json_walk *walk);
/* To the next member or element; false: that was all, and the container is left. */
bool json_walk_next(struct json_walk *walk);
/* A member's name, after which its value comes; "" for one that is too long. */
void json_walk_key(struct json_walk *walk, char key[JSON_WALK_KEY_BYTES]);
void json_walk_skip(struct json_walk *walk);
/* The string that comes, appended to out. False, and it is skipped: it is no string. */
bool json_walk_text(struct json_walk *walk, struct buf *out);
/* true or false; anything else is skipped, and false. */
bool json_walk_bool(struct json_walk *walk);
/* A whole number that needs no exponent; anything else is skipped, and the fallback. */
int64_t json_walk_int(struct json_walk *walk, int64_t fallback);

#endif
