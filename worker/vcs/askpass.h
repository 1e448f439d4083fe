/* Askpass: how git, called by terraform init for a private module, gets a token.
 *
 * A shell script that knows which question of git's belongs to which configured host, and
 * answers from variables that only init sees. Questions are compared as a whole, with the
 * user name that the script gave itself: no other host, and no name that looks like one,
 * gets a token. Source: gitcredentials(7). */
#ifndef KEDGE_WORKER_VCS_ASKPASS_H
#define KEDGE_WORKER_VCS_ASKPASS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "worker/process/strings.h"

/* Appends the script, and to `env` the variables it reads. Nothing where no host has a
 * token. */
void askpass_make(const struct conf *conf, struct buf *script, struct strings *env);

#endif
