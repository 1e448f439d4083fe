/* What all main functions begin with: arguments, settings, the log. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/stop.h"
#include "common/conf/conf.h"

#define TEXT_MAX (1024 * 1024)
#define GO_ON    (-1)

enum mode {
    MODE_RUN,
    MODE_HELP,
    MODE_VERSION,
    MODE_CHECK,
    MODE_PRINT,
    MODE_HEALTH,
    MODE_WRONG
};

static const struct {
    const char *option;
    enum mode mode;
} options[] = {
    {"--help", MODE_HELP},          {"--version", MODE_VERSION},
    {"--check-config", MODE_CHECK}, {"--print-config", MODE_PRINT},
    {"--health", MODE_HEALTH},
};

static enum mode mode_of(int argc, char **argv)
{
    if (argc <= 1)
        return MODE_RUN;
    for (size_t i = 0; i < ARRAY_LEN(options) && argc == 2; i++)
        if (strcmp(argv[1], options[i].option) == 0)
            return options[i].mode;
    return MODE_WRONG;
}

/* Each line of `text` as a message to a person. */
static void tell(enum program program, const char *word, const char *text)
{
    for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        fprintf(stderr, "%s: %s: %.*s\n", conf_program_name(program), word, (int)len,
                text);
    }
}

/* Each line of `text` as a line of the log. */
static void log_lines(void (*log)(const char *event, const char *format, ...),
                      const char *event, const char *text)
{
    for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        log(event, "message=%.*s", (int)len, text);
    }
}

static int print_out(const struct buf *text)
{
    fwrite(buf_text(text), 1, text->len, stdout);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int print_help(enum program program)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    int status;

    conf_print_help(program, &text);
    status = print_out(&text);
    buf_done(&text);
    return status;
}

static int print_version(enum program program)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    int status;

    buf_fmt(&text, "%s %s\n", conf_program_name(program), kedge_version);
    status = print_out(&text);
    buf_done(&text);
    return status;
}

static int print_usage(enum program program)
{
    fprintf(
        stderr,
        "usage: %s [--help | --version | --check-config | --print-config | --health]\n",
        conf_program_name(program));
    return EX_USAGE;
}

static int print_conf(const struct conf *conf, enum program program)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    int status;

    conf_print(conf, program, &text);
    status = print_out(&text);
    buf_done(&text);
    return status;
}

/* --check-config, --print-config and --health: told to a person, not logged. */
static int examine(enum mode mode, struct conf *conf, enum program program)
{
    struct buf problems = BUF_INIT(TEXT_MAX), warnings = BUF_INIT(TEXT_MAX);
    int status = EX_OK;

    if (conf_load(conf, program, environ, &problems, &warnings) > 0)
        status = EX_CONFIG;
    if (mode != MODE_HEALTH)
        tell(program, "warning", buf_text(&warnings));
    tell(program, "problem", buf_text(&problems));
    conf->ask_health = mode == MODE_HEALTH;
    if (status == EX_OK && mode == MODE_HEALTH)
        status = GO_ON;
    if (status == EX_OK && mode == MODE_PRINT)
        status = print_conf(conf, program);
    if (status != GO_ON)
        conf_done(conf);
    buf_done(&problems);
    buf_done(&warnings);
    return status;
}

static int load(struct conf *conf, enum program program, bool warn)
{
    struct buf problems = BUF_INIT(TEXT_MAX), warnings = BUF_INIT(TEXT_MAX);
    int status = GO_ON;

    log_open(conf_program_name(program), LOG_INFO);
    if (conf_load(conf, program, environ, &problems, &warnings) > 0)
        status = EX_CONFIG;
    else
        log_open(conf_program_name(program), (enum log_level)conf->log_level);
    if (warn)
        log_lines(log_warn, "config_warning", buf_text(&warnings));
    log_lines(log_error, "config_problem", buf_text(&problems));
    if (status != GO_ON)
        conf_done(conf);
    buf_done(&problems);
    buf_done(&warnings);
    return status;
}

int conf_start(struct conf *conf, enum program program, int argc, char **argv)
{
    enum mode mode = mode_of(argc, argv);

    switch (mode) {
    case MODE_RUN:
        stop_block();
        return load(conf, program, true);
    case MODE_HELP:
        return print_help(program);
    case MODE_VERSION:
        return print_version(program);
    case MODE_CHECK:
    case MODE_PRINT:
    case MODE_HEALTH:
        return examine(mode, conf, program);
    case MODE_WRONG:
        break;
    }
    return print_usage(program);
}

void conf_hangup(struct conf *conf, enum program program)
{
    AUTO(buf_done) struct buf problems = BUF_INIT(TEXT_MAX);
    size_t changed;

    if (conf_reload(conf, program, environ, &problems, &changed) == 0) {
        log_info("secrets_loaded", "changed=%zu", changed);
        return;
    }
    log_lines(log_error, "secrets_problem", buf_text(&problems));
    log_error("secrets_kept", "");
}

int conf_start_part(struct conf *conf, enum program program)
{
    return load(conf, program, false);
}
