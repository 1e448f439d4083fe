/* What the payload of a push says, before it is judged. Internal to push.c. */
#ifndef KEDGE_API_WEBHOOK_PUSH_PAYLOAD_H
#define KEDGE_API_WEBHOOK_PUSH_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/json_walk.h"
#include "common/queue/run.h"

/* GitHub names no more commits of a push. */
#define PUSH_COMMITS_MAX 2048

/* Texts that are not there are empty, those that are too long have `over`. */
struct push_payload {
    struct buf repository, ref, before, after, default_branch;
    struct buf named; /* the commit that the ref comes to in the end */
    bool forced, created, deleted;
    int64_t total_commits; /* -1: not said */
    int64_t commits;       /* that are listed */
    struct buf ids;        /* of them, a blank before each */
    struct buf paths;      /* of them, a NUL behind each */
    size_t path_count;
    bool unlisted; /* a commit does not list its files, or may not list all */
};

struct push_payload push_payload_new(void);
void push_payload_done(struct push_payload *payload);
/* The object that comes. */
void push_payload_read(struct json_walk *walk, enum vcs_type type,
                       struct push_payload *out);

#endif
