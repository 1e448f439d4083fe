/* Running a program: the one place that forks for an exec.
 *
 * Absolute path, argv only (no shell ever), its own process group, default signals and
 * mask, exactly the listed environment, no inherited descriptors but those named, a
 * failed exec reported with errno over a close-on-exec pipe, a deadline, the stop ladder,
 * always reaped, and its orphans too: when the program ends, whatever is left of its
 * group is killed, and so is every other child of the caller, which is a subreaper
 * (PR_SET_CHILD_SUBREAPER), has no children besides, and has descriptors 0 to 2 open.
 * Single-threaded callers only: PDEATHSIG fires when the forking thread ends.
 *
 * Its output comes through a pipe, or (output_file) goes into a file that is read as it
 * grows: a program that must outlive its parent never meets a closed pipe.
 *
 * The ladder: SIGINT to the program alone (not its group, so that terraform stops its
 * providers itself); after `grace` a second one; after another SIGKILL to the group. A
 * gentle one (an apply: a second SIGINT can lose what it has just made) stops after its
 * first step, unless the stop is forced, and then goes on with the second. */
#ifndef KEDGE_WORKER_PROCESS_CHILD_H
#define KEDGE_WORKER_PROCESS_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "worker/process/sandbox.h"

struct child_spec {
    const char *path;  /* absolute */
    char *const *argv; /* NULL-terminated, argv[0] included */
    char *const *envp; /* NULL-terminated; exactly this */
    const char *cwd;
    const struct sandbox *sandbox; /* NULL: none */
    int keep_fd; /* inherited under its own number (the run's lock); -1: none */
    int64_t deadline_mono_ms; /* then the ladder, with timed_out; 0: none */
    int64_t grace_ms;
    int64_t forced_grace_ms; /* a forced stop, too, begins with a SIGINT and leaves it so
                                much time after it; 0: none. Not of a gentle one */
    int64_t
        memory_bytes; /* RLIMIT_DATA of each of its processes; 0: no other than ours */
    bool die_with_parent; /* SIGINT when the runner dies; false for an apply */
    bool keep_output;     /* inherits the reading end of its own output, too: what it says
                             then does not end it before it has tidied up */
    bool gentle;          /* see the ladder */
    const char *output_file; /* absolute; made anew, 0600; stdout and stderr go there and
                                `output` gets what is in it, of which no more than some
                                MiB stay on the disk. NULL: a pipe */
    /* Called with each piece of stdout and stderr (one pipe), as it comes. */
    void (*output)(void *arg, const char *bytes, size_t len);
    /* Not NULL: stderr has a pipe of its own and comes here instead. */
    void (*errors)(void *arg, const char *bytes, size_t len);
    /* Called at least every 100 ms: 0 go on; 1 stop asked (ladder from its first step);
     * 2 forced (straight to SIGKILL of the group, but for forced_grace_ms). NULL: never.
     */
    int (*stop_wanted)(void *arg);
    int poll_fd; /* stop_wanted is called as soon as it is readable, and empties it; -1 */
    void *arg;
};
enum child_end { CHILD_EXITED, CHILD_SIGNALED };
struct child_result {
    enum child_end end;
    int code;       /* exit status, or the signal */
    bool timed_out; /* the deadline started the ladder */
    bool stopped;   /* stop_wanted did */
    int64_t elapsed_ms;
    int64_t peak_rss_bytes; /* of the largest process of the tree that was reaped */
};
/* Runs it to its end. ERR_PERM: could not be started (errno's text); ERR_TEMP: no process
 * or memory. */
int child_run(const struct child_spec *spec, struct child_result *out, struct err *err);

#endif
