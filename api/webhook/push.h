/* A push as GitHub and GitLab tell of it: which ref of which repository went where, and
 * what it touched. Parsing of a payload that comes from outside; pure. */
#ifndef KEDGE_API_WEBHOOK_PUSH_H
#define KEDGE_API_WEBHOOK_PUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/queue/run.h"

#define PUSH_COMMIT_BYTES 41
#define PUSH_PATHS_MAX    20000 /* more: everything counts as touched */

struct push {
    enum vcs_type type;
    char *repository;     /* owned; passed repository_check */
    char *ref;            /* owned; as pushed, refs/heads/… or refs/tags/… */
    char *default_branch; /* owned; NULL: not said, or no name of a branch */
    /* What the ref is at now, lower case; of an annotated tag the commit it names. */
    char commit[PUSH_COMMIT_BYTES];
    bool deleted;    /* the ref is gone; commit is "" */
    bool everything; /* what it touched is not known: all there is */
    /* Else: the paths that were added, removed or modified, sorted. */
    char *text;         /* owned */
    const char **paths; /* owned, into text */
    size_t path_count;
};

/* ERR_INPUT with a sentence: not JSON, a repository, ref or commit that is missing or
 * malformed. Quotes nothing of the payload. */
int push_parse(enum vcs_type type, const char *json, size_t len, struct push *out,
               struct err *err);
void push_done(struct push *push);

/* Does who tracks `ref` (a branch, tag, refs/…, or HEAD) track what was pushed? */
bool push_is_of(const struct push *push, const char *ref);
/* Did it touch the file, or anything in the directory, of that normal path? */
bool push_touches(const struct push *push, const char *path);
/* Any of the paths, one a line? */
bool push_touches_any(const struct push *push, const char *lines);

#endif
