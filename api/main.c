/* kedge-api: validates and enqueues, and shows what became of it. */
#include <malloc.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/api.h"
#include "common/base/log.h"
#include "common/net/health_ask.h"

/* Bodies of megabytes come and go: they are mapped one by one and given back, instead of
 * making holes in a heap that then stays large. */
static void tune_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

static int serve(struct conf *conf)
{
    struct api api;
    struct err err;
    int status = 0;

    if (api_open(&api, conf, &err) < 0) {
        log_error("start_failed", "reason=%s", err.message);
        status = err.kind == ERR_INPUT ? EX_CONFIG : EX_UNAVAILABLE;
    } else {
        api_run(&api);
        log_info("stopped", "");
    }
    api_close(&api);
    return status;
}

int main(int argc, char **argv)
{
    struct conf conf = {0};
    int status;

    tune_memory();
    status = conf_start(&conf, PROGRAM_API, argc, argv);
    if (status < 0)
        status = conf.ask_health ? health_ask(&conf, PROGRAM_API) : serve(&conf);
    conf_done(&conf);
    return status;
}
