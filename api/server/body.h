/* Request bodies: what fields a body may have, checked by table, all problems at once.
 *
 * A route names its fields; body_check finds every unknown, missing, mistyped and
 * outlandish one before the handler runs, so that a handler reads fields without asking
 * again. A check of the table's own looks at what types and limits cannot say. Pure. */
#ifndef KEDGE_API_SERVER_BODY_H
#define KEDGE_API_SERVER_BODY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json.h"

/* ---- problems ---- */
#define PROBLEMS_MAX        50 /* more are not told */
#define PROBLEM_FIELD_BYTES 80
#define PROBLEM_BYTES       256

struct problem {
    char field[PROBLEM_FIELD_BYTES]; /* "cron", "ignore[2].address" */
    char message[PROBLEM_BYTES];
};
struct problems {
    struct problem *list; /* owned */
    size_t count;
};
void problems_done(struct problems *problems);
void problems_add(struct problems *problems, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "missing required parameter: NAME" */
void problems_add_missing(struct problems *problems, const char *field);

/* ---- fields ---- */
enum field_type {
    FIELD_TEXT,    /* min–max bytes */
    FIELD_INTEGER, /* min–max */
    FIELD_BOOLEAN,
    FIELD_TIME,     /* RFC 3339 */
    FIELD_TEXTS,    /* at most max strings */
    FIELD_TEXT_MAP, /* object of at most max strings */
    FIELD_LIST,     /* at most max objects, of the fields `inner` or looked at by check */
};
struct field {
    const char *name;
    enum field_type type;
    bool required;
    int64_t min, max; /* see the type */
    /* NULL: the type says all. Called for a value of the right type. `at` names the field
     * in problems. */
    void (*check)(const cJSON *value, const char *at, struct problems *problems);
    const struct field *inner; /* of each object of a list; NULL: any */
    size_t inner_count;
};

/* A member that is null counts as not given. `inside` is put before names of fields
 * ("ignore[2]."); "" at the top. */
void body_check(const cJSON *body, const struct field *fields, size_t count,
                const char *inside, struct problems *problems);

/* What the Atlantis family is lenient about, before the check, at the top and in the
 * objects of lists that have `inner` fields: names in other letter cases become those of
 * the table, unknown members go, and so do empty texts, which clients send for what they
 * leave out. Give it a body that json_parse read with fold_case: each name occurs once.
 */
void body_fold(cJSON *body, const struct field *fields, size_t count);

#endif
