/* The sandbox that the settings ask for. */
#include "worker/process/confine.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/process/spawn.h"

bool confine_wanted(const struct conf *conf)
{
    return conf->sandbox != SANDBOX_NONE &&
           (conf->sandbox != SANDBOX_AUTO || sandbox_abi() > 0);
}

/* KEDGE_<secret>_FILE, and what a runner knows one of them by. */
static bool names_secret(const char *name)
{
    return parse_glob("KEDGE_*_FILE", name, false) ||
           strcmp(name, SPAWN_HIDDEN_FILE) == 0 || strcmp(name, SPAWN_HIDDEN_KEY) == 0;
}

static void hide_secret(const char *variable, struct strings *out)
{
    const char *equals = strchr(variable, '=');
    AUTO(auto_free) char *name = NULL;

    if (equals == NULL || equals[1] == '\0')
        return;
    name = mem_dup_n(variable, (size_t)(equals - variable));
    if (names_secret(name))
        strings_add(out, equals + 1);
}

void confine_hidden(const struct conf *conf, char *const *environ_list,
                    struct strings *out)
{
    strings_add(out, conf->data_dir);
    if (conf->env_dir != NULL)
        strings_add(out, conf->env_dir);
    for (; *environ_list != NULL; environ_list++)
        hide_secret(*environ_list, out);
}

static int allow_system(const struct conf *conf, struct sandbox *sandbox, struct err *err)
{
    AUTO(strings_done) struct strings hidden = {0};
    size_t count = 0;
    char **list = parse_list(conf->sandbox_read ? conf->sandbox_read : "", ':', &count);
    int rc = 0;

    confine_hidden(conf, environ, &hidden);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = sandbox_allow_read_around(sandbox, list[i], (const char *const *)hidden.list,
                                       err);
    parse_list_free(list, count);
    return rc;
}

int confine_start(const struct conf *conf, struct sandbox *sandbox, struct err *err)
{
    if (sandbox_init(sandbox, err) < 0 || sandbox_allow_basics(sandbox, err) < 0)
        return -1;
    return allow_system(conf, sandbox, err);
}
