/* The normal form of an expression: for each field the shortest of a few spellings. */
#include "common/base/mem.h"
#include "common/schedule/cron_internal.h"

#define SPELLING_MAX 192 /* bytes; each of 60 minutes as a number has 169 */

static bool has(uint64_t bits, int number)
{
    return (bits >> number & 1) != 0;
}

static void comma(struct buf *out)
{
    if (out->len > 0)
        buf_char(out, ',');
}

/* Numbers, and ranges of three or more. */
static void spell_list(uint64_t bits, struct buf *out)
{
    for (int first = 0, last; first < 64 && bits >> first != 0; first = last + 1) {
        last = first;
        if (!has(bits, first))
            continue;
        while (last < 63 && has(bits, last + 1))
            last++;
        if (last - first < 2)
            last = first;
        comma(out);
        buf_fmt(out, last > first ? "%d-%d" : "%d", first, last);
    }
}

/* One range with a step; false when the set is none. */
static bool spell_steps(enum cron_field field, uint64_t bits, struct buf *out)
{
    int first = __builtin_ctzll(bits), last = 63 - __builtin_clzll(bits);
    int step = last > first ? __builtin_ctzll(bits >> first >> 1) + 1 : 0;

    if (step < 2 || cron_set_steps(field, first, last, step) != bits)
        return false;
    buf_fmt(out, "%d-%d/%d", first, last, step);
    return true;
}

bool cron_set_is_stepped(enum cron_field field, uint64_t bits)
{
    AUTO(buf_done) struct buf list = BUF_INIT(SPELLING_MAX);
    AUTO(buf_done) struct buf steps = BUF_INIT(SPELLING_MAX);

    spell_list(bits, &list);
    return spell_steps(field, bits, &steps) && steps.len < list.len;
}

static void replace(struct buf *text, const struct buf *by)
{
    buf_reset(text);
    buf_append(text, by->data, by->len);
}

/* `*`, or `*` with the step and the numbers beside it that make the shortest text;
 * nothing when the set has no such steps. */
static void spell_star(enum cron_field field, uint64_t bits, struct buf *out)
{
    const struct cron_field_rule *rule = &cron_field_rules[field];
    AUTO(buf_done) struct buf text = BUF_INIT(SPELLING_MAX);

    for (int step = 1; step <= rule->max - rule->min + 1; step++) {
        uint64_t stepped = cron_set_steps(field, rule->min, rule->max, step);

        if ((stepped & ~bits) != 0)
            continue;
        buf_reset(&text);
        buf_char(&text, '*');
        if (step > 1)
            buf_fmt(&text, "/%d", step);
        spell_list(bits & ~stepped, &text);
        if (out->len == 0 || text.len < out->len)
            replace(out, &text);
    }
}

/* Nothing depends on how a month was written: here the star is one more spelling. */
static void try_star(enum cron_field field, uint64_t bits, struct buf *best)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SPELLING_MAX);

    spell_star(field, bits, &text);
    if (text.len > 0 && text.len < best->len)
        replace(best, &text);
}

static void spell(enum cron_field field, struct cron_set set, struct buf *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SPELLING_MAX);

    if (set.star)
        spell_star(field, set.bits, &text);
    else if (cron_set_is_stepped(field, set.bits))
        (void)spell_steps(field, set.bits, &text);
    else
        spell_list(set.bits, &text);
    if (field == CRON_MONTH)
        try_star(field, set.bits, &text);
    buf_append(out, text.data, text.len);
}

void cron_print(const struct cron *cron, struct buf *out)
{
    for (unsigned i = 0; i < CRON_FIELDS; i++) {
        if (i > 0)
            buf_char(out, ' ');
        spell((enum cron_field)i, cron_set_of(cron, (enum cron_field)i), out);
    }
}
