/* Running a terraform command: its environment, its sandbox, where its output goes. */
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/terraform/terraform_parts.h"

/* What one process of a run may have: far above what a run is counted with, and short of
 * the whole machine, which file("/dev/zero") would take. */
#define MEMORY_TIMES     4
#define MEMORY_MIN_BYTES (INT64_C(4) * 1024 * 1024 * 1024)

int64_t terraform_memory_bytes(const struct conf *conf)
{
    int64_t limit = MEMORY_TIMES * conf->run_memory_bytes;

    return limit > MEMORY_MIN_BYTES ? limit : MEMORY_MIN_BYTES;
}

/* For a forced stop to give the state back: a lock that is left needs a person. */
#define UNLOCK_MS 5000

struct pump {
    const struct terraform *terraform;
    const struct command *command;
};

static void to_command(void *arg, const char *bytes, size_t len)
{
    const struct pump *pump = arg;

    pump->command->output(pump->command->arg, bytes, len);
}

static void to_run(void *arg, const char *bytes, size_t len)
{
    const struct terraform_io *io = &((const struct pump *)arg)->terraform->io;

    io->output(io->arg, bytes, len);
}

static int stop_wanted(void *arg)
{
    const struct terraform_io *io = &((const struct pump *)arg)->terraform->io;

    return io->stop_wanted(io->arg);
}

static void command_env(const struct terraform *t, const struct command *command,
                        struct strings *env)
{
    strings_add_all(env, &t->env);
    if (command->init)
        strings_add_all(env, &t->init_env);
    if (!command->any_workspace)
        strings_set(env, "TF_WORKSPACE", t->spec->workspace);
}

int command_run(struct terraform *t, struct command *command, struct child_result *out,
                struct err *err)
{
    AUTO(strings_done) struct strings env = {0};
    AUTO(strings_done) struct strings argv = {0};
    AUTO(sandbox_done) struct sandbox sandbox = SANDBOX_INIT;
    AUTO(auto_free) char *log = path_join(t->dir, TERRAFORM_APPLY_LOG);
    struct pump pump = {t, command};
    struct child_spec spec = {
        .path = t->binary,
        .cwd = t->cwd,
        .sandbox = &sandbox,
        .keep_fd = t->io.lock_fd,
        .deadline_mono_ms = command->deadline_mono_ms,
        .grace_ms = t->conf->cancel_grace_ms,
        .forced_grace_ms = command->locks ? UNLOCK_MS : 0,
        .memory_bytes = terraform_memory_bytes(t->conf),
        .die_with_parent = !command->lasting,
        .keep_output = command->locks,
        .gentle = command->lasting,
        .output_file = command->lasting ? log : NULL,
        .output = command->output != NULL ? to_command : to_run,
        .errors = command->output != NULL ? to_run : NULL,
        .stop_wanted = stop_wanted,
        .poll_fd = t->io.poll_fd,
        .arg = &pump,
    };

    if (terraform_confine(t, command->init, &sandbox, err) < 0)
        return -1;
    strings_add(&argv, t->binary);
    strings_add_all(&argv, &command->argv);
    command_env(t, command, &env);
    spec.argv = argv.list;
    spec.envp = env.list;
    return child_run(&spec, out, err);
}
