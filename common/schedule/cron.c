/* Cron expressions: words, the macros, and the sets by field. */
#include "common/schedule/cron.h"

#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/schedule/cron_internal.h"

#define BLANKS " \t"

static const struct {
    const char *name, *text;
} macros[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

struct cron_set cron_set_of(const struct cron *cron, enum cron_field field)
{
    switch (field) {
    case CRON_MINUTE:
        return (struct cron_set){cron->minutes, cron->star_minute};
    case CRON_HOUR:
        return (struct cron_set){cron->hours, cron->star_hour};
    case CRON_DAY:
        return (struct cron_set){cron->days, cron->star_day};
    case CRON_MONTH:
        return (struct cron_set){cron->months, false};
    case CRON_WEEKDAY:
        return (struct cron_set){cron->weekdays, cron->star_weekday};
    case CRON_FIELDS:
        break;
    }
    return (struct cron_set){0};
}

/* The words between blanks, at most `max`; returns how many. */
static size_t split(const char *text, struct cron_token *out, size_t max)
{
    size_t count = 0;

    for (text += strspn(text, BLANKS); *text != '\0' && count < max;
         text += strspn(text, BLANKS)) {
        out[count] = (struct cron_token){text, strcspn(text, BLANKS)};
        text += out[count++].len;
    }
    return count;
}

static int refuse_expression(const char *text, const char *at, const char *problem,
                             struct err *err)
{
    return err_set(err, ERR_INPUT, "expression (column %td): %s", at - text + 1, problem);
}

static int check_count(const char *text, const struct cron_token *words, size_t count,
                       struct err *err)
{
    const char *end = count == 0 ? text : words[count - 1].start + words[count - 1].len;

    if (count < CRON_FIELDS)
        return err_set(err, ERR_INPUT,
                       "%s (column %td): missing: an expression has five fields",
                       cron_field_rules[count].name, end - text + 1);
    if (count > CRON_FIELDS)
        return refuse_expression(text, words[CRON_FIELDS].start,
                                 "a sixth field: an expression has five, and no seconds",
                                 err);
    return 0;
}

static void set_field(struct cron *cron, enum cron_field field, struct cron_set set)
{
    switch (field) {
    case CRON_MINUTE:
        cron->minutes = set.bits;
        cron->star_minute = set.star;
        break;
    case CRON_HOUR:
        cron->hours = (uint32_t)set.bits;
        cron->star_hour = set.star;
        break;
    case CRON_DAY:
        cron->days = (uint32_t)set.bits;
        cron->star_day = set.star;
        break;
    case CRON_MONTH:
        cron->months = (uint16_t)set.bits;
        break;
    case CRON_WEEKDAY:
        cron->weekdays = (uint8_t)set.bits;
        cron->star_weekday = set.star;
        break;
    case CRON_FIELDS:
        break;
    }
}

static int parse_fields(const char *text, struct cron *out, struct err *err)
{
    struct cron_token words[CRON_FIELDS + 1] = {{0}};
    struct cron cron = {0};

    if (check_count(text, words, split(text, words, ARRAY_LEN(words)), err) < 0)
        return -1;
    for (unsigned i = 0; i < CRON_FIELDS; i++) {
        struct cron_set set = {0};

        if (cron_field_parse(text, words[i], (enum cron_field)i, &set, err) < 0)
            return -1;
        set_field(&cron, (enum cron_field)i, set);
    }
    *out = cron;
    return 0;
}

static int parse_macro(const char *text, struct cron *out, struct err *err)
{
    const char *word = text + strspn(text, BLANKS);
    size_t len = strcspn(word, BLANKS);
    const char *rest = word + len + strspn(word + len, BLANKS);

    for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
        if (len != strlen(macros[i].name) || strncasecmp(word, macros[i].name, len) != 0)
            continue;
        if (*rest != '\0')
            return refuse_expression(text, rest, "nothing may follow an @ word", err);
        return parse_fields(macros[i].text, out, err);
    }
    return refuse_expression(text, word,
                             "the @ words are @hourly, @daily, @midnight, @weekly, "
                             "@monthly, @yearly and @annually",
                             err);
}

int cron_parse(const char *text, struct cron *out, struct err *err)
{
    if (strnlen(text, CRON_TEXT_MAX + 1) > CRON_TEXT_MAX)
        return err_set(err, ERR_INPUT,
                       "expression (column %d): it has more than %d characters",
                       CRON_TEXT_MAX + 1, CRON_TEXT_MAX);
    return text[strspn(text, BLANKS)] == '@' ? parse_macro(text, out, err)
                                             : parse_fields(text, out, err);
}

bool cron_equal(const struct cron *a, const struct cron *b)
{
    for (unsigned i = 0; i < CRON_FIELDS; i++) {
        struct cron_set left = cron_set_of(a, (enum cron_field)i);
        struct cron_set right = cron_set_of(b, (enum cron_field)i);

        if (left.bits != right.bits || left.star != right.star)
            return false;
    }
    return true;
}
