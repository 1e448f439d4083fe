/* GETs of the Atlantis family about one repository. */
#include "api/atlantis/repository.h"

#include <string.h>

#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

static bool has_id(const struct repository *repository, const char *id)
{
    for (size_t i = 0; i < repository->count; i++)
        if (strcmp(repository->ids[i], id) == 0)
            return true;
    return false;
}

static void add_host(struct repository *repository, const char *base)
{
    AUTO(auto_free) char *host = vcs_base_host(base);
    char *id = repository->ids[repository->count];

    repository_id(host, repository->name, id);
    if (!has_id(repository, id))
        repository->count++;
}

void repository_read(const struct request *req, struct repository *out,
                     struct problems *problems)
{
    const char *name = request_query(req, "repository");
    struct err err;

    *out = (struct repository){.name = name};
    if (name == NULL || name[0] == '\0') {
        problems_add_missing(problems, "repository");
        return;
    }
    /* Gitlab's form is the one that takes in the others. */
    if (repository_check(VCS_GITLAB, name, &err) < 0) {
        problems_add(problems, "repository", "%s", err.message);
        return;
    }
    for (enum vcs_type type = 0; type < VCS_TYPES; type++)
        if (vcs_base_url(req->api->conf, type) != NULL)
            add_host(out, vcs_base_url(req->api->conf, type));
}

bool repository_has_drift(struct request *req)
{
    if (req->api->conf->drift_storage)
        return true;
    reply_error(req, REPLY_DISABLED,
                "drift detection is disabled: KEDGE_DRIFT_STORAGE is false");
    return false;
}
