/* A YAML document as a tree in which everything knows where it stands.
 *
 * libyaml's events, without its conveniences: no aliases (so no bombs), one document, at
 * most 32 levels and 100 000 values, UTF-8 without NUL, no tags but those of the core
 * schema. Every error is ERR_PERM and begins with "atlantis.yaml:LINE:COLUMN: ", both
 * from 1. Pure. */
#ifndef KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_TREE_H
#define KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

enum yaml_kind { YAML_IS_TEXT, YAML_IS_LIST, YAML_IS_MAP };
/* What the document says it is: "!!int 3". A collection has none. */
enum yaml_tag {
    YAML_TAG_NONE,
    YAML_TAG_STR,
    YAML_TAG_INT,
    YAML_TAG_FLOAT,
    YAML_TAG_BOOL,
    YAML_TAG_NULL
};

struct yaml_tree {
    enum yaml_kind kind;
    enum yaml_tag tag;
    bool plain; /* written without quotes: may be a boolean, a number or null */
    size_t line, column;
    char *text;              /* owned; YAML_IS_TEXT, else NULL */
    struct yaml_tree *child; /* owned; the first element, or the first key of a map */
    struct yaml_tree *next;  /* owned; the next element or key */
    struct yaml_tree *value; /* owned; of a key, else NULL */
};

/* The document, which the caller frees; an empty one is a text that is null. NULL: err
 * says why. */
struct yaml_tree *yaml_tree_read(const char *text, size_t len, struct err *err);
void yaml_tree_free(struct yaml_tree *tree);
void auto_yaml_tree(struct yaml_tree **tree); /* releaser for AUTO */

/* Nothing there: empty, ~ or null. */
bool yaml_tree_is_null(const struct yaml_tree *tree);
/* The value of that key of a map; NULL: none. Borrowed. */
const struct yaml_tree *yaml_tree_get(const struct yaml_tree *map, const char *key);

/* The error at that place. Returns -1. */
int yaml_tree_bad(const struct yaml_tree *at, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Text of the document for a message: short, and without control characters. */
struct yaml_shown {
    char text[48];
};
struct yaml_shown yaml_shown(const char *text);

#endif
