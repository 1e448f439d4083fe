/* What SIGHUP has the api read again: the files of secrets, the tokens file, the
 * certificate and its key, time zones. Each by itself: one that is not right stays as it
 * was, and the log says why. docs/OPERATIONS.md has the list. */
#ifndef KEDGE_API_RELOAD_H
#define KEDGE_API_RELOAD_H

#include "common/base/err.h"

struct api;

/* At start: the tokens. ERR_INPUT: the file is not right, and it is logged why. */
int reload_first(struct api *api, struct err *err);
void reload_all(struct api *api);

#endif
