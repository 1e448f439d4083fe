/* Parts of terraform.c: what they share. Each file has one of them. */
#ifndef KEDGE_WORKER_TERRAFORM_TERRAFORM_PARTS_H
#define KEDGE_WORKER_TERRAFORM_TERRAFORM_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/sign.h"
#include "worker/process/strings.h"
#include "worker/terraform/terraform.h"

#define TERRAFORM_VERSION_BYTES 64
#define LOCK_FILE               ".terraform.lock.hcl"
#define LOCK_TIMEOUT_OPTION     "-lock-timeout=60s"
#define SETTINGS_MAX_BYTES      ((size_t)16 * 1024 * 1024)

struct terraform {
    const struct conf *conf; /* borrowed, as spec is */
    const struct run_spec *spec;
    struct terraform_io io;
    /* Absolute, owned. */
    char *work, *dir;      /* the target's directory, the run's */
    char *src, *cwd;       /* the checkout; the directory in it to work in */
    char *tf, *home, *tmp; /* below work */
    char *in, *out;        /* below dir */
    char *sealed;          /* below dir; not made before there is a plan to seal */
    char *plugins;         /* the shared cache */
    char *binary;
    char *variables, *backend;             /* files in `in`; NULL: none */
    char version[TERRAFORM_VERSION_BYTES]; /* "": not known yet */
    struct strings env;                    /* of every command */
    struct strings init_env;               /* of init besides: tokens, the plugin cache */
    struct strings secrets;
    struct strings hidden; /* paths: see confine_hidden */
    bool sandboxed;
    bool own_plugins;   /* the repository brings some: init keeps out of the cache */
    bool tmp_elsewhere; /* below work its path would be too long; removed at the end */
    char commit_lock[SIGN_HEX_BYTES];   /* digest of the commit's lock file; "": none */
    char sealed_digest[SIGN_HEX_BYTES]; /* of the sealed plan; "": the plan is not sealed
                                         */
};

/* ---- terraform_binary.c ---- */
/* The program for the version wanted, else (*pinned is false) the default one, looked for
 * in `path_list` (as PATH). *out is owned. */
int binary_find(const struct conf *conf, const char *version, const char *path_list,
                char **out, bool *pinned, struct err *err);
/* The sentence for a version that is not there. Returns -1. */
int binary_missing(const struct conf *conf, const char *version, struct err *err);
/* What of the file tells one binary from another. */
void binary_id(const char *path, char id[SIGN_ID_BYTES]);
/* The version that is remembered for the binary; false: none is. */
bool binary_version(const struct conf *conf, const char *path,
                    char version[TERRAFORM_VERSION_BYTES]);
void binary_remember(const struct conf *conf, const char *path, const char *version);

/* ---- terraform_env.c ---- */
/* Fills env, init_env and secrets from the worker's own environment, the files of
 * KEDGE_ENV_DIR and what a run needs. */
int environment_make(struct terraform *terraform, char **environ_list, struct err *err);

/* ---- terraform_inputs.c ---- */
/* Variables, backend settings and the askpass program, as files in `in`; checks that
 * the var files stay inside the checkout. */
int inputs_make(struct terraform *terraform, struct err *err);

/* ---- terraform_sandbox.c ---- */
/* The rules of one command; leaves `sandbox` empty when the run has none. */
int terraform_confine(const struct terraform *terraform, bool init,
                      struct sandbox *sandbox, struct err *err);

/* ---- terraform_fingerprint.c ---- */
/* What init has seen and done, in init.json. */
/* Puts back the lock file that init wrote, and remembers the commit's. */
int lock_file_restore(struct terraform *terraform, struct err *err);
int lock_file_keep(const struct terraform *terraform, struct err *err);
bool init_current(const struct terraform *terraform);
/* Forgets the last good init, and modules that must be fetched anew. */
void init_forget(const struct terraform *terraform);
void init_remember(const struct terraform *terraform);

/* ---- terraform_apply.c ---- */
/* Where the newest plan is: sealed or not. The caller frees. */
char *plan_path(const struct terraform *terraform);

/* ---- terraform_command.c ---- */
struct command {
    struct strings argv; /* argv[0] is added when it runs */
    bool init;           /* sees init_env, may write the plugin cache */
    bool any_workspace;  /* without TF_WORKSPACE */
    bool lasting;        /* outlives its runner, and is stopped gently; its output goes
                            through apply.log */
    bool locks;          /* the state: to be given back even when its runner dies */
    int64_t deadline_mono_ms;
    /* NULL: to the run's output. */
    void (*output)(void *arg, const char *bytes, size_t len);
    void *arg;
};
int command_run(struct terraform *terraform, struct command *command,
                struct child_result *out, struct err *err);

#endif
