/* A server that answers by rules: a child with an accept loop. */
#include "tests/support/redis_fake.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"

#define HITS_BYTES 4096

static const struct redis_fake_rule common_rules[] = {
    {.command = "INFO", .reply = "$13\r\nrun_id:fake\r\n\r\n"},
    {.command = NULL, .reply = "+OK\r\n"},
};

static const struct redis_fake_rule *find_rule(const struct redis_fake *fake,
                                               const char *command)
{
    const struct redis_fake_rule *rule;

    for (size_t i = 0; (rule = &fake->rules[i])->command != NULL; i++) {
        if (strcmp(rule->command, command) != 0 ||
            (rule->times > 0 && fake->hits[i] >= rule->times))
            continue;
        fake->hits[i]++;
        return rule;
    }
    for (rule = common_rules; rule->command != NULL; rule++) {
        if (strcmp(rule->command, command) == 0)
            break;
    }
    return rule;
}

/* Returns false when the connection is over. */
static bool answer(const struct redis_fake *fake, int fd, const redisReply *request)
{
    const struct redis_fake_rule *rule = find_rule(fake, request->element[0]->str);

    if (rule->reply != NULL &&
        send(fd, rule->reply, strlen(rule->reply), MSG_NOSIGNAL) < 0)
        return false;
    return !rule->closes;
}

static void serve(const struct redis_fake *fake, int fd)
{
    redisReader *reader = redisReaderCreate();
    char bytes[16384];
    ssize_t len;
    bool open = true;

    while (open && (len = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        void *request = NULL;

        redisReaderFeed(reader, bytes, (size_t)len);
        while (open && redisReaderGetReply(reader, &request) == 0 && request != NULL) {
            open = answer(fake, fd, request);
            freeReplyObject(request);
        }
    }
    redisReaderFree(reader);
    close(fd);
}

static void run(const struct redis_fake *fake, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (;;) {
        int fd = accept(fake->listener, NULL, NULL);

        if (fd < 0)
            _exit(1);
        serve(fake, fd);
    }
}

static void die(const char *what)
{
    perror(what);
    abort();
}

void redis_fake_start(struct redis_fake *fake, const struct redis_fake_rule *rules)
{
    static char host[] = "127.0.0.1";
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    pid_t parent = getpid();

    *fake = (struct redis_fake){.rules = rules, .address.at.host = host};
    fake->hits =
        mmap(NULL, HITS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->hits == MAP_FAILED ||
        bind(fake->listener, (const struct sockaddr *)&name, sizeof name) < 0 ||
        listen(fake->listener, SOMAXCONN) < 0 ||
        getsockname(fake->listener, (struct sockaddr *)&name, &len) < 0)
        die("redis_fake: cannot listen");
    fake->address.at.port = ntohs(name.sin_port);
    fake->pid = fork();
    if (fake->pid < 0)
        die("redis_fake: cannot fork");
    if (fake->pid == 0)
        run(fake, parent);
}

int redis_fake_hits(const struct redis_fake *fake, size_t rule)
{
    return __atomic_load_n(&fake->hits[rule], __ATOMIC_ACQUIRE);
}

void redis_fake_stop(struct redis_fake *fake)
{
    if (kill(fake->pid, SIGKILL) < 0 || waitpid(fake->pid, NULL, 0) != fake->pid)
        die("redis_fake: cannot stop it");
    close(fake->listener);
    munmap(fake->hits, HITS_BYTES);
}
