/* The sandbox of terraform's commands: which paths each may read and write. */
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/terraform/terraform_parts.h"

/* Variables that name a file the operator wants the run to read. */
static const char *const file_variables[] = {
    "TF_CLI_CONFIG_FILE",
    "SSL_CERT_FILE",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_CLIENT_SECRET_FILE_PATH",
    "ARM_OIDC_TOKEN_FILE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CREDENTIALS",
    "KUBE_CONFIG_PATH",
};

static int allow_list(struct sandbox *sandbox, const char *paths, bool write,
                      const char *const *hidden, struct err *err)
{
    size_t count = 0;
    char **list = parse_list(paths != NULL ? paths : "", ':', &count);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = write ? sandbox_allow_write(sandbox, list[i], err)
                   : sandbox_allow_read_around(sandbox, list[i], hidden, err);
    parse_list_free(list, count);
    return rc;
}

static int allow_named_files(const struct terraform *t, struct sandbox *sandbox,
                             struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(file_variables); i++) {
        const char *path = strings_value(&t->env, file_variables[i]);

        if (path != NULL && path[0] == '/' && sandbox_allow_read(sandbox, path, err) < 0)
            return -1;
    }
    return 0;
}

/* A plan cannot change what a later run of the target starts from: the providers and
 * modules in TF_DATA_DIR. */
static int allow_own(const struct terraform *t, bool init, struct sandbox *sandbox,
                     struct err *err)
{
    const char *const written[] = {t->src, t->home, t->tmp, t->out};
    const char *const read[] = {t->binary, t->in, t->sealed};
    const struct {
        const char *path;
        bool written;
    } installed[] = {{t->tf, init}, {t->plugins, init && !t->own_plugins}};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(written) && rc == 0; i++)
        rc = sandbox_allow_write(sandbox, written[i], err);
    for (size_t i = 0; i < ARRAY_LEN(read) && rc == 0; i++)
        rc = sandbox_allow_read(sandbox, read[i], err);
    for (size_t i = 0; i < ARRAY_LEN(installed) && rc == 0; i++)
        rc = installed[i].written ? sandbox_allow_write(sandbox, installed[i].path, err)
                                  : sandbox_allow_read(sandbox, installed[i].path, err);
    return rc;
}

int terraform_confine(const struct terraform *t, bool init, struct sandbox *sandbox,
                      struct err *err)
{
    *sandbox = SANDBOX_INIT;
    if (!t->sandboxed)
        return 0;
    if (sandbox_init(sandbox, err) < 0 || sandbox_allow_basics(sandbox, err) < 0 ||
        allow_list(sandbox, t->conf->sandbox_read, false,
                   (const char *const *)t->hidden.list, err) < 0 ||
        allow_list(sandbox, t->conf->sandbox_write, true, NULL, err) < 0 ||
        allow_named_files(t, sandbox, err) < 0 || allow_own(t, init, sandbox, err) < 0) {
        sandbox_done(sandbox);
        return -1;
    }
    return 0;
}
