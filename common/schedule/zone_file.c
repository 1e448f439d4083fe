/* TZif files (RFC 8536) as tables of changes.
 *
 *     header, 32-bit block                    version 1
 *     header, 32-bit block, header, 64-bit block, "\n" rule "\n"    later ones
 *
 * Abbreviations, and whether a time counts as daylight saving, are of no use here. */
#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/zone_internal.h"

#define HEADER_BYTES    44
#define COUNTS_AT       20 /* after magic, version and 15 unused bytes */
#define TYPE_BYTES      6
#define RULE_BYTES_MAX  128
#define TIME_MAX_S      (INT64_C(1) << 60) /* of a listed change; -2^59 occurs */
#define FIRST_RULE_YEAR 1970
#define LAST_RULE_YEAR  9999 /* in which a rule may begin to hold */
#define YEARS_GENERATED (CALENDAR_YEARS + 5)

struct bytes {
    const unsigned char *at;
    size_t left;
};

struct header {
    unsigned char version; /* '\0' or a digit */
    size_t utc_flags, standard_flags, leaps, times, types, letters;
};

static int broken(struct err *err)
{
    return err_set(err, ERR_PERM, "its file is broken");
}

/* NULL: there are not that many. */
static const unsigned char *take(struct bytes *bytes, size_t len)
{
    const unsigned char *start = bytes->at;

    if (len > bytes->left)
        return NULL;
    bytes->at += len;
    bytes->left -= len;
    return start;
}

static uint64_t big_endian(const unsigned char *bytes, size_t width)
{
    uint64_t number = 0;

    for (size_t i = 0; i < width; i++)
        number = number << 8 | bytes[i];
    return number;
}

static int64_t read_time(const unsigned char *bytes, size_t width)
{
    return width == 4 ? (int32_t)(uint32_t)big_endian(bytes, 4)
                      : (int64_t)big_endian(bytes, 8);
}

static int take_header(struct bytes *bytes, struct header *out, struct err *err)
{
    const unsigned char *start = take(bytes, HEADER_BYTES);
    size_t counts[6];

    if (start == NULL || memcmp(start, "TZif", 4) != 0)
        return broken(err);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        counts[i] = big_endian(start + COUNTS_AT + 4 * i, 4);
    *out = (struct header){start[4],  counts[0], counts[1], counts[2],
                           counts[3], counts[4], counts[5]};
    return 0;
}

static size_t block_bytes(const struct header *header, size_t width)
{
    return header->times * (width + 1) + header->types * TYPE_BYTES + header->letters +
           header->leaps * (width + 4) + header->standard_flags + header->utc_flags;
}

/* ---- the table ---- */

/* A change to the offset that is there already is none. At equal times the later wins. */
static void append(struct zone *zone, struct zone_change change)
{
    if (zone->count > 0 && zone->changes[zone->count - 1].at_s == change.at_s)
        zone->count--;
    if (change.offset_s == (zone->count > 0 ? zone->changes[zone->count - 1].offset_s
                                            : zone->first_offset_s))
        return;
    zone->changes[zone->count++] = change;
}

static int read_offset(const unsigned char *types, size_t index, int32_t *out)
{
    int64_t offset_s = read_time(types + index * TYPE_BYTES, 4);

    if (offset_s < ZONE_OFFSET_MIN_S || offset_s > ZONE_OFFSET_MAX_S)
        return -1;
    *out = (int32_t)offset_s;
    return 0;
}

static int read_changes(const struct header *header, const unsigned char *block,
                        size_t width, struct zone *zone, struct err *err)
{
    const unsigned char *indexes = block + header->times * width;
    const unsigned char *types = indexes + header->times;
    int64_t last_s = INT64_MIN;

    if (read_offset(types, 0, &zone->first_offset_s) < 0)
        return broken(err);
    for (size_t i = 0; i < header->times; i++) {
        struct zone_change change = {.at_s = read_time(block + i * width, width)};

        if (indexes[i] >= header->types || change.at_s <= last_s ||
            change.at_s < -TIME_MAX_S || change.at_s > TIME_MAX_S ||
            read_offset(types, indexes[i], &change.offset_s) < 0)
            return broken(err);
        append(zone, change);
        last_s = change.at_s;
    }
    return 0;
}

static int read_block(struct bytes *bytes, const struct header *header, size_t width,
                      struct zone *zone, struct err *err)
{
    const unsigned char *block = take(bytes, block_bytes(header, width));

    if (block == NULL || header->types == 0)
        return broken(err);
    if (header->leaps > 0)
        return err_set(err, ERR_INPUT, "its file counts leap seconds");
    zone->changes =
        mem_new(header->times + 2 * (size_t)YEARS_GENERATED, sizeof *zone->changes);
    return read_changes(header, block, width, zone, err);
}

/* ---- the years after the table ---- */

/* A change late in one year may come after one early in the next. Few are out of order.
 */
static void sort_changes(struct zone_change *changes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct zone_change moving = changes[i];
        size_t at = i;

        for (; at > 0 && changes[at - 1].at_s > moving.at_s; at--)
            changes[at] = changes[at - 1];
        changes[at] = moving;
    }
}

/* Changes of the first period stand for all later ones. A rule of daylight saving all
 * year has none: what ends its last year here ends nothing. */
static void repeat_from(struct zone *zone, int64_t from_s)
{
    size_t before = 0;

    while (before < zone->count && zone->changes[before].at_s < from_s)
        before++;
    if (before < zone->count && zone->changes[before].at_s < from_s + CALENDAR_PERIOD_S)
        zone->repeats_from_s = from_s;
    else
        zone->count = before;
}

/* `last_s`: of the last change that the file lists; the rule holds after it. */
static int apply_rule(const struct zone_rule *rule, int64_t last_s, struct zone *zone,
                      struct err *err)
{
    struct zone_change made[2 * YEARS_GENERATED];
    struct civil last;

    civil_from_seconds(last_s, &last);
    if (last.year > LAST_RULE_YEAR)
        return broken(err);
    if (last.year < FIRST_RULE_YEAR)
        last.year = FIRST_RULE_YEAR;
    for (size_t i = 0; i < YEARS_GENERATED; i++)
        zone_rule_changes(rule, last.year - 1 + (int64_t)i, made + 2 * i);
    sort_changes(made, ARRAY_LEN(made));
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        if (made[i].at_s > last_s)
            append(zone, made[i]);
    }
    last.year += 2;
    repeat_from(zone, civil_seconds(&(struct civil){last.year, 1, 1, 0, 0, 0}));
    return 0;
}

static int read_rule(struct bytes *bytes, int64_t last_s, struct zone *zone,
                     struct err *err)
{
    AUTO(auto_free) char *text = NULL;
    const unsigned char *newline;
    struct zone_rule rule;

    if (bytes->left < 2 || bytes->at[0] != '\n')
        return broken(err);
    newline = memchr(bytes->at + 1, '\n', bytes->left - 1);
    if (newline == NULL || newline - bytes->at > RULE_BYTES_MAX)
        return broken(err);
    text = mem_dup_n((const char *)bytes->at + 1, (size_t)(newline - bytes->at) - 1);
    if (*text == '\0')
        return 0; /* the last offset of the table stays */
    if (zone_rule_parse(text, &rule, err) < 0)
        return -1;
    return rule.has_daylight ? apply_rule(&rule, last_s, zone, err) : 0;
}

/* Of the file's own table, whether it changed the offset or not. */
static int64_t last_time(const struct header *header, const unsigned char *block,
                         size_t width)
{
    return header->times > 0 ? read_time(block + (header->times - 1) * width, width)
                             : -TIME_MAX_S;
}

static int parse_into(struct bytes bytes, struct zone *zone, struct err *err)
{
    const unsigned char *block;
    struct header header = {0};
    bool is_first_version;

    if (take_header(&bytes, &header, err) < 0)
        return -1;
    is_first_version = header.version == '\0';
    if (is_first_version)
        return read_block(&bytes, &header, 4, zone, err);
    if (take(&bytes, block_bytes(&header, 4)) == NULL ||
        take_header(&bytes, &header, err) < 0)
        return broken(err);
    block = bytes.at;
    if (read_block(&bytes, &header, 8, zone, err) < 0)
        return -1;
    return read_rule(&bytes, last_time(&header, block, 8), zone, err);
}

static void release_zone(struct zone **zone)
{
    zone_free(*zone);
}

int zone_parse(const char *name, const void *bytes, size_t len, struct zone **out,
               struct err *err)
{
    AUTO(release_zone) struct zone *zone = mem_new(1, sizeof *zone);

    memcpy(zone->name, name, strnlen(name, ZONE_NAME_MAX));
    zone->repeats_from_s = INT64_MAX;
    if (len < 4 || memcmp(bytes, "TZif", 4) != 0)
        return err_set(err, ERR_INPUT, "its file is not of the format TZif");
    if (parse_into((struct bytes){bytes, len}, zone, err) < 0)
        return -1;
    zone->changes =
        mem_grow(zone->changes, zone->count > 0 ? zone->count : 1, sizeof *zone->changes);
    *out = TAKE(zone);
    return 0;
}
