/* What the local backend leaves beside a state that it has locked: a file that says whose
 * lock that is, which stays when terraform is killed. */
#ifndef KEDGE_WORKER_TERRAFORM_STATE_LOCK_H
#define KEDGE_WORKER_TERRAFORM_STATE_LOCK_H

#include <stdbool.h>

#include "common/base/sign.h"

/* The lock's id. `tf_dir` is the TF_DATA_DIR of the last init, which names the state.
 * False: no such file is left, the backend is another, or its path is not absolute. */
bool state_lock_left(const char *tf_dir, const char *workspace, char id[SIGN_UUID_BYTES]);

#endif
