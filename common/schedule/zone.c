/* Zones: names, files, and the offset at a time. */
#include "common/schedule/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/schedule/zone_internal.h"

#ifndef ZONE_DIRECTORY
#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#endif

#define NAME_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"

/* In the directory, and yet no zone's name: what this machine is set to, the zone of TZ
 * strings without days, and two copies of the whole tree. */
static const char *const not_zones[] = {"localtime", "posixrules", "posix/", "right/"};

/* ---- names ---- */

static bool is_name(const char *name)
{
    size_t len = strnlen(name, ZONE_NAME_MAX + 1);

    if (len == 0 || len > ZONE_NAME_MAX || strspn(name, NAME_BYTES) != len)
        return false;
    if (name[0] == '/' || name[len - 1] == '/' || strstr(name, "//") != NULL)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(not_zones); i++) {
        size_t prefix = strlen(not_zones[i]);

        if (strncmp(name, not_zones[i], prefix) == 0 &&
            (not_zones[i][prefix - 1] == '/' || name[prefix] == '\0'))
            return false;
    }
    return true;
}

/* `name` is shown only when it is safe to show. */
static int no_such_zone(const char *name, struct err *err)
{
    static const char hint[] = "names are those of the IANA database, such as UTC or "
                               "Europe/Berlin";

    if (!is_name(name))
        return err_set(err, ERR_INPUT, "this is not the name of a time zone; %s", hint);
    return err_set(err, ERR_INPUT, "there is no time zone \"%s\"; %s", name, hint);
}

/* ---- files ---- */

static bool means_not_there(int number)
{
    return number == ENOENT || number == ENOTDIR || number == ELOOP || number == ENXIO;
}

/* errno says why. */
static int unreadable(const char *name, struct err *err)
{
    return err_sys(err, ERR_TEMP, errno, "time zone %s: its file cannot be read", name);
}

static int check_file(int fd, const char *name, struct err *err)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return unreadable(name, err);
    if (!S_ISREG(info.st_mode))
        return no_such_zone(name, err);
    if (info.st_size > ZONE_FILE_MAX)
        return err_set(err, ERR_PERM, "time zone %s: its file is larger than %d bytes",
                       name, ZONE_FILE_MAX);
    return 0;
}

static int read_bytes(int fd, const char *name, struct buf *out, struct err *err)
{
    size_t room;
    ssize_t got;

    do {
        char *to = buf_reserve(out, 4096, &room);

        do
            got = read(fd, to, room);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return unreadable(name, err);
        buf_advance(out, (size_t)got);
    } while (got > 0);
    return 0;
}

static int read_file(const char *path, const char *name, struct buf *out, struct err *err)
{
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return means_not_there(errno) ? no_such_zone(name, err) : unreadable(name, err);
    if (check_file(fd, name, err) < 0)
        return -1;
    return read_bytes(fd, name, out, err);
}

static int load_file(const char *directory, const char *name, struct zone **out,
                     struct err *err)
{
    AUTO(auto_free) char *path = path_join(directory, name);
    AUTO(buf_done) struct buf bytes = BUF_INIT(ZONE_FILE_MAX);

    if (read_file(path, name, &bytes, err) < 0)
        return -1;
    if (zone_parse(name, bytes.data, bytes.len, out, err) == 0)
        return 0;
    return err->kind == ERR_INPUT ? no_such_zone(name, err)
                                  : err_wrap(err, "time zone %s", name);
}

int zone_load_from(const char *directory, const char *name, struct zone **out,
                   struct err *err)
{
    struct zone *zone;

    if (!is_name(name))
        return no_such_zone(name, err);
    if (strcmp(name, "UTC") != 0)
        return load_file(directory, name, out, err);
    zone = mem_new(1, sizeof *zone);
    memcpy(zone->name, "UTC", sizeof "UTC");
    zone->repeats_from_s = INT64_MAX;
    *out = zone;
    return 0;
}

int zone_check_directory(const char *directory, struct err *err)
{
    struct zone *zone = NULL;

    /* One that every edition of the database has. */
    if (load_file(directory, "Europe/London", &zone, err) < 0)
        return err_set(err, ERR_PERM,
                       "no time zones are installed in %s: install the package tzdata",
                       directory);
    zone_free(zone);
    return 0;
}

int zone_load(const char *name, struct zone **out, struct err *err)
{
    return zone_load_from(ZONE_DIRECTORY, name, out, err);
}

int zone_check_installed(struct err *err)
{
    return zone_check_directory(ZONE_DIRECTORY, err);
}

void zone_free(struct zone *zone)
{
    if (zone == NULL)
        return;
    auto_free(&zone->changes);
    auto_free(&zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

bool zone_equal(const struct zone *a, const struct zone *b)
{
    if (a->first_offset_s != b->first_offset_s || a->count != b->count ||
        a->repeats_from_s != b->repeats_from_s || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->changes[i].at_s != b->changes[i].at_s ||
            a->changes[i].offset_s != b->changes[i].offset_s)
            return false;
    }
    return true;
}

/* ---- offsets ---- */

/* How many changes there were until then, that moment included. */
static size_t changes_until(const struct zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].at_s <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct zone_span span_of_table(const struct zone *zone, int64_t unix_s)
{
    size_t next = changes_until(zone, unix_s);

    return (struct zone_span){
        .from_s = next > 0 ? zone->changes[next - 1].at_s : INT64_MIN,
        .to_s = next < zone->count ? zone->changes[next].at_s : INT64_MAX,
        .offset_s = next > 0 ? zone->changes[next - 1].offset_s : zone->first_offset_s,
    };
}

/* In the first period after `repeats_from_s`, where the table has the answer, and back.
 */
static struct zone_span span_of_rule(const struct zone *zone, int64_t unix_s)
{
    int64_t since = unix_s - zone->repeats_from_s;
    int64_t shift = since - since % CALENDAR_PERIOD_S;
    int64_t period_end = zone->repeats_from_s + CALENDAR_PERIOD_S;
    struct zone_span span = span_of_table(zone, unix_s - shift);

    if (span.from_s < zone->repeats_from_s && shift > 0)
        span.from_s = zone->repeats_from_s;
    if (span.to_s > period_end)
        span.to_s = period_end;
    span.from_s += shift;
    span.to_s = span.to_s > INT64_MAX - shift ? INT64_MAX : span.to_s + shift;
    return span;
}

struct zone_span zone_span(const struct zone *zone, int64_t unix_s)
{
    if (unix_s < zone->repeats_from_s)
        return span_of_table(zone, unix_s);
    return span_of_rule(zone, unix_s);
}

int32_t zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    return zone_span(zone, unix_s).offset_s;
}

bool zone_next_change(const struct zone *zone, int64_t after_unix_s, int64_t *at_unix_s,
                      int32_t *before_s, int32_t *after_s)
{
    struct zone_span first = zone_span(zone, after_unix_s), next = first;

    while (next.offset_s == first.offset_s) {
        if (next.to_s == INT64_MAX || next.to_s - CALENDAR_PERIOD_S > after_unix_s)
            return false;
        next = zone_span(zone, next.to_s);
    }
    *at_unix_s = next.from_s;
    *before_s = first.offset_s;
    *after_s = next.offset_s;
    return true;
}
