/* TZif: header, block; header, block, rule. */
#include "tests/support/tzif.h"

static void number(uint64_t value, int width, struct buf *out)
{
    while (width-- > 0)
        buf_char(out, (char)(value >> (8 * width) & 0xff));
}

static void header(char version, size_t leaps, size_t times, size_t types,
                   struct buf *out)
{
    buf_append(out, "TZif", 4);
    buf_char(out, version);
    for (int i = 0; i < 15; i++)
        buf_char(out, '\0');
    number(0, 4, out); /* flags of UTC and of standard time */
    number(0, 4, out);
    number(leaps, 4, out);
    number(times, 4, out);
    number(types, 4, out);
    number(4, 4, out); /* bytes of abbreviations */
}

static void block(const struct tzif *file, int width, struct buf *out)
{
    for (size_t i = 0; i < file->time_count; i++)
        number((uint64_t)file->times[i], width, out);
    buf_append(out, file->types, file->time_count);
    for (size_t i = 0; i < file->type_count; i++) {
        number((uint64_t)(int64_t)file->offsets[i], 4, out);
        number(0, 2, out); /* daylight saving; which abbreviation */
    }
    buf_append(out, "ABC\0", 4);
    for (size_t i = 0; i < file->leap_seconds; i++) {
        number(0, width, out);
        number(0, 4, out);
    }
}

void tzif_write(const struct tzif *file, struct buf *out)
{
    static const struct tzif empty = {.type_count = 1};

    if (file->version == '\0') {
        header('\0', file->leap_seconds, file->time_count, file->type_count, out);
        block(file, 4, out);
        return;
    }
    header(file->version, 0, 0, 1, out);
    block(&empty, 4, out);
    header(file->version, file->leap_seconds, file->time_count, file->type_count, out);
    block(file, 8, out);
    buf_char(out, '\n');
    buf_str(out, file->rule != NULL ? file->rule : "");
    buf_char(out, '\n');
}
