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

#include "common/base/mem.h"
#include "worker/process/sandbox.h"

/* Programs of the machine's 32-bit sibling run too, with its numbers. */
#if defined(__x86_64__)
#define ARCH        AUDIT_ARCH_X86_64
#define NUMBER_MASK 0xbfffffffU /* without the bit of x32 */
#define SETPGID_32  57
#define SETSID_32   66
#define PRLIMIT_32  340
#elif defined(__aarch64__)
#define ARCH        AUDIT_ARCH_AARCH64
#define NUMBER_MASK 0xffffffffU
#define SETPGID_32  57
#define SETSID_32   66
#define PRLIMIT_32  369
#endif

#ifdef ARCH
/* Little-endian, both: the low half of an argument comes first. */
#define LOAD(member)                                                                     \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define JUMP_IF(value, then, otherwise)                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define END(action)     BPF_STMT(BPF_RET | BPF_K, (action))
#define PRETEND(number) JUMP_IF(number, 0, 1), END(SECCOMP_RET_ERRNO | 0)
#define OWN_ONLY(number)                                                                 \
    JUMP_IF(number, 0, 3), LOAD(args[0]), JUMP_IF(0, 1, 0), END(SECCOMP_RET_ERRNO | EPERM)
#define RULES_LEN 9
#define RULES(setsid, setpgid, prlimit)                                                  \
    PRETEND(setsid), PRETEND(setpgid), OWN_ONLY(prlimit), END(SECCOMP_RET_ALLOW)

/* setsid and setpgid say that they worked: who daemonizes goes on, in the group. */
static struct sock_filter steps[] = {
    LOAD(arch),
    JUMP_IF(ARCH, 0, 2 + RULES_LEN),
    LOAD(nr),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, NUMBER_MASK),
    RULES(SYS_setsid, SYS_setpgid, SYS_prlimit64),
    LOAD(nr),
    RULES(SETSID_32, SETPGID_32, PRLIMIT_32),
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
