/* May an apply begin? The question in the run directory, and the mark that stays there.
 */
#include "worker/rundir/rundir.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"

#define FILE_MODE      0600
#define ASK_MAX_BYTES  64
#define ASK_WORD_COUNT 2

int rundir_ask(const char *dir, const struct rundir_ask *ask, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "ask");
    AUTO(auto_free)
    char *text = mem_fmt("%" PRId64 " %" PRId64 "\n", ask->serial, ask->boot_ms);

    return path_write_atomic(path, text, strlen(text), FILE_MODE, err);
}

bool rundir_read_ask(const char *dir, struct rundir_ask *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ASK_MAX_BYTES);
    AUTO(auto_free) char *line = NULL;
    struct rundir_ask ask;
    size_t count;
    char **words;
    bool read;

    if (file_get_plain(dir, "ask", &text) <= 0)
        return false;
    line = mem_dup_n(buf_text(&text), strcspn(buf_text(&text), "\n"));
    words = parse_list(line, ' ', &count);
    read = count == ASK_WORD_COUNT &&
           parse_int64(words[0], 1, INT64_MAX, &ask.serial) == 0 &&
           parse_int64(words[1], 0, INT64_MAX, &ask.boot_ms) == 0;
    parse_list_free(words, count);
    if (read)
        *out = ask;
    return read;
}

/* Written anew each time: one that is there may not have reached the disk. */
int rundir_set_marked(const char *dir, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "marked");

    return path_write_atomic(path, "", 0, FILE_MODE, err);
}

bool rundir_is_marked(const char *dir)
{
    AUTO(auto_free) char *path = path_join(dir, "marked");

    return path_exists(path);
}
