/* The settings table and what a row is made of. Internal to the conf_*.c files. */
#ifndef KEDGE_COMMON_CONF_CONF_TABLE_H
#define KEDGE_COMMON_CONF_CONF_TABLE_H

#include "common/base/err.h"
#include "common/conf/conf.h"

#define PROGRAMS_ALL (PROGRAM_API | PROGRAM_WORKER | PROGRAM_SCHEDULER)

struct setting;

/* How a value is read and shown. `field` is the setting's place in struct conf: char *,
 * bool or int64_t. */
struct setting_kind {
    const char *form; /* for people: "duration" */
    /* On success the field is set (a text is a copy). The message says what would be
     * right and never repeats the value of a secret. */
    int (*parse)(const struct setting *setting, const char *text, void *field,
                 struct err *err);
    void (*print)(const void *field, struct buf *out);
};

struct setting {
    const char *name;
    const struct setting_kind *kind;
    size_t offset;        /* in struct conf */
    const char *fallback; /* the default as text; NULL: unset */
    unsigned programs;    /* enum program, or'ed */
    bool secret;          /* masked, wiped, may come from NAME_FILE */
    bool reload;          /* conf_reload reads NAME_FILE again */
    int64_t min, max;     /* of a number */
    const char *unset;    /* what no value means, when that says more than "unset" */
    const char *help;
};

extern const struct setting conf_settings[];
extern const size_t conf_setting_count;

extern const struct setting_kind conf_text, conf_word, conf_flag, conf_count,
    conf_duration, conf_size, conf_level, conf_sandbox, conf_listen, conf_public_url,
    conf_clone_url, conf_redis_url, conf_token, conf_patterns, conf_names,
    conf_directories, conf_requirements, conf_program;

/* Do the settings of TLS to Redis fit together, and are their files right? Problems are
 * appended one a line; returns how many. */
int conf_redis_check(const struct conf *conf, struct buf *problems);

#endif
