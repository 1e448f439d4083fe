/* What the files of the cron module share: the five fields as a table, and a cron's sets
 * by field. */
#ifndef KEDGE_COMMON_SCHEDULE_CRON_INTERNAL_H
#define KEDGE_COMMON_SCHEDULE_CRON_INTERNAL_H

#include <stddef.h>

#include "common/schedule/cron.h"

enum cron_field {
    CRON_MINUTE,
    CRON_HOUR,
    CRON_DAY,
    CRON_MONTH,
    CRON_WEEKDAY,
    CRON_FIELDS
};

struct cron_field_rule {
    const char *name;
    int min, max;             /* of the numbers of its set */
    int number_max;           /* that may be written: 7 is Sunday too */
    const char *const *names; /* of the numbers from min on, lower case; NULL: none */
};
extern const struct cron_field_rule cron_field_rules[CRON_FIELDS];

/* One field: bit n is number n, and whether the text began with `*`. */
struct cron_set {
    uint64_t bits;
    bool star;
};
struct cron_set cron_set_of(const struct cron *cron, enum cron_field field);
/* Every number of the field from `first` on, in steps. */
uint64_t cron_set_steps(enum cron_field field, int first, int last, int step);
/* A piece of an expression. */
struct cron_token {
    const char *start;
    size_t len;
};
/* `token` lies in `text`, from which columns count. ERR_INPUT. */
int cron_field_parse(const char *text, struct cron_token token, enum cron_field field,
                     struct cron_set *out, struct err *err);

/* Is its normal form one range with a step? */
bool cron_set_is_stepped(enum cron_field field, uint64_t bits);

#endif
