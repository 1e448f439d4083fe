/* Maps of a YAML document read by tables of their keys: unknown keys and keys that come
 * twice are errors, and so is a value of another type. Null is as if the key were not
 * there. Every error is ERR_PERM with its place (atlantis_yaml_tree.h). Pure. */
#ifndef KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_FIELDS_H
#define KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_FIELDS_H

#include "worker/resolve/atlantis_yaml_tree.h"

/* Reads a value that is not null into what `out` points to; `key` is for messages. */
typedef int yaml_reader(const struct yaml_tree *value, const char *key, void *out,
                        struct err *err);

struct yaml_field {
    const char *key;
    yaml_reader *read;
    size_t at; /* offset of what it reads into */
};
/* `what` is in front of the keys in messages: "a project". At most 64 fields. */
int yaml_fields_read(const struct yaml_tree *map, const char *what,
                     const struct yaml_field *fields, size_t count, void *out,
                     struct err *err);

/* true and false, and what YAML 1.1 had for them; int64_t; a char * that is freed first;
 * struct strings, added to. Numbers and booleans are text where text is wanted. */
yaml_reader yaml_read_bool, yaml_read_int, yaml_read_text, yaml_read_texts;
/* The type alone: for keys that are known and have no effect. */
yaml_reader yaml_check_bool, yaml_check_text, yaml_check_texts;

/* The index of the text among the words; -1: it is none of them. */
int yaml_word(const struct yaml_tree *value, const char *const *words, size_t count);

#endif
