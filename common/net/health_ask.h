/* `--health`: a program asks the one that runs with the same settings how it is, over
 * that one's own HTTP port. For the health checks of containers.
 *
 * kedge-api is asked whether it is ready, because without Redis it answers nothing else;
 * workers and schedulers whether they live, because a Redis that is away must not get a
 * worker killed in the middle of an apply. Blocks; one thread. */
#ifndef KEDGE_COMMON_NET_HEALTH_ASK_H
#define KEDGE_COMMON_NET_HEALTH_ASK_H

#include "common/base/err.h"
#include "common/conf/conf.h"

/* What is asked; the caller frees. Addresses that mean all of them become loopback.
 * ERR_INPUT, naming the setting: there is no address, or nobody can know its port. */
int health_url(const struct conf *conf, enum program program, char **url,
               struct err *err);

/* Prints one line and returns the exit status: 0 it is well, 1 it is not or does not
 * answer within 2 s, 78 (EX_CONFIG) where the settings name nobody to ask. */
int health_ask(const struct conf *conf, enum program program);

#endif
