/* Settings: from the environment into struct conf, every problem collected. */
#include "common/conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/conf/conf_table.h"
#include "common/conf/tokens.h"

#define SECRET_FILE_MAX (64 * 1024)

const char kedge_version[] = KEDGE_VERSION;

struct loader {
    struct conf *conf;
    unsigned program;
    char **environ_list;
    struct buf *problems, *warnings;
    int problem_count;
};

static void *field_of(struct conf *conf, const struct setting *setting)
{
    return (char *)conf + setting->offset;
}

static void add_problem(struct loader *loader, const char *name, const char *problem)
{
    buf_fmt(loader->problems, "%s: %s\n", name, problem);
    loader->problem_count++;
}

/* The value, or NULL when it is not there or empty. */
static const char *look_up(const struct loader *loader, const char *name)
{
    size_t len = strlen(name);

    for (char **entry = loader->environ_list; *entry != NULL; entry++)
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return (*entry)[len + 1] != '\0' ? *entry + len + 1 : NULL;
    return NULL;
}

static void wipe(char *text, size_t len)
{
    if (text != NULL)
        explicit_bzero(text, len);
}

/* The file's text without its last line end, in memory that never moved, so that no copy
 * of a secret stays behind. NULL after a problem. */
static char *read_secret(struct loader *loader, const char *name, const char *path)
{
    struct buf text = BUF_INIT(SECRET_FILE_MAX);
    struct err err;
    char *secret = NULL;
    size_t len, room;

    buf_reserve(&text, SECRET_FILE_MAX, &room);
    if (path_read(path, &text, &err) < 0) {
        add_problem(loader, name, err.message);
        buf_done(&text);
        return NULL;
    }
    len = text.len;
    if (len > 0 && text.data[len - 1] == '\n')
        len--;
    if (len > 0 && text.data[len - 1] == '\r')
        len--;
    if (len == 0)
        add_problem(loader, name, "the file is empty");
    else if (memchr(text.data, '\0', len) != NULL)
        add_problem(loader, name, "the file contains a NUL byte");
    else
        secret = mem_dup_n(text.data, len);
    wipe(text.data, text.len);
    buf_done(&text);
    return secret;
}

static void set(struct loader *loader, const struct setting *setting, const char *name,
                const char *text)
{
    struct err err;

    if (setting->kind->parse(setting, text, field_of(loader->conf, setting), &err) < 0)
        add_problem(loader, name, err.message);
}

static void load_from_file(struct loader *loader, const struct setting *setting,
                           const char *name, const char *path)
{
    char *secret = read_secret(loader, name, path);

    if (secret == NULL)
        return;
    set(loader, setting, name, secret);
    wipe(secret, strlen(secret));
    free(secret);
}

static void load_setting(struct loader *loader, const struct setting *setting)
{
    AUTO(auto_free) char *file_name = mem_fmt("%s_FILE", setting->name);
    const char *text = look_up(loader, setting->name);
    const char *path = setting->secret ? look_up(loader, file_name) : NULL;

    if (text != NULL && path != NULL)
        add_problem(loader, setting->name, "is set both directly and by its _FILE");
    else if (path != NULL)
        load_from_file(loader, setting, file_name, path);
    else if (text != NULL)
        set(loader, setting, setting->name, text);
    else if (setting->fallback != NULL)
        set(loader, setting, setting->name, setting->fallback);
}

/* Is `name` the name of `known`, or of the file of that secret? */
static bool is_name_of(const char *known, bool secret, const char *name)
{
    size_t len = strlen(known);

    if (strncmp(name, known, len) != 0)
        return false;
    return name[len] == '\0' || (secret && strcmp(name + len, "_FILE") == 0);
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < conf_setting_count; i++)
        if (is_name_of(conf_settings[i].name, conf_settings[i].secret, name))
            return true;
    return false;
}

/* Whoever sets a name that has no effect should hear of it. */
static void warn_of_names(const struct loader *loader)
{
    for (char **entry = loader->environ_list; *entry != NULL; entry++) {
        AUTO(auto_free) char *name = mem_dup_n(*entry, strcspn(*entry, "="));

        if (strncmp(name, "KEDGE_", strlen("KEDGE_")) == 0 && !is_known(name))
            buf_fmt(loader->warnings, "%s: there is no such setting\n", name);
    }
}

static void check_tls(struct loader *loader)
{
    const struct conf *conf = loader->conf;

    if ((conf->tls_cert == NULL) != (conf->tls_key == NULL))
        add_problem(loader, "KEDGE_TLS_CERT, KEDGE_TLS_KEY",
                    "set both for HTTPS, or neither");
    if (conf->tls_cert != NULL && access(conf->tls_cert, R_OK) < 0)
        add_problem(loader, "KEDGE_TLS_CERT", "the file cannot be read");
    if (conf->tls_key != NULL && access(conf->tls_key, R_OK) < 0)
        add_problem(loader, "KEDGE_TLS_KEY", "the file cannot be read");
}

/* One token with both meanings would quietly be the stronger one. */
static void check_tokens(struct loader *loader)
{
    const struct conf *conf = loader->conf;

    if (conf->read_token != NULL && conf->api_secret != NULL &&
        strcmp(conf->read_token, conf->api_secret) == 0)
        add_problem(loader, "KEDGE_READ_TOKEN", "must differ from KEDGE_API_SECRET");
}

static void check_tokens_file(struct loader *loader)
{
    const struct conf *conf = loader->conf;
    struct tokens *tokens;

    if (conf->tokens_file == NULL)
        return;
    tokens = tokens_new(conf->api_secret, conf->read_token);
    loader->problem_count +=
        tokens_load(tokens, conf->tokens_file, loader->problems, loader->warnings);
    tokens_drop(tokens);
}

static void need(struct loader *loader, const char *value, const char *name,
                 const char *because)
{
    AUTO(auto_free) char *problem = mem_fmt("is needed with %s", because);

    if (value == NULL)
        add_problem(loader, name, problem);
}

/* A key alone is no problem: others on this machine may use it. */
static void check_ai(struct loader *loader)
{
    const struct conf *conf = loader->conf;

    if (conf->azure_endpoint != NULL && conf->ai_url != NULL)
        add_problem(loader, "AZURE_OPENAI_ENDPOINT, KEDGE_AI_URL", "set one of them");
    if (conf->azure_endpoint != NULL) {
        need(loader, conf->azure_key, "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT");
        need(loader, conf->azure_deployment, "AZURE_OPENAI_DEPLOYMENT",
             "AZURE_OPENAI_ENDPOINT");
    } else if (conf->azure_deployment != NULL) {
        need(loader, NULL, "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT");
    }
    if (conf->ai_url != NULL)
        need(loader, conf->ai_model, "KEDGE_AI_MODEL", "KEDGE_AI_URL");
    else if (conf->ai_model != NULL)
        need(loader, NULL, "KEDGE_AI_URL", "KEDGE_AI_MODEL");
    if (conf->ai_key != NULL && conf->ai_url == NULL)
        buf_str(loader->warnings,
                "KEDGE_AI_API_KEY: has no effect without KEDGE_AI_URL\n");
}

static void load_settings(struct loader *loader)
{
    *loader->conf = (struct conf){0};
    for (size_t i = 0; i < conf_setting_count; i++)
        if ((conf_settings[i].programs & loader->program) != 0)
            load_setting(loader, &conf_settings[i]);
}

int conf_load(struct conf *conf, enum program program, char **environ_list,
              struct buf *problems, struct buf *warnings)
{
    struct loader loader = {
        .conf = conf,
        .program = program,
        .environ_list = environ_list,
        .problems = problems,
        .warnings = warnings,
    };

    load_settings(&loader);
    check_tls(&loader);
    loader.problem_count += conf_redis_check(conf, problems);
    check_tokens(&loader);
    check_tokens_file(&loader);
    check_ai(&loader);
    warn_of_names(&loader);
    return loader.problem_count;
}

static bool is_text(const struct setting *setting)
{
    return setting->kind->print == conf_text.print;
}

void conf_done(struct conf *conf)
{
    for (size_t i = 0; i < conf_setting_count; i++) {
        const struct setting *setting = &conf_settings[i];
        char **text = field_of(conf, setting);

        if (!is_text(setting) || *text == NULL)
            continue;
        if (setting->secret)
            wipe(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

/* ---- again ---- */
/* Each side gets the other's text; true when that is news. */
static bool swap_text(char **now, char **next)
{
    char *before = *now;

    if (before == NULL || *next == NULL || strcmp(before, *next) == 0)
        return false;
    *now = *next;
    *next = before;
    return true;
}

int conf_reload(struct conf *conf, enum program program, char **environ_list,
                struct buf *problems, size_t *changed)
{
    AUTO(buf_done) struct buf warnings = BUF_INIT(SIZE_MAX);
    AUTO(conf_done) struct conf fresh = {0};
    struct loader loader = {
        .conf = &fresh,
        .program = program,
        .environ_list = environ_list,
        .problems = problems,
        .warnings = &warnings,
    };

    *changed = 0;
    load_settings(&loader);
    check_tokens(&loader);
    for (size_t i = 0; i < conf_setting_count && loader.problem_count == 0; i++)
        if (conf_settings[i].reload)
            *changed += swap_text(field_of(conf, &conf_settings[i]),
                                  field_of(&fresh, &conf_settings[i]));
    return loader.problem_count;
}

const char *conf_program_name(enum program program)
{
    switch (program) {
    case PROGRAM_API:
        return "kedge-api";
    case PROGRAM_WORKER:
        return "kedge-worker";
    case PROGRAM_SCHEDULER:
        return "kedge-scheduler";
    }
    return "kedge";
}
