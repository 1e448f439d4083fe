/* The settings table for people: --help, --print-config, docs/CONFIG.md. */
#include <string.h>

#include "common/base/mem.h"
#include "common/conf/conf_table.h"

#define MASK "***"

static const enum program programs[] = {PROGRAM_API, PROGRAM_WORKER, PROGRAM_SCHEDULER};

static const char *fallback_text(const struct setting *setting)
{
    if (setting->fallback != NULL)
        return setting->fallback;
    return setting->unset != NULL ? setting->unset : "unset";
}

static void print_help_row(const struct setting *setting, struct buf *out)
{
    buf_fmt(out, "  %s  (%s; default: %s)\n      %s\n", setting->name,
            setting->kind->form, fallback_text(setting), setting->help);
}

void conf_print_help(enum program program, struct buf *out)
{
    const char *name = conf_program_name(program);

    buf_fmt(
        out,
        "usage: %s [--help | --version | --check-config | --print-config | --health]\n\n"
        "  --help          this text\n"
        "  --version       the version\n"
        "  --check-config  check the settings and exit: 0 usable, 78 not\n"
        "  --print-config  print the settings, secrets masked, and exit\n"
        "  --health        ask the running one how it is, and exit: 0 well, 1 not\n\n"
        "Settings are environment variables. A secret X may instead be given as\n"
        "X_FILE, the path of a file that holds it. An empty value counts as unset.\n"
        "Durations: 250ms, 30s, 5m, 1h, 2d. Sizes: 512, 64K, 20M, 1G.\n\n",
        name);
    for (size_t i = 0; i < conf_setting_count; i++)
        if ((conf_settings[i].programs & program) != 0)
            print_help_row(&conf_settings[i], out);
}

/* A URL's password is masked and the rest shown; what may hold one anywhere else is
 * masked whole. */
static void print_masked_url(const char *url, struct buf *out)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? strrchr(scheme_end, '@') : NULL;

    if (scheme_end == NULL || strcasestr(url, "pass") != NULL) {
        buf_str(out, MASK);
        return;
    }
    if (host == NULL) {
        buf_str(out, url);
        return;
    }
    buf_append(out, url, (size_t)(scheme_end - url) + strlen("://"));
    buf_fmt(out, "%s%s", MASK, host);
}

static void print_secret(const struct setting *setting, const void *field,
                         struct buf *out)
{
    const char *text = *(char *const *)field;

    if (text == NULL)
        return;
    if (setting->kind == &conf_redis_url)
        print_masked_url(text, out);
    else
        buf_str(out, MASK);
}

void conf_print(const struct conf *conf, enum program program, struct buf *out)
{
    for (size_t i = 0; i < conf_setting_count; i++) {
        const struct setting *setting = &conf_settings[i];
        const void *field = (const char *)conf + setting->offset;

        if ((setting->programs & program) == 0)
            continue;
        buf_fmt(out, "%s=", setting->name);
        if (setting->secret)
            print_secret(setting, field, out);
        else
            setting->kind->print(field, out);
        buf_char(out, '\n');
    }
}

/* "api, worker", or "all". */
static void print_programs(unsigned mask, struct buf *out)
{
    const char *separator = "";

    if (mask == PROGRAMS_ALL) {
        buf_str(out, "all");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        if ((mask & programs[i]) == 0)
            continue;
        buf_fmt(out, "%s%s", separator,
                conf_program_name(programs[i]) + strlen("kedge-"));
        separator = ", ";
    }
}

static void print_markdown_row(const struct setting *setting, struct buf *out)
{
    bool is_value = setting->fallback != NULL;

    buf_fmt(out, "| `%s` | %s%s | %s%s%s | ", setting->name, setting->kind->form,
            setting->secret && setting->kind != &conf_token ? ", secret" : "",
            is_value ? "`" : "", fallback_text(setting), is_value ? "`" : "");
    print_programs(setting->programs, out);
    buf_fmt(out, " | %s |\n", setting->help);
}

void conf_print_markdown(struct buf *out)
{
    buf_str(
        out,
        "# Settings\n\n"
        "<!-- Made by `make docs` from the table in common/conf/conf_table.c. -->\n\n"
        "Every setting is an environment variable. An empty value counts as unset, a\n"
        "setting of another program is ignored, an unknown `KEDGE_` name is a warning.\n"
        "All problems are reported at once and the program exits 78 without starting.\n"
        "A secret `X` may instead be given as `X_FILE`, the path of a file that holds\n"
        "it; its last line end is dropped. `--check-config` validates and exits,\n"
        "`--print-config` prints the settings with secrets masked.\n\n"
        "Durations are whole numbers with `ms`, `s`, `m`, `h` or `d`; sizes are bytes,\n"
        "or with `K`, `M` or `G` (powers of 1024).\n\n"
        "| setting | form | default | program | meaning |\n"
        "|---|---|---|---|---|\n");
    for (size_t i = 0; i < conf_setting_count; i++)
        print_markdown_row(&conf_settings[i], out);
}
