/* kedge-scheduler: everything that time triggers. */
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/net/health_ask.h"
#include "scheduler/loop.h"

int main(int argc, char **argv)
{
    AUTO(conf_done) struct conf conf = {0};
    int status = conf_start(&conf, PROGRAM_SCHEDULER, argc, argv);

    if (status >= 0)
        return status;
    return conf.ask_health ? health_ask(&conf, PROGRAM_SCHEDULER) : loop_main(&conf);
}
