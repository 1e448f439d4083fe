/* The sandbox that the settings ask for. */
#include "worker/confine.h"

#include <stddef.h>

#include "common/parse.h"

bool confine_wanted(const struct conf *conf)
{
    return conf->sandbox != SANDBOX_NONE &&
           (conf->sandbox != SANDBOX_AUTO || sandbox_abi() > 0);
}

static int allow_system(const struct conf *conf, struct sandbox *sandbox, struct err *err)
{
    const char *hidden[] = {conf->data_dir, conf->env_dir, NULL};
    size_t count = 0;
    char **list = parse_list(conf->sandbox_read ? conf->sandbox_read : "", ':', &count);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = sandbox_allow_read_around(sandbox, list[i], hidden, err);
    parse_list_free(list, count);
    return rc;
}

int confine_start(const struct conf *conf, struct sandbox *sandbox, struct err *err)
{
    if (sandbox_init(sandbox, err) < 0 || sandbox_allow_basics(sandbox, err) < 0)
        return -1;
    return allow_system(conf, sandbox, err);
}
