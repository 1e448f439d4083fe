/* Pull requests, as the VCS's API sees them. */
#include "worker/vcs/vcs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/queue/target.h"
#include "worker/vcs/vcs_parts.h"

/* ---- the APIs ---- */

static char *github_url(const struct conf *conf)
{
    return mem_dup(conf->github_api_url);
}

static char *gitlab_url(const struct conf *conf)
{
    return conf->gitlab_api_url ? mem_dup(conf->gitlab_api_url)
                                : mem_fmt("%s/api/v4", conf->gitlab_url);
}

/* Source: "Getting started with the REST API", GitHub's documentation. */
static const char *const github_headers[] = {"Accept: application/vnd.github+json",
                                             "X-GitHub-Api-Version: 2022-11-28", NULL};
static const char *const gitlab_headers[] = {"Accept: application/json", NULL};

static const struct vcs_api apis[VCS_TYPES] = {
    [VCS_GITHUB] =
        {
            .name = "GitHub",
            .token_header = "Authorization: Bearer ",
            .headers = github_headers,
            .token_setting = "KEDGE_GITHUB_TOKEN",
            .base_url = github_url,
            .pull = github_pull,
            .head = github_head,
            .base = github_base,
            .approved = github_approved,
            .mergeable = github_mergeable,
        },
    [VCS_GITLAB] =
        {
            .name = "GitLab",
            .token_header = "PRIVATE-TOKEN: ",
            .headers = gitlab_headers,
            .token_setting = "KEDGE_GITLAB_TOKEN",
            .base_url = gitlab_url,
            .pull = gitlab_pull,
            .head = gitlab_head,
            .base = gitlab_base,
            .approved = gitlab_approved,
            .mergeable = gitlab_mergeable,
        },
};

const struct vcs_api *vcs_api_of(enum vcs_type type)
{
    assert(type < VCS_TYPES);
    return apis[type].name ? &apis[type] : NULL;
}

/* ---- what the parts share ---- */

int vcs_unmet(bool *met, char **why, const char *format, ...)
{
    va_list args;

    *met = false;
    va_start(args, format);
    if (vasprintf(why, format, args) < 0)
        abort();
    va_end(args);
    return 0;
}

int vcs_met(bool *met)
{
    *met = true;
    return 0;
}

int vcs_odd_answer(const struct vcs *vcs, const char *what, struct err *err)
{
    return err_set(err, ERR_PERM, "%s's answer about pull request %lld of %s: %s",
                   apis[vcs->type].name, (long long)vcs->pull_request, vcs->repository,
                   what);
}

const char *vcs_word(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

    return len > 0 && len < 64 && text[len] == '\0' ? text : "something unknown";
}

/* ---- is it the one that the run is about? ---- */

void vcs_done(struct vcs *vcs)
{
    cJSON_Delete(TAKE(vcs->pull));
}

/* Asks for it, unless that was done. */
static int look(struct vcs *vcs, struct err *err)
{
    const struct vcs_api *api = vcs_api_of(vcs->type);

    if (!api)
        return err_set(err, ERR_PERM, "repositories of type %s have no API",
                       vcs_type_name(vcs->type));
    if (!vcs->pull)
        vcs->pull = api->pull(vcs, err);
    if (!vcs->pull)
        return -1;
    if (!api->head(vcs->pull))
        return vcs_odd_answer(vcs, "it has no head", err);
    if (!api->base(vcs->pull))
        return vcs_odd_answer(vcs, "it has no base", err);
    return 0;
}

static bool is_head(const struct vcs *vcs, char **why)
{
    const char *head = apis[vcs->type].head(vcs->pull);

    if (!vcs->commit || strcasecmp(head, vcs->commit) == 0)
        return true;
    *why = mem_fmt("the head of pull request %lld is no longer %s: start the run again",
                   (long long)vcs->pull_request, vcs->commit);
    return false;
}

/* The API has one spelling only: "refs/heads/x" is a branch of that name there. */
static bool is_base(const struct vcs *vcs, char **why)
{
    const char *base = apis[vcs->type].base(vcs->pull);
    AUTO(auto_free) char *wanted = vcs->base ? ref_canonical(vcs->base) : NULL;
    struct err ignored;

    if (!wanted || strcmp(base, wanted) == 0)
        return true;
    *why = mem_fmt("pull request %lld is to be merged into %s, not into %s: give its "
                   "branch as Ref",
                   (long long)vcs->pull_request,
                   ref_check(base, &ignored) == 0 ? base : "something unknown", wanted);
    return false;
}

/* 1: it is; 0: it is not, with its sentence; -1. */
static int is_the_one(struct vcs *vcs, bool *met, char **why, struct err *err)
{
    if (look(vcs, err) < 0)
        return -1;
    *met = false;
    return is_head(vcs, why) && is_base(vcs, why);
}

/* ---- the questions ---- */

int vcs_targets(struct vcs *vcs, bool *met, char **why, struct err *err)
{
    if (look(vcs, err) < 0)
        return -1;
    *met = is_base(vcs, why);
    return 0;
}

int vcs_approved(struct vcs *vcs, bool *met, char **why, struct err *err)
{
    int rc = is_the_one(vcs, met, why, err);

    return rc > 0 ? apis[vcs->type].approved(vcs, met, why, err) : rc;
}

/* 1: judged; 0: the VCS is still finding out; -1. */
static int judge(struct vcs *vcs, bool *met, char **why, struct err *err)
{
    int rc = is_the_one(vcs, met, why, err);

    if (rc <= 0)
        return rc < 0 ? -1 : 1;
    return apis[vcs->type].mergeable(vcs, met, why, err);
}

static int look_again_later(struct vcs *vcs, struct err *err)
{
    vcs_done(vcs);
    return vcs_pause(vcs, VCS_ASK_AGAIN_MS, err);
}

/* Asking is what makes it find out. */
int vcs_mergeable(struct vcs *vcs, bool *met, char **why, struct err *err)
{
    for (int asks = 0; asks < VCS_ASKS; asks++) {
        int rc = asks > 0 ? look_again_later(vcs, err) : 0;

        if (rc == 0)
            rc = judge(vcs, met, why, err);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return err_set(err, ERR_TEMP,
                   "%s does not know yet whether pull request %lld of %s can be merged",
                   apis[vcs->type].name, (long long)vcs->pull_request, vcs->repository);
}
