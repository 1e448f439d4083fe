/* What SIGHUP has the api read again. */
#include "api/reload.h"

#include <string.h>

#include "api/ai/ai.h"
#include "api/api.h"
#include "api/server/server.h"
#include "api/server/tls.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/tokens.h"
#include "common/schedule/zone.h"

/* Of what is told of a tokens file. */
#define PROBLEMS_MAX_BYTES ((size_t)64 << 10)

static void log_lines(void (*log)(const char *event, const char *format, ...),
                      const char *event, const struct buf *lines)
{
    const char *line = buf_text(lines);

    for (size_t len; *line != '\0'; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        log(event, "reason=%.*s", (int)len, line);
    }
}

/* The settings and the file as they are now; NULL, and it is logged, when the file is not
 * right. */
static struct tokens *load_tokens(const struct conf *conf, bool warn)
{
    AUTO(buf_done) struct buf problems = BUF_INIT(PROBLEMS_MAX_BYTES);
    AUTO(buf_done) struct buf warnings = BUF_INIT(PROBLEMS_MAX_BYTES);
    struct tokens *tokens = tokens_new(conf->api_secret, conf->read_token);

    if (conf->tokens_file != NULL &&
        tokens_load(tokens, conf->tokens_file, &problems, &warnings) > 0) {
        tokens_drop(tokens);
        tokens = NULL;
    }
    if (warn)
        log_lines(log_warn, "tokens_warning", &warnings);
    log_lines(log_error, "tokens_problem", &problems);
    return tokens;
}

int reload_first(struct api *api, struct err *err)
{
    api->tokens = load_tokens(api->conf, false); /* conf_start has warned */
    if (api->tokens == NULL)
        return err_set(err, ERR_INPUT, "KEDGE_TOKENS_FILE is not right");
    return 0;
}

/* A file that is not right lets nobody in and locks nobody out. */
static void reload_tokens(struct api *api)
{
    struct tokens *tokens = load_tokens(api->conf, true);

    if (tokens == NULL) {
        log_error("tokens_kept", "tokens=%zu", tokens_count(api->tokens));
        return;
    }
    tokens_drop(api->tokens);
    api->tokens = tokens;
    log_info("tokens_loaded", "tokens=%zu", tokens_count(tokens));
}

void reload_all(struct api *api)
{
    conf_hangup(api->conf, PROGRAM_API);
    reload_tokens(api);
    ai_reload(api->ai);
    zones_refresh(api->zones);
    if (server_tls(api->server) != NULL)
        tls_reload(server_tls(api->server));
}
