/* Parts of vcs.c: asking the API one question, and what each VCS is asked.
 *
 *     vcs          which VCS, and that it is asked of the right commit and branch
 *     vcs_http     one question: tries, caps, time-outs
 *     vcs_headers  what its answer says about the next one
 *     vcs_github   GitHub REST
 *     vcs_gitlab   GitLab REST v4 */
#ifndef KEDGE_WORKER_VCS_VCS_PARTS_H
#define KEDGE_WORKER_VCS_VCS_PARTS_H

#include "common/base/json.h"
#include "worker/vcs/vcs.h"

/* How often, and how far apart, a VCS is asked that is still finding out. */
#define VCS_ASKS         20
#define VCS_ASK_AGAIN_MS 500

/* What tells one API from another; a row of the table in vcs.c. */
struct vcs_api {
    const char *name;                           /* for messages */
    const char *token_header;                   /* up to the token */
    const char *const *headers;                 /* the others, NULL-terminated */
    const char *token_setting;                  /* for messages */
    char *(*base_url)(const struct conf *conf); /* owned */
    /* The pull request, which the caller frees with cJSON_Delete; NULL: errors as in
     * vcs.h. */
    cJSON *(*pull)(const struct vcs *vcs, struct err *err);
    const char *(*head)(const cJSON *pull); /* commit id; NULL: it has none */
    const char *(*base)(const cJSON *pull); /* a branch's name; NULL: it has none */
    /* Of vcs->pull, whose head and base are the right ones. */
    int (*approved)(const struct vcs *vcs, bool *met, char **why, struct err *err);
    /* 1: judged; 0: it is still finding out; -1. */
    int (*mergeable)(const struct vcs *vcs, bool *met, char **why, struct err *err);
};
/* NULL: that VCS has no API. */
const struct vcs_api *vcs_api_of(enum vcs_type type);

/* ---- vcs_headers.c ---- */
#define VCS_UNSAID (-1)
struct vcs_headers {
    bool more;        /* there is a next page */
    bool exhausted;   /* no more questions are allowed until the reset */
    int64_t retry_ms; /* wait that long; VCS_UNSAID */
    int64_t reset_ms; /* until the limit is lifted; GitHub says it in every answer */
};
void vcs_headers_take(struct vcs_headers *said, const char *line, size_t len);

/* ---- vcs_http.c ---- */
/* The answer to GET <base URL><path>, an object or array that the caller frees with
 * cJSON_Delete, or NULL: errors as in vcs.h. *more: the server says that there is a next
 * page; may be NULL. */
cJSON *vcs_get(const struct vcs *vcs, const char *path, bool *more, struct err *err);
/* Waits, or until somebody wants it to stop: ERR_TEMP, as when the deadline comes first.
 */
int vcs_pause(const struct vcs *vcs, int64_t ms, struct err *err);

/* ---- vcs.c ---- */
/* *met is false, with its sentence. Returns 0. */
int vcs_unmet(bool *met, char **why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int vcs_met(bool *met);
/* ERR_PERM: the answer lacks what the API's documentation promises. Returns -1. */
int vcs_odd_answer(const struct vcs *vcs, const char *what, struct err *err);
/* A word of the API for a sentence: not longer than words are, and only letters. */
const char *vcs_word(const char *text);

/* ---- vcs_github.c, vcs_gitlab.c: their rows of the table ---- */
cJSON *github_pull(const struct vcs *vcs, struct err *err);
const char *github_head(const cJSON *pull);
const char *github_base(const cJSON *pull);
int github_approved(const struct vcs *vcs, bool *met, char **why, struct err *err);
int github_mergeable(const struct vcs *vcs, bool *met, char **why, struct err *err);
cJSON *gitlab_pull(const struct vcs *vcs, struct err *err);
const char *gitlab_head(const cJSON *request);
const char *gitlab_base(const cJSON *request);
int gitlab_approved(const struct vcs *vcs, bool *met, char **why, struct err *err);
int gitlab_mergeable(const struct vcs *vcs, bool *met, char **why, struct err *err);

#endif
