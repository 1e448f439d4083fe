/* The journal: taking w<n>, its id, and the marks on run directories. */
#include "worker/supervisor/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"

#define DIR_MODE  0700
#define FILE_MODE 0600

/* As much as a pipe holds, so that nobody keeps us here by writing on. */
#define POKE_BYTES 4096
#define POKE_READS 16

static const char *const parts[] = {"runs", "work", "trash"};

/* What an acknowledged run needs no more: the parts of its result stay. */
static const char *const dropped[] = {
    "in", "out", "sealed", "log", "apply.log", "ctl", "ask", "started", "lock",
};
/* What an orphan's directory does not keep: variables, credentials, the plan, and what
 * terraform said before anything was masked. */
static const char *const secrets[] = {"in", "out", "sealed", "apply.log"};

/* The lock's descriptor; -1 with err->kind ERR_LOST when another worker holds it. */
static int take(const char *dir, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "lock");
    int fd;

    if (path_mkdirs(dir, DIR_MODE, err) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return err_sys(err, ERR_PERM, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        enum err_kind kind = errno == EWOULDBLOCK ? ERR_LOST : ERR_PERM;
        int saved = errno;

        close(fd);
        return err_sys(err, kind, saved, "%s", path);
    }
    return fd;
}

static int take_first_free(struct journal *journal, const char *data_dir, struct err *err)
{
    for (int n = 0; n < JOURNAL_WORKERS_MAX; n++) {
        AUTO(auto_free) char *dir = mem_fmt("%s/w%d", data_dir, n);

        journal->lock_fd = take(dir, err);
        if (journal->lock_fd >= 0) {
            journal->dir = TAKE(dir);
            return 0;
        }
        if (err->kind != ERR_LOST)
            return -1;
    }
    return err_set(err, ERR_PERM, "all of %s/w0 to w%d are taken", data_dir,
                   JOURNAL_WORKERS_MAX - 1);
}

/* Reads the id, or makes one where there is none that can be used. */
static int load_id(struct journal *journal, struct err *err)
{
    AUTO(auto_free) char *path = path_join(journal->dir, "id");
    AUTO(buf_done) struct buf text = BUF_INIT(SIGN_UUID_BYTES);

    if (path_read(path, &text, err) == 0) {
        AUTO(auto_free)
        char *id = mem_dup_n(buf_text(&text), strcspn(buf_text(&text), "\n"));

        if (parse_is_uuid(id)) {
            memcpy(journal->id, id, SIGN_UUID_BYTES);
            return 0;
        }
    }
    sign_uuid4(journal->id);
    buf_reset(&text);
    buf_fmt(&text, "%s\n", journal->id);
    return path_write_atomic(path, buf_text(&text), text.len, FILE_MODE, err);
}

/* Open for writing too: so there is always a writer, and never an end of file. */
static int open_poke(struct journal *journal, struct err *err)
{
    AUTO(auto_free) char *path = path_join(journal->dir, "poke");

    if (mkfifo(path, FILE_MODE) < 0 && errno != EEXIST)
        return err_sys(err, ERR_PERM, errno, "make %s", path);
    journal->poke_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (journal->poke_fd < 0)
        return err_sys(err, ERR_PERM, errno, "open %s", path);
    return 0;
}

static int make_parts(const struct journal *journal, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        AUTO(auto_free) char *dir = path_join(journal->dir, parts[i]);

        if (path_mkdirs(dir, DIR_MODE, err) < 0)
            return -1;
    }
    return 0;
}

int journal_open(struct journal *journal, const char *data_dir, struct err *err)
{
    AUTO(auto_free) char *absolute = NULL;

    *journal = JOURNAL_INIT;
    if (path_mkdirs(data_dir, DIR_MODE, err) < 0)
        return err_wrap(err, "KEDGE_DATA_DIR");
    absolute = realpath(data_dir, NULL);
    if (!absolute)
        return err_sys(err, ERR_PERM, errno, "KEDGE_DATA_DIR %s", data_dir);
    if (take_first_free(journal, absolute, err) < 0 || load_id(journal, err) < 0 ||
        make_parts(journal, err) < 0 || open_poke(journal, err) < 0) {
        journal_close(journal);
        return -1;
    }
    return 0;
}

void journal_close(struct journal *journal)
{
    auto_close(&journal->lock_fd);
    auto_close(&journal->poke_fd);
    free(journal->dir);
    *journal = JOURNAL_INIT;
}

int journal_lock_targets(const char *worker_dir)
{
    AUTO(auto_free) char *path = path_join(worker_dir, "targets.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);

    if (fd >= 0)
        flock(fd, LOCK_EX);
    return fd;
}

char *journal_run_dir(const struct journal *journal, const char *run_id)
{
    return mem_fmt("%s/runs/%s", journal->dir, run_id);
}

char *journal_work_dir(const struct journal *journal, const char *target)
{
    return mem_fmt("%s/work/%s", journal->dir, target);
}

static void auto_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

char **journal_runs(const struct journal *journal, size_t *count)
{
    AUTO(auto_free) char *path = path_join(journal->dir, "runs");
    AUTO(auto_dir) DIR *dir = opendir(path);
    const struct dirent *entry;
    char **list = NULL;
    size_t cap = 0;

    *count = 0;
    while (dir && (entry = readdir(dir))) {
        if (!parse_is_uuid(entry->d_name))
            continue;
        if (*count == cap) {
            cap = cap ? cap * 2 : 16;
            list = mem_grow(list, cap, sizeof *list);
        }
        list[(*count)++] = mem_dup(entry->d_name);
    }
    return list;
}

/* Makes the empty file `name`, and removes the files `list` besides. */
static int settle(const char *run_dir, const char *name, const char *const *list,
                  size_t count, struct err *err)
{
    AUTO(auto_free) char *mark = path_join(run_dir, name);
    AUTO(auto_close) int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
    struct err ignored;

    if (fd < 0)
        return err_sys(err, errno == ENOSPC ? ERR_TEMP : ERR_PERM, errno, "%s", mark);
    for (size_t i = 0; i < count; i++) {
        AUTO(auto_free) char *path = path_join(run_dir, list[i]);

        path_remove_tree(path, &ignored);
    }
    return 0;
}

/* Milliseconds since the file was made; -1: it is not there. */
static int64_t age_of(const char *run_dir, const char *name)
{
    AUTO(auto_free) char *mark = path_join(run_dir, name);
    struct stat info;
    int64_t age_ms;

    if (stat(mark, &info) < 0)
        return -1;
    age_ms = clock_wall_ms() -
             ((int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000);
    return age_ms > 0 ? age_ms : 0;
}

int journal_acknowledge(const char *run_dir, struct err *err)
{
    return settle(run_dir, "done", dropped, ARRAY_LEN(dropped), err);
}

int64_t journal_acknowledged_ms(const char *run_dir)
{
    return age_of(run_dir, "done");
}

int journal_set_orphaned(const char *run_dir, struct err *err)
{
    return settle(run_dir, "orphaned", secrets, ARRAY_LEN(secrets), err);
}

bool journal_is_settled(const char *run_dir)
{
    return age_of(run_dir, "done") >= 0 || age_of(run_dir, "orphaned") >= 0;
}

size_t journal_expire(const struct journal *journal)
{
    size_t count, removed = 0;
    char **runs = journal_runs(journal, &count);

    for (size_t i = 0; i < count; i++) {
        AUTO(auto_free) char *dir = journal_run_dir(journal, runs[i]);
        bool over = age_of(dir, "done") >= JOURNAL_KEEP_MS ||
                    age_of(dir, "orphaned") >= JOURNAL_ORPHAN_MS;
        struct err err;

        if (over && path_remove_tree(dir, &err) == 0)
            removed++;
    }
    parse_list_free(runs, count);
    return removed;
}

bool journal_poked(const struct journal *journal)
{
    char bytes[POKE_BYTES];
    bool poked = false;

    for (int i = 0; i < POKE_READS && read(journal->poke_fd, bytes, sizeof bytes) > 0;
         i++)
        poked = true;
    return poked;
}

int journal_trash(const struct journal *journal, const char *dir, struct err *err)
{
    char nonce[SIGN_ID_BYTES];
    AUTO(auto_free) char *grave = NULL;
    int errnum;

    sign_nonce(nonce);
    grave = mem_fmt("%s/trash/%s", journal->dir, nonce);
    if (rename(dir, grave) == 0)
        return 0;
    errnum = errno;
    if (errnum == ENOENT && !path_exists(dir))
        return 0;
    return err_sys(err, ERR_PERM, errnum, "rename %s", dir);
}
