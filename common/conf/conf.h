/* Settings: environment variables, described once in the table of conf.c.
 *
 * The table gives --help, --check-config, --print-config and docs/CONFIG.md. This module
 * is the only reader of the environment; it reads it once, before any thread or child.
 * A setting of another program is ignored, an unknown KEDGE_ name is a warning, an empty
 * value counts as unset, `X_FILE` may stand for any secret X. All problems are collected,
 * none stops the search for others.
 */
#ifndef KEDGE_COMMON_CONF_CONF_H
#define KEDGE_COMMON_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

enum program {
    PROGRAM_API = 1 << 0,
    PROGRAM_WORKER = 1 << 1,
    PROGRAM_SCHEDULER = 1 << 2,
};

enum sandbox_mode { SANDBOX_AUTO, SANDBOX_LANDLOCK, SANDBOX_NONE, SANDBOX_MODES };

/* Strings are owned by the conf and NULL when unset (unless the table has a default). */
struct conf {
    char *redis_url; /* secret: may hold a password */
    char *redis_ca, *redis_cert, *redis_key, *redis_tls_name;
    char *redis_prefix;
    bool unsafe_redis;
    int64_t log_level; /* enum log_level */

    char *listen; /* address:port */
    char *tls_cert, *tls_key;
    int64_t drain_delay_ms; /* a stopping api listens for so long, not ready */
    char *api_secret;       /* secret */
    char *read_token;       /* secret */
    char *tokens_file;
    int64_t audit_days; /* 0: nothing is recorded */
    bool auth_reads;
    char *public_url; /* no trailing slash */
    int64_t max_queued;
    char *repo_allowlist;
    bool drift_storage;
    bool profiling;
    bool ask_health; /* --health: not to run, but to ask the one that runs */
    char *github_webhook_secret, *gitlab_webhook_secret; /* secrets */
    /* The model that is asked for suggestions: at most one of the two URLs is set, and
     * what belongs to it then is set too. Both without a trailing slash. */
    char *azure_endpoint, *azure_deployment, *azure_api_version;
    char *azure_key; /* secret */
    char *ai_url, *ai_model;
    char *ai_key; /* secret; NULL: the server takes none */
    int64_t ai_timeout_ms, ai_idle_timeout_ms;
    int64_t ai_max_streams;

    char *metrics_listen;
    char *data_dir;
    int64_t data_max_bytes;
    char *terraform; /* NULL: terraform, else tofu, from PATH */
    char *terraform_versions_dir;
    int64_t worker_slots;
    int64_t run_memory_bytes;
    int64_t run_timeout_ms;
    int64_t cancel_grace_ms;
    int64_t stop_timeout_ms; /* a drain gives runs that long before it interrupts them */
    int64_t sandbox;         /* enum sandbox_mode */
    char *sandbox_read, *sandbox_write; /* colon lists */
    char *env_dir;
    char *env_pass;                                /* comma list of globs */
    char *github_url, *gitlab_url, *git_url;       /* clone bases, no trailing slash */
    char *github_token, *gitlab_token, *git_token; /* secrets */
    char *github_api_url, *gitlab_api_url; /* no trailing slash; gitlab NULL: its URL's */
    char *plan_requirements, *apply_requirements; /* comma lists of requirement names */
    char *policy_command;                         /* absolute path */

    char *slack_webhook_url; /* secret */
    bool hook_allow_private;
    char *hook_proxy;
    int64_t hook_timeout_ms;
    int64_t hook_retry_ms; /* before the second attempt */

    int64_t keep_runs;
    int64_t keep_days;
    int64_t store_max_bytes; /* 0: no limit */
};

/* Reads `environ_list` ("NAME=value", NULL-terminated; pass environ). Problems and
 * warnings are appended one a line. Returns the number of problems (0: usable). */
int conf_load(struct conf *conf, enum program program, char **environ_list,
              struct buf *problems, struct buf *warnings);
void conf_done(struct conf *conf); /* frees; secrets are wiped first */
/* Reads the files of secrets (X_FILE) again, all but that of KEDGE_REDIS_URL. As
 * conf_load; with a problem nothing changes, else *changed is how many did. What was
 * borrowed from a secret that changed is gone: nobody keeps such a pointer. */
int conf_reload(struct conf *conf, enum program program, char **environ_list,
                struct buf *problems, size_t *changed);

/* --help: how to call the program and its settings. */
void conf_print_help(enum program program, struct buf *out);
/* --print-config: NAME=value lines of that program, secrets as "***". */
void conf_print(const struct conf *conf, enum program program, struct buf *out);
/* docs/CONFIG.md: every setting of every program. */
void conf_print_markdown(struct buf *out);
/* The manual page in section 8, in mdoc(7). `date` as in "November 22, 2026". */
void conf_print_man(enum program program, const char *date, struct buf *out);

/* What all main functions share. Handles --help, --version, --print-config,
 * --check-config and wrong arguments; notes --health in conf; blocks signals (stop.h),
 * loads the settings, opens the log. Returns -1 to go on, else the exit status (0, 64
 * EX_USAGE or 78 EX_CONFIG). */
int conf_start(struct conf *conf, enum program program, int argc, char **argv);
/* The same for a process that such a program starts of itself: no options, and what the
 * first one has warned of is not said again. */
int conf_start_part(struct conf *conf, enum program program);

/* On SIGHUP: conf_reload with the program's environment, and what came of it in the log
 * (`secrets_loaded`; `secrets_problem` and `secrets_kept`). */
void conf_hangup(struct conf *conf, enum program program);

struct redis_address;
/* Where Redis is, with what TLS needs. ERR_INPUT, naming the setting. The caller's, with
 * redis_address_done. */
int conf_redis_address(const struct conf *conf, struct redis_address *out,
                       struct err *err);

/* Is it what a plan or an apply may require? The first `len` bytes of `name`. */
bool conf_is_requirement(const char *name, size_t len);

const char *conf_program_name(enum program program); /* "kedge-api", … */
extern const char kedge_version[];                   /* from the build */

#endif
