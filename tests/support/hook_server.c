/* A receiver of hooks, as a process. */
#include "tests/support/hook_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

void hook_server_start(struct hook_server *server)
{
    static const char *const argv[] = {"tests/support/hook_receiver.py", NULL};

    script_server_start(&server->script, argv);
}

void hook_server_stop(struct hook_server *server)
{
    script_server_stop(&server->script);
}

char *hook_server_url(const struct hook_server *server, const char *path)
{
    return script_server_url(&server->script, path);
}

cJSON *hook_server_log(const struct hook_server *server)
{
    AUTO(auto_free) char *text = script_server_ask(&server->script, "/_log", NULL);
    cJSON *log = cJSON_Parse(text);

    assert_true(cJSON_IsArray(log));
    return log;
}

int64_t hook_server_peak(const struct hook_server *server)
{
    AUTO(auto_free) char *text = script_server_ask(&server->script, "/_peak", NULL);
    int64_t peak = -1;

    assert_int_equal(parse_int64(text, 0, INT64_MAX, &peak), 0);
    return peak;
}
