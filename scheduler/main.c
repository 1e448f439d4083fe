/* kedge-scheduler: everything that time triggers. */
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "scheduler/loop.h"

int main(int argc, char **argv)
{
    AUTO(conf_done) struct conf conf = {0};
    int status = conf_start(&conf, PROGRAM_SCHEDULER, argc, argv);

    return status >= 0 ? status : loop_main(&conf);
}
