/* Starting this very program again: as the runner of a run, or to free disk space.
 *
 * It is started from a descriptor opened at start, so that an upgrade under a running
 * worker does not mix versions; in a session of its own, so that it outlives us; without
 * our secrets. Fork from the main thread only. */
#ifndef KEDGE_WORKER_PROCESS_SPAWN_H
#define KEDGE_WORKER_PROCESS_SPAWN_H

#include <sys/types.h>

#include "common/base/err.h"

/* The names that KEDGE_REDIS_URL_FILE and KEDGE_REDIS_KEY have for a runner, which does
 * not read them. */
#define SPAWN_HIDDEN_FILE "REDIS_URL_FILE"
#define SPAWN_HIDDEN_KEY  "REDIS_KEY"

/* `environ_list` less the settings that say where Redis is. The caller frees the list,
 * not its strings, which stay those of environ_list. */
char **spawn_environment(char **environ_list);
/* Runs it with default signals, /dev/null as standard input and our standard output and
 * error. Returns when it has been exec'ed: its process id, which the caller waits for;
 * or -1: ERR_TEMP no process or memory, ERR_PERM the exec failed (errno's text). */
pid_t spawn_self(int self_fd, char *const *argv, char *const *envp, struct err *err);

#endif
