/* The log: one JSON object a line, made in one buffer and written at once. */
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/quote.h"

#define LINE_BYTES_MAX 8192
#define CUT_TAIL       ",\"cut\":true}\n"
#define FIELDS_MAX     (LINE_BYTES_MAX - sizeof CUT_TAIL)

static const char *const level_names[LOG_LEVELS] = {"error", "warn", "info", "debug"};

static const char *log_proc = "kedge";
static enum log_level log_most = LOG_INFO;

void log_open(const char *proc, enum log_level level)
{
    log_proc = proc;
    log_most = level;
}

int log_level_parse(const char *text, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVELS; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

/* One value of the format: text, a number, or nothing that is known. */
struct value {
    enum { VALUE_TEXT, VALUE_SIGNED, VALUE_UNSIGNED, VALUE_UNKNOWN } type;
    const char *text; /* NULL is null */
    size_t len;
    int64_t number;
};

static void append_field(struct buf *line, const char *key, size_t key_len,
                         const struct value *value)
{
    buf_char(line, ',');
    quote_json(key, key_len, line);
    buf_char(line, ':');
    if (value->type == VALUE_SIGNED)
        buf_fmt(line, "%" PRId64, value->number);
    else if (value->type == VALUE_UNSIGNED)
        buf_fmt(line, "%" PRIu64, (uint64_t)value->number);
    else if (value->text == NULL)
        buf_str(line, "null");
    else
        quote_json(value->text, value->len, line);
}

/* Adds the field whole or with its text halved until it fits; says whether it was cut. */
static bool add_field(struct buf *line, const char *key, size_t key_len,
                      struct value value)
{
    size_t before = line->len, whole = value.len;

    append_field(line, key, key_len, &value);
    while (line->over) {
        line->len = before;
        line->over = false;
        if (value.len == 0)
            return true;
        value.len /= 2;
        append_field(line, key, key_len, &value);
    }
    return value.len < whole;
}

static struct value text_value(const char *text, size_t len_max)
{
    return (struct value){
        .type = VALUE_TEXT,
        .text = text,
        .len = text != NULL ? strnlen(text, len_max) : 0,
    };
}

static struct value signed_value(int64_t number)
{
    return (struct value){.type = VALUE_SIGNED, .number = number};
}

static struct value unsigned_value(uint64_t number)
{
    return (struct value){.type = VALUE_UNSIGNED, .number = (int64_t)number};
}

/* A va_list inside a struct can be passed on by pointer on every machine. */
struct arguments {
    va_list list;
};

/* The value that `spec` (behind the '%', up to the blank) asks for. */
static struct value next_value(const char *spec, size_t len, struct arguments *args)
{
    char name[8] = "";
    int most;

    if (len < sizeof name)
        memcpy(name, spec, len);
    if (strcmp(name, "s") == 0)
        return text_value(va_arg(args->list, const char *), LINE_BYTES_MAX);
    if (strcmp(name, ".*s") == 0) {
        most = va_arg(args->list, int);
        return text_value(va_arg(args->list, const char *), most > 0 ? (size_t)most : 0);
    }
    if (strcmp(name, "d") == 0)
        return signed_value(va_arg(args->list, int));
    if (strcmp(name, "ld") == 0)
        return signed_value(va_arg(args->list, long));
    if (strcmp(name, "lld") == 0)
        return signed_value(va_arg(args->list, long long));
    if (strcmp(name, "zd") == 0)
        return signed_value(va_arg(args->list, ssize_t));
    if (strcmp(name, "u") == 0)
        return unsigned_value(va_arg(args->list, unsigned));
    if (strcmp(name, "lu") == 0)
        return unsigned_value(va_arg(args->list, unsigned long));
    if (strcmp(name, "llu") == 0)
        return unsigned_value(va_arg(args->list, unsigned long long));
    if (strcmp(name, "zu") == 0)
        return unsigned_value(va_arg(args->list, size_t));
    return (struct value){.type = VALUE_UNKNOWN};
}

/* The value after "key=": a conversion, or the text itself. */
static struct value field_value(const char *at, size_t len, struct arguments *args)
{
    if (len > 0 && *at == '%')
        return next_value(at + 1, len - 1, args);
    if (memchr(at, '%', len) != NULL)
        return (struct value){.type = VALUE_UNKNOWN};
    return text_value(at, len);
}

/* The fields of the format; says whether one was cut. After an unknown conversion the
 * arguments cannot be told apart any more, so the rest is left out, visibly. */
static bool add_fields(struct buf *line, const char *format, struct arguments *args)
{
    bool cut = false;

    for (;;) {
        size_t field, key;
        struct value value;

        format += strspn(format, " ");
        if (*format == '\0')
            return cut;
        field = strcspn(format, " ");
        key = strcspn(format, "= ");
        value = key < field ? field_value(format + key + 1, field - key - 1, args)
                            : (struct value){.type = VALUE_UNKNOWN};
        if (value.type == VALUE_UNKNOWN) {
            add_field(line, "bad_format", strlen("bad_format"),
                      text_value(format, LINE_BYTES_MAX));
            return cut;
        }
        cut |= add_field(line, format, key, value);
        format += field;
    }
}

static void write_line(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(STDERR_FILENO, bytes, len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return; /* nowhere to tell */
        bytes += wrote;
        len -= (size_t)wrote;
    }
}

static void log_line(enum log_level level, const char *event, const char *format,
                     struct arguments *args)
{
    struct buf line = BUF_INIT(FIELDS_MAX);
    char now[CLOCK_RFC3339_BYTES];
    int errnum = errno;
    bool cut = false;

    buf_fmt(&line, "{\"ts\":\"%s\",\"level\":\"%s\"", clock_rfc3339(clock_wall_ms(), now),
            level_names[level]);
    cut |= add_field(&line, "proc", 4, text_value(log_proc, LINE_BYTES_MAX));
    cut |= add_field(&line, "pid", 3, signed_value(getpid()));
    cut |= add_field(&line, "event", 5, text_value(event, LINE_BYTES_MAX));
    cut |= add_fields(&line, format, args);
    line.max = LINE_BYTES_MAX;
    buf_str(&line, cut ? CUT_TAIL : "}\n");
    write_line(line.data, line.len);
    buf_done(&line);
    errno = errnum;
}

#define DEFINE_LOG(name, level)                                                          \
    void name(const char *event, const char *format, ...)                                \
    {                                                                                    \
        struct arguments args;                                                           \
                                                                                         \
        if ((level) > log_most)                                                          \
            return;                                                                      \
        va_start(args.list, format);                                                     \
        log_line((level), event, format, &args);                                         \
        va_end(args.list);                                                               \
    }

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)
