/* One field of an expression: from text to a set of numbers. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/schedule/cron_internal.h"

#define SHOWN_MAX  24   /* bytes of a token that a message quotes */
#define NUMBER_MAX 9999 /* no larger one is ever right */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed",
                                            "thu", "fri", "sat"};

const struct cron_field_rule cron_field_rules[CRON_FIELDS] = {
    [CRON_MINUTE] = {"minute", 0, 59, 59, NULL},
    [CRON_HOUR] = {"hour", 0, 23, 23, NULL},
    [CRON_DAY] = {"day of month", 1, 31, 31, NULL},
    [CRON_MONTH] = {"month", 1, 12, 12, month_names},
    [CRON_WEEKDAY] = {"day of week", 0, 6, 7, weekday_names},
};

uint64_t cron_set_steps(enum cron_field field, int first, int last, int step)
{
    int size = cron_field_rules[field].max + 1;
    uint64_t bits = 0;

    for (int number = first; number <= last; number += step)
        bits |= UINT64_C(1) << (field == CRON_WEEKDAY ? number % size : number);
    return bits;
}

/* ---- messages ---- */

struct scan {
    const char *text; /* the expression as given; columns count from here */
    const char *at, *end;
    enum cron_field field;
    struct err *err;
};

static int refuse(const struct scan *scan, const char *at, const char *problem)
{
    return err_set(scan->err, ERR_INPUT, "%s (column %td): %s",
                   cron_field_rules[scan->field].name, at - scan->text + 1, problem);
}

/* The token, then what is wrong with it. */
static int refuse_token(const struct scan *scan, struct cron_token token,
                        const char *problem)
{
    char shown[SHOWN_MAX + 1];
    size_t len = token.len < SHOWN_MAX ? token.len : SHOWN_MAX;

    for (size_t i = 0; i < len; i++)
        shown[i] = (char)(isgraph((unsigned char)token.start[i]) ? token.start[i] : '?');
    shown[len] = '\0';
    return err_set(scan->err, ERR_INPUT, "%s (column %td): %s%s %s",
                   cron_field_rules[scan->field].name, token.start - scan->text + 1,
                   shown, token.len > len ? "..." : "", problem);
}

static int refuse_range(const struct scan *scan, struct cron_token token, int min,
                        int max)
{
    char problem[48];

    (void)snprintf(problem, sizeof problem, "is not in %d-%d", min, max);
    return refuse_token(scan, token, problem);
}

/* ---- values ---- */

static struct cron_token take_word(struct scan *scan)
{
    struct cron_token word = {.start = scan->at};

    while (scan->at < scan->end && isalnum((unsigned char)*scan->at))
        scan->at++;
    word.len = (size_t)(scan->at - word.start);
    return word;
}

static bool is_number(struct cron_token word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (!isdigit((unsigned char)word.start[i]))
            return false;
    }
    return word.len > 0;
}

static int number_of(struct cron_token word)
{
    int number = 0;

    for (size_t i = 0; i < word.len && number <= NUMBER_MAX; i++)
        number = number * 10 + (word.start[i] - '0');
    return number;
}

static int refuse_word(const struct scan *scan, struct cron_token word)
{
    if (word.len > 0)
        return refuse_token(scan, word,
                            cron_field_rules[scan->field].names != NULL
                                ? "is neither a number nor a name of three letters"
                                : "is not a number");
    if (scan->at == scan->end || *scan->at == ',' || *scan->at == '/')
        return refuse(scan, scan->at, "a number is missing");
    return refuse_token(scan, (struct cron_token){scan->at, 1}, "is not understood");
}

static int name_value(const struct scan *scan, struct cron_token word, int *out)
{
    const struct cron_field_rule *rule = &cron_field_rules[scan->field];

    for (int i = 0; rule->names != NULL && i <= rule->max - rule->min; i++) {
        if (word.len == strlen(rule->names[i]) &&
            strncasecmp(word.start, rule->names[i], word.len) == 0) {
            *out = rule->min + i;
            return 0;
        }
    }
    return refuse_word(scan, word);
}

static int take_value(struct scan *scan, int *out)
{
    const struct cron_field_rule *rule = &cron_field_rules[scan->field];
    struct cron_token word = take_word(scan);

    if (!is_number(word))
        return name_value(scan, word, out);
    *out = number_of(word);
    if (*out < rule->min || *out > rule->number_max)
        return refuse_range(scan, word, rule->min, rule->number_max);
    return 0;
}

/* ---- one field ---- */

static bool take_char(struct scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static int take_step(struct scan *scan, int *out)
{
    const struct cron_field_rule *rule = &cron_field_rules[scan->field];
    struct cron_token word = take_word(scan);
    int count = rule->max - rule->min + 1;

    if (!is_number(word))
        return refuse_word(scan, word);
    *out = number_of(word);
    if (*out < 1 || *out > count)
        return refuse_range(scan, word, 1, count);
    return 0;
}

/* The `b` of `a-b`. Sunday ends a week as well as it starts one: fri-sun. */
static int take_last(struct scan *scan, const char *start, int first, int *out)
{
    bool is_name = scan->at < scan->end && isalpha((unsigned char)*scan->at);

    if (take_value(scan, out) < 0)
        return -1;
    if (scan->field == CRON_WEEKDAY && is_name && *out == 0 && first > 0)
        *out = 7;
    if (first > *out)
        return refuse_token(scan, (struct cron_token){start, (size_t)(scan->at - start)},
                            "runs backwards");
    return 0;
}

/* `*`, a number or a range, and its step. */
static int take_element(struct scan *scan, uint64_t *bits)
{
    const struct cron_field_rule *rule = &cron_field_rules[scan->field];
    const char *start = scan->at;
    int first = rule->min, last = rule->max, step = 1;
    bool is_lone = false;

    if (!take_char(scan, '*')) {
        if (take_value(scan, &first) < 0)
            return -1;
        last = first;
        is_lone = !take_char(scan, '-');
        if (!is_lone && take_last(scan, start, first, &last) < 0)
            return -1;
    }
    if (take_char(scan, '/')) {
        if (is_lone)
            return refuse(scan, start, "a step goes with * or a range, not a number");
        if (take_step(scan, &step) < 0)
            return -1;
    }
    *bits |= cron_set_steps(scan->field, first, last, step);
    return 0;
}

int cron_field_parse(const char *text, struct cron_token token, enum cron_field field,
                     struct cron_set *out, struct err *err)
{
    struct scan scan = {text, token.start, token.start + token.len, field, err};
    struct cron_set set = {.star = token.len > 0 && *token.start == '*'};

    do {
        if (take_element(&scan, &set.bits) < 0)
            return -1;
    } while (take_char(&scan, ','));
    if (scan.at != scan.end)
        return refuse_token(&scan, (struct cron_token){scan.at, 1}, "is not understood");
    *out = set;
    return 0;
}
