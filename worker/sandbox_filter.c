/* The system call filter of the sandbox: what Landlock does not refuse.
 *
 * A group is the one thing that a kill ends as a whole, however fast its members fork; so
 * no process leaves the group that its program was started in. And prlimit(2) of another
 * process kills as well as a signal does. Source: the kernel's seccomp_filter. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/mem.h"
#include "worker/sandbox.h"

/* Programs of the machine's 32-bit sibling run too, with its numbers. */
#if defined(__x86_64__)
#define ARCH          AUDIT_ARCH_X86_64
#define ARCH_32       AUDIT_ARCH_I386
#define SETPGID_32    57
#define SETSID_32     66
#define PRLIMIT_32    340
#define NUMBER_MASK   0xbfffffffU /* without the bit of x32 */
#elif defined(__aarch64__)
#define ARCH          AUDIT_ARCH_AARCH64
#define ARCH_32       AUDIT_ARCH_ARM
#define SETPGID_32    57
#define SETSID_32     66
#define PRLIMIT_32    369
#define NUMBER_MASK   0xffffffffU
#endif

#ifdef ARCH
#define LOAD(member)                                                                     \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define JUMP_IF(value, then, otherwise)                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define END(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* The low half of the first argument, a pid_t. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOAD_PID LOAD(args[0])
#else
#define LOAD_PID                                                                         \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4)
#endif

/* setsid and setpgid say that they worked: who daemonizes goes on, in the group. */
static struct sock_filter steps[] = {
    LOAD(arch),
    JUMP_IF(ARCH, 2, 0),
    JUMP_IF(ARCH_32, 6, 0),
    END(SECCOMP_RET_ERRNO | ENOSYS),
    LOAD(nr),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, NUMBER_MASK),
    JUMP_IF(SYS_setsid, 9, 0),
    JUMP_IF(SYS_setpgid, 8, 0),
    JUMP_IF(SYS_prlimit64, 4, 6),
    LOAD(nr),
    JUMP_IF(SETSID_32, 5, 0),
    JUMP_IF(SETPGID_32, 4, 0),
    JUMP_IF(PRLIMIT_32, 0, 2),
    LOAD_PID,
    JUMP_IF(0, 0, 2),
    END(SECCOMP_RET_ALLOW),
    END(SECCOMP_RET_ERRNO | 0),
    END(SECCOMP_RET_ERRNO | EPERM),
};
#endif

/* A kernel built without filters, and a machine whose numbers are not listed, do without.
 */
int sandbox_filter(void)
{
#ifdef ARCH
    const struct sock_fprog program = {.len = ARRAY_LEN(steps), .filter = steps};

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 && errno != EINVAL)
        return errno;
#endif
    return 0;
}
