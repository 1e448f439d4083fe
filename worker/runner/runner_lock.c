/* The lock that an apply has left on the state: who must remove it needs its id, and
 * terraform says that only to the next one who wants the state. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "worker/runner/runner_parts.h"

#define LOOK_MS 20000

/* What terraform says about it goes nowhere else: not to the run's outputs. */
static void ask_terraform(struct runner *r, struct words_lock *lock)
{
    AUTO(capture_done) struct capture said = {0};
    AUTO(buf_done)
    struct buf text = BUF_INIT(RUNNER_OUTPUT_BYTES + CAPTURE_MARK_BYTES);
    struct child_result result;
    struct err err;

    capture_init(&said, RUNNER_OUTPUT_BYTES / 2, RUNNER_OUTPUT_BYTES / 2);
    runner_log_swap(&r->log, &said);
    r->looking = true;
    if (terraform_try_lock(r->terraform, clock_mono_ms() + LOOK_MS, &result, &err) == 0) {
        runner_log_flush(&r->log);
        capture_text(&r->log.output, &text);
        (void)words_state_locked(buf_text(&text), lock);
    }
    r->looking = false;
    runner_log_swap(&r->log, &said);
}

int runner_lock_left(struct runner *r)
{
    struct words_lock lock = {.id = ""};
    AUTO(auto_free) char *message = NULL;

    runner_log_line(&r->log, "Has terraform left the state locked?");
    ask_terraform(r, &lock);
    if (lock.id[0] == '\0')
        return -1;
    r->state_lock = lock;
    message = mem_fmt("%s The state is locked: lock %s, of %s. When you have looked, "
                      "remove it with terraform force-unlock.",
                      r->outcome.error_message, lock.id,
                      lock.created[0] != '\0' ? lock.created : "an unknown time");
    return runner_fail(r, r->outcome.error, "%s", message);
}
