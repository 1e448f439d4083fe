/* The sandbox: Landlock rules for every child of a runner, no_new_privs, and a filter of
 * system calls.
 *
 * Rules name what may be read (and executed) and what may be written; everything else in
 * the file system is refused, /proc of others above all. From ABI 6 on, signals and
 * abstract sockets outside the sandbox are out of reach too. Not restricted: network,
 * sockets that have a path, and chmod, chown and times of a path that can be guessed.
 * The rules are made before the fork; sandbox_enter is async-signal-safe. Source: the
 * kernel's landlock(7). */
#ifndef KEDGE_WORKER_PROCESS_SANDBOX_H
#define KEDGE_WORKER_PROCESS_SANDBOX_H

#include <stdint.h>

#include "common/base/err.h"

struct sandbox {
    int ruleset_fd;   /* -1: no sandbox, only no_new_privs */
    uint64_t handled; /* rights of the kernel's ABI that the ruleset takes away */
};
#define SANDBOX_INIT ((struct sandbox){.ruleset_fd = -1})

/* The kernel's Landlock ABI; 0 where there is none. */
int sandbox_abi(void);
/* An empty ruleset (everything refused). ERR_PERM where the kernel has none. */
int sandbox_init(struct sandbox *sandbox, struct err *err);
void sandbox_done(struct sandbox *sandbox);
/* A file or a tree; a path that does not exist is left out. */
int sandbox_allow_read(struct sandbox *sandbox, const char *path, struct err *err);
/* As sandbox_allow_read, without what `hidden` (NULL-terminated, absolute) names in that
 * tree. Landlock cannot take away from a tree that was given: the directories above a
 * hidden path are given entry by entry, and can then not be listed. */
int sandbox_allow_read_around(struct sandbox *sandbox, const char *path,
                              const char *const *hidden, struct err *err);
int sandbox_allow_write(struct sandbox *sandbox, const char *path, struct err *err);
/* What every program needs: /dev/null, zero, random, urandom, full, tty; the target of
 * /etc/resolv.conf. */
int sandbox_allow_basics(struct sandbox *sandbox, struct err *err);
/* In the child, after fork. 0 or errno. */
int sandbox_enter(const struct sandbox *sandbox);
/* The part of it that needs no Landlock: from now on no process leaves its group, nor
 * sets the limits of another. 0 or errno. */
int sandbox_filter(void);

#endif
