/* The modules that init has installed, from TF_DATA_DIR/modules/modules.json. */
#ifndef KEDGE_WORKER_TERRAFORM_MODULE_LIST_H
#define KEDGE_WORKER_TERRAFORM_MODULE_LIST_H

#include <stdbool.h>

#include "worker/process/strings.h"

/* Adds the directories of local modules, relative to `cwd`, to `dirs`. False when some
 * module may be another one next time: a remote one that names neither version nor
 * commit, a local one outside `top`, or a list that cannot be read. */
bool module_list_read(const char *data_dir, const char *top, const char *cwd,
                      struct strings *dirs);

/* Adds the directories of local modules alone. False: the list cannot be read. */
bool module_list_local(const char *data_dir, struct strings *dirs);

#endif
