/* The kinds of settings that end up as numbers: counts, durations, sizes, choices. */
#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/conf/conf_table.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* In the largest unit that needs no fraction; `units` start with the largest. */
static void print_quantity(int64_t number, const struct unit *units, size_t count,
                           struct buf *out)
{
    size_t i = 0;

    while (i + 1 < count && (number == 0 || number % units[i].factor != 0))
        i++;
    buf_fmt(out, "%" PRId64 "%s", number / units[i].factor, units[i].name);
}

static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};

static void print_duration(const void *field, struct buf *out)
{
    print_quantity(*(const int64_t *)field, durations, ARRAY_LEN(durations), out);
}

static void print_size(const void *field, struct buf *out)
{
    print_quantity(*(const int64_t *)field, sizes, ARRAY_LEN(sizes), out);
}

static void print_count(const void *field, struct buf *out)
{
    buf_fmt(out, "%" PRId64, *(const int64_t *)field);
}

/* Sets the field when the number is within the setting's bounds. */
static int keep_number(const struct setting *setting, int64_t number, void *field,
                       struct err *err)
{
    struct buf bounds = BUF_INIT(80);

    if (number >= setting->min && number <= setting->max) {
        *(int64_t *)field = number;
        return 0;
    }
    setting->kind->print(&setting->min, &bounds);
    if (setting->max < INT64_MAX) {
        buf_str(&bounds, " and at most ");
        setting->kind->print(&setting->max, &bounds);
    }
    err_set(err, ERR_INPUT, "must be at least %s", buf_text(&bounds));
    buf_done(&bounds);
    return -1;
}

static int parse_count(const struct setting *setting, const char *text, void *field,
                       struct err *err)
{
    int64_t number;

    if (parse_int64(text, INT64_MIN, INT64_MAX, &number) < 0)
        return err_set(err, ERR_INPUT, "must be a whole number");
    return keep_number(setting, number, field, err);
}
const struct setting_kind conf_count = {"number", parse_count, print_count};

static int parse_duration(const struct setting *setting, const char *text, void *field,
                          struct err *err)
{
    int64_t number;

    if (parse_duration_ms(text, &number) < 0)
        return err_set(err, ERR_INPUT,
                       "must be a duration: a whole number with ms, s, m, h or d");
    return keep_number(setting, number, field, err);
}
const struct setting_kind conf_duration = {"duration", parse_duration, print_duration};

static int parse_size(const struct setting *setting, const char *text, void *field,
                      struct err *err)
{
    int64_t number;

    if (parse_size_bytes(text, &number) < 0)
        return err_set(err, ERR_INPUT,
                       "must be a size: a whole number of bytes, or with K, M or G");
    return keep_number(setting, number, field, err);
}
const struct setting_kind conf_size = {"size", parse_size, print_size};

static int parse_flag(const struct setting *setting, const char *text, void *field,
                      struct err *err)
{
    (void)setting;
    if (parse_bool(text, field) < 0)
        return err_set(err, ERR_INPUT, "must be true or false");
    return 0;
}

static void print_flag(const void *field, struct buf *out)
{
    buf_str(out, *(const bool *)field ? "true" : "false");
}
const struct setting_kind conf_flag = {"true or false", parse_flag, print_flag};

/* ---- choices ---- */

static int parse_choice(const char *text, const char *const *names, size_t count,
                        void *field, struct err *err)
{
    struct buf known = BUF_INIT(80);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *(int64_t *)field = (int64_t)i;
            buf_done(&known);
            return 0;
        }
        buf_fmt(&known, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    }
    err_set(err, ERR_INPUT, "must be %s", buf_text(&known));
    buf_done(&known);
    return -1;
}

static const char *const levels[LOG_LEVELS] = {[LOG_ERROR] = "error",
                                               [LOG_WARN] = "warn",
                                               [LOG_INFO] = "info",
                                               [LOG_DEBUG] = "debug"};

static int parse_level(const struct setting *setting, const char *text, void *field,
                       struct err *err)
{
    (void)setting;
    return parse_choice(text, levels, ARRAY_LEN(levels), field, err);
}

static void print_level(const void *field, struct buf *out)
{
    buf_str(out, levels[*(const int64_t *)field]);
}
const struct setting_kind conf_level = {"choice", parse_level, print_level};

static const char *const sandboxes[SANDBOX_MODES] = {
    [SANDBOX_AUTO] = "auto", [SANDBOX_LANDLOCK] = "landlock", [SANDBOX_NONE] = "none"};

static int parse_sandbox(const struct setting *setting, const char *text, void *field,
                         struct err *err)
{
    (void)setting;
    return parse_choice(text, sandboxes, ARRAY_LEN(sandboxes), field, err);
}

static void print_sandbox(const void *field, struct buf *out)
{
    buf_str(out, sandboxes[*(const int64_t *)field]);
}
const struct setting_kind conf_sandbox = {"choice", parse_sandbox, print_sandbox};
