/* Manual pages, in mdoc(7): the settings from their table, what the programs share from
 * here. */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/conf/conf_table.h"

#define CODE_POINT_MAX 4

/* What only one of the pages says. Lines of mdoc. */
static const struct page {
    enum program program;
    const char *purpose, *description, *reload, *stop, *files, *also;
} pages[] = {
    {
        PROGRAM_API,
        .purpose = "HTTP API of Kedge, which checks Terraform workspaces for drift",
        .description = "takes requests for checks, plans and applies, puts them into\n"
                       "Redis, and shows what became of them.\n"
                       "It starts no programs and keeps nothing on disk.\n"
                       "Several may serve the same Redis.\n",
        .reload = "Reads again the files of secrets\n.Pq Ev X_FILE ,\n"
                  ".Ev KEDGE_TOKENS_FILE ,\n"
                  "the certificate with its key, and time zones.\n"
                  "What is not right stays as it was, and the log says why.\n",
        .stop = "Stops: accepts no more connections, answers waiting requests with 202,\n"
                "and ends.\n",
        .files = ".It Pa /etc/kedge/api.env\n"
                 "Settings of the systemd service kedge\\-api.service.\n",
        .also = ".Xr kedge-scheduler 8 ,\n.Xr kedge-worker 8\n",
    },
    {
        PROGRAM_WORKER,
        .purpose = "runs Terraform for Kedge",
        .description =
            "claims runs that wait in Redis, checks their repository out,\n"
            "runs Terraform or OpenTofu in a sandbox, and reports what it found.\n"
            "Any number of workers may serve the same Redis and share a data "
            "directory.\n",
        .reload = "Says in the log whether the files of secrets\n.Pq Ev X_FILE\n"
                  "are right; each run reads them itself.\n"
                  "For other settings restart it: its applies go on.\n",
        .stop =
            "Drains: claims nothing more, gives its runs\n"
            ".Ev KEDGE_STOP_TIMEOUT ,\n"
            "interrupts checks and plans then, and ends.\n"
            "An apply that has begun goes on without it; the next worker with the same\n"
            "data directory adopts it.\n"
            "A second signal interrupts at once.\n",
        .files = ".It Pa /etc/kedge/worker.env\n"
                 "Settings of the systemd service kedge\\-worker.service.\n"
                 ".It Pa /var/lib/kedge\n"
                 "Data directory of that service: caches, and what runs need.\n",
        .also = ".Xr kedge-api 8 ,\n.Xr kedge-scheduler 8\n",
    },
    {
        PROGRAM_SCHEDULER,
        .purpose = "does for Kedge what time triggers",
        .description =
            "fires schedules, delivers notifications, and tidies up in Redis.\n"
            "It starts no programs and keeps nothing on disk.\n"
            "Any number may serve the same Redis: there is no leader, and each tick\n"
            "fires once.\n",
        .reload = "Reads again the files of secrets\n.Pq Ev X_FILE\n"
                  "and time zones.\n"
                  "For other settings restart it: no tick is lost.\n",
        .stop =
            "Stops at once.\n"
            "Deliveries under way are tried again by whichever scheduler runs then.\n",
        .files = ".It Pa /etc/kedge/scheduler.env\n"
                 "Settings of the systemd service kedge\\-scheduler.service.\n",
        .also = ".Xr kedge-api 8 ,\n.Xr kedge-worker 8\n",
    },
};

static const struct {
    const char *name, *help;
} options[] = {
    {"help", "Print the options and settings, and exit."},
    {"version", "Print the version, and exit."},
    {"check-config",
     "Check the settings, tell all problems, and exit: 0 usable, 78 not."},
    {"print-config", "Print the settings, secrets masked, and exit."},
    {"health", "Ask the program that runs with the same settings how it is, print a "
               "line, and exit: 0 healthy, 1 not."},
};

/* `text` as `\[uXXXX]` from its UTF-8; returns how many bytes that was. */
static size_t print_code_point(const char *text, struct buf *out)
{
    static const unsigned char lead_masks[] = {0x7f, 0x1f, 0x0f, 0x07};
    size_t more = 0;
    unsigned point;

    while (more + 1 < CODE_POINT_MAX && (text[more + 1] & 0xc0) == 0x80)
        more++;
    point = (unsigned char)text[0] & lead_masks[more];
    for (size_t i = 1; i <= more; i++)
        point = point << 6 | ((unsigned char)text[i] & 0x3f);
    buf_fmt(out, "\\[u%04X]", point);
    return more + 1;
}

static bool ends_sentence(const char *text)
{
    return text[0] == '.' && text[1] == ' ' && text[2] >= 'A' && text[2] <= 'Z';
}

/* Text that roff shows as it is; `code` is in bold. A sentence begins a line. */
static void print_text(const char *text, struct buf *out)
{
    bool code = false;

    while (*text != '\0') {
        if ((unsigned char)*text >= 0x80) {
            text += print_code_point(text, out);
            continue;
        }
        if (*text == '`') {
            code = !code;
            buf_str(out, code ? "\\fB" : "\\fP");
        } else if (*text == '\\') {
            buf_str(out, "\\e");
        } else if (*text == '-') {
            buf_str(out, "\\-");
        } else if (ends_sentence(text)) {
            buf_str(out, ".\n");
            text++;
        } else {
            buf_char(out, *text);
        }
        text++;
    }
}

static void print_options(struct buf *out)
{
    buf_str(out, ".Sh OPTIONS\nAt most one; without, the program runs.\n"
                 ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        buf_fmt(out, ".It Fl \\-");
        print_text(options[i].name, out);
        buf_char(out, '\n');
        print_text(options[i].help, out);
        buf_char(out, '\n');
    }
    buf_str(out, ".El\n");
}

/* `\&`: no value may begin a line that is a request. */
static void print_setting(const struct setting *setting, struct buf *out)
{
    buf_fmt(out, ".It Ev %s\n\\fI%s\\fP%s; ", setting->name, setting->kind->form,
            setting->secret && setting->kind != &conf_token ? ", secret" : "");
    if (setting->fallback != NULL) {
        buf_str(out, "default\n\\&\\fB");
        print_text(setting->fallback, out);
        buf_str(out, "\\fP");
    } else if (setting->unset != NULL) {
        buf_str(out, "when unset:\n\\&");
        print_text(setting->unset, out);
    } else {
        buf_str(out, "no default");
    }
    buf_str(out, "\n.br\n\\&");
    print_text(setting->help, out);
    buf_char(out, '\n');
}

static void print_settings(enum program program, struct buf *out)
{
    buf_str(out,
            ".Sh SETTINGS\n"
            "Settings are environment variables.\n"
            "An empty value counts as unset, a setting of another program is ignored,\n"
            "an unknown name that begins with\n.Ev KEDGE_\nis a warning.\n"
            "A secret\n.Ev X\nmay instead be given as\n.Ev X_FILE ,\n"
            "the path of a file that holds it; its last line end is dropped.\n"
            "A duration is a whole number with\n.Cm ms , s , m , h\nor\n.Cm d ;\n"
            "a size is a number of bytes, or one with\n.Cm K , M\nor\n.Cm G\n"
            "(powers of 1024).\n"
            ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_setting_count; i++)
        if ((conf_settings[i].programs & program) != 0)
            print_setting(&conf_settings[i], out);
    buf_str(out, ".El\n");
}

static void print_signals(const struct page *page, struct buf *out)
{
    buf_fmt(out,
            ".Sh SIGNALS\n.Bl -tag -width Ds\n"
            ".It Dv SIGTERM , SIGINT\n%s.It Dv SIGHUP\n%s.El\n",
            page->stop, page->reload);
}

static void print_rest(const struct page *page, struct buf *out)
{
    buf_fmt(out,
            ".Sh FILES\n"
            ".Bl -tag -width Ds\n%s.El\n"
            ".Sh EXIT STATUS\n"
            ".Bl -tag -width Ds -compact\n"
            ".It 0\nIt was told to stop, or an option was answered.\n"
            ".It 1\n.Fl \\-health\nfound it not healthy.\n"
            ".It 64\nWrong arguments.\n"
            ".It 69\nSomething that it needs at start is not available.\n"
            ".It 71\nThe system refused something that it needs at start.\n"
            ".It 78\nThe settings, or what they name, are not usable; "
            "the log says why.\n"
            ".El\n"
            ".Sh SEE ALSO\n.Xr redis-server 1 ,\n.Xr systemd.exec 5 ,\n%s"
            ".Pp\n"
            "In\n.Pa share/doc/kedge/docs :\n"
            ".Pa OPERATIONS.md\nhow to run and watch it,\n"
            ".Pa SECURITY.md\nwhat is trusted,\n"
            ".Pa API.md\nthe HTTP API.\n",
            page->files, page->also);
}

void conf_print_man(enum program program, const char *date, struct buf *out)
{
    const struct page *page = pages;
    const char *name = conf_program_name(program);

    while (page->program != program)
        page++;
    buf_fmt(out,
            ".\\\" Made from the settings table, common/conf/conf_table.c.\n"
            ".Dd %s\n.Dt ",
            date);
    for (const char *c = name; *c != '\0'; c++)
        buf_char(out, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    buf_fmt(out,
            " 8\n.Os Kedge %s\n"
            ".Sh NAME\n.Nm %s\n.Nd %s\n"
            ".Sh SYNOPSIS\n.Nm\n.Nm\n"
            ".Fl \\-help | \\-version | \\-check\\-config | \\-print\\-config | "
            "\\-health\n"
            ".Sh DESCRIPTION\n.Nm\n%s"
            "It stays in the foreground and writes its log to standard error,\n"
            "a JSON object a line.\n",
            kedge_version, name, page->purpose, page->description);
    print_options(out);
    print_settings(program, out);
    print_signals(page, out);
    print_rest(page, out);
}
