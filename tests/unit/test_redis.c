#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include "common/mem.h"
#include "common/redis.h"
#include "tests/support/redis_server.h"
int main(void)
{
    struct redis_server s;
    struct err err = {0};
    redis_server_start(&s, REDIS_SERVER_MEMORY, NULL);
    struct redis *r = redis_new(&s.address, "{k}:", NULL, 1000);
    struct redis_fitness f;
    printf("%d %s\n", redis_check(r, &f, &err), err.message);
    printf("%d %d %s %ld %s\n", f.fit, f.fatal, f.reason, f.clock_skew_ms, redis_server_id(r));
    redis_server_restart(&s);
    printf("%d %s\n", redis_check(r, &f, &err), err.message);
    struct redis_cmd cmd; struct redisReply *reply;
    redis_cmd_init(&cmd); redis_cmd_arg(&cmd, "PING");
    printf("%d %s\n", redis_call(r, &cmd, 1000, &reply, &err), err.message);
    printf("%s %ld\n", redis_reply_text(reply), redis_generation(r));
    redis_cmd_done(&cmd); redis_reply_free(&reply);
    redis_free(r);
    redis_server_stop(&s);
}
