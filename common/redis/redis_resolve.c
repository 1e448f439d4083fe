/* The address of a host, asked for by a thread. */
#include "common/redis/redis_resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/mem.h"

#define STACK_BYTES ((size_t)1 << 20)

static atomic_int threads;

struct question {
    char *host; /* owned */
    int fd;     /* the pipe's end to write to */
};

/* Shorter than PIPE_BUF: written and read in one piece. */
struct answer {
    int code, errnum; /* of getaddrinfo; errno where code is EAI_SYSTEM */
    char address[REDIS_RESOLVED_BYTES];
};

bool redis_resolve_needed(const char *host)
{
    struct in_addr ip;

    return strchr(host, ':') == NULL && inet_pton(AF_INET, host, &ip) != 1;
}

static int ask(const char *host, int family, struct answer *answer)
{
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    answer->code = getaddrinfo(host, NULL, &hints, &found);
    answer->errnum = errno;
    if (answer->code != 0)
        return -1;
    answer->code = getnameinfo(found->ai_addr, found->ai_addrlen, answer->address,
                               sizeof answer->address, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return answer->code == 0 ? 0 : -1;
}

static void *answer_question(void *arg)
{
    struct question *question = arg;
    struct answer answer = {0};

    if (ask(question->host, AF_INET, &answer) < 0)
        ask(question->host, AF_INET6, &answer);
    /* Whoever gave up has closed the other end. */
    if (write(question->fd, &answer, sizeof answer) < 0)
        answer.errnum = errno;
    close(question->fd);
    free(question->host);
    free(question);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

/* Signals are for the thread that is already there. */
static int start_thread(struct question *question)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int result;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&thread, &attributes, answer_question, question);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result;
}

static void forget(struct question *question)
{
    close(question->fd);
    free(question->host);
    free(question);
    atomic_fetch_sub(&threads, 1);
}

int redis_resolve_begin(const char *host, struct err *err)
{
    struct question *question;
    int ends[2], result;

    if (atomic_fetch_add(&threads, 1) >= REDIS_RESOLVING_MAX) {
        atomic_fetch_sub(&threads, 1);
        return err_set(err, ERR_TEMP, "the resolver has not answered for long");
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        atomic_fetch_sub(&threads, 1);
        return err_sys(err, ERR_TEMP, errno, "cannot resolve its name");
    }
    question = mem_new(1, sizeof *question);
    *question = (struct question){.host = mem_dup(host), .fd = ends[1]};
    result = start_thread(question);
    if (result == 0)
        return ends[0];
    forget(question);
    close(ends[0]);
    return err_sys(err, ERR_TEMP, result, "cannot resolve its name");
}

int redis_resolve_read(int fd, char address[REDIS_RESOLVED_BYTES], struct err *err)
{
    struct answer answer;

    if (read(fd, &answer, sizeof answer) != (ssize_t)sizeof answer)
        return err_set(err, ERR_TEMP, "cannot resolve its name");
    if (answer.code == EAI_SYSTEM)
        return err_sys(err, ERR_TEMP, answer.errnum, "cannot resolve its name");
    if (answer.code != 0)
        return err_set(err, ERR_TEMP, "cannot resolve its name: %s",
                       gai_strerror(answer.code));
    memcpy(address, answer.address, REDIS_RESOLVED_BYTES);
    return 0;
}
