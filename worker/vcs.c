/* Pull requests, as the VCS's API sees them. */
#include "worker/vcs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "worker/vcs_parts.h"

/* ---- the APIs ---- */

static const char *github_token(const struct conf *conf)
{
    return conf->github_token;
}

static const char *gitlab_token(const struct conf *conf)
{
    return conf->gitlab_token;
}

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
            .token = github_token,
            .base_url = github_url,
            .approved = github_approved,
            .mergeable = github_mergeable,
        },
    [VCS_GITLAB] =
        {
            .name = "GitLab",
            .token_header = "PRIVATE-TOKEN: ",
            .headers = gitlab_headers,
            .token_setting = "KEDGE_GITLAB_TOKEN",
            .token = gitlab_token,
            .base_url = gitlab_url,
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

bool vcs_is_head(const struct vcs *vcs, const char *head, char **why)
{
    if (!vcs->commit || strcasecmp(head, vcs->commit) == 0)
        return true;
    *why = mem_fmt("the head of pull request %lld is no longer %s: start the run again",
                   (long long)vcs->pull_request, vcs->commit);
    return false;
}

const char *vcs_word(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

    return len > 0 && len < 64 && text[len] == '\0' ? text : "something unknown";
}

/* ---- the questions ---- */

static int no_api(const struct vcs *vcs, struct err *err)
{
    return err_set(err, ERR_PERM, "repositories of type %s have no API",
                   vcs_type_name(vcs->type));
}

int vcs_approved(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    const struct vcs_api *api = vcs_api_of(vcs->type);

    return api ? api->approved(vcs, met, why, err) : no_api(vcs, err);
}

int vcs_mergeable(const struct vcs *vcs, bool *met, char **why, struct err *err)
{
    const struct vcs_api *api = vcs_api_of(vcs->type);

    return api ? api->mergeable(vcs, met, why, err) : no_api(vcs, err);
}
