/* What the worker itself was started with, besides its settings: what a library or a
 * program below it goes by, like a proxy. */
#ifndef KEDGE_WORKER_PROCESS_OWN_VARIABLE_H
#define KEDGE_WORKER_PROCESS_OWN_VARIABLE_H

/* Borrowed; NULL: not set. */
const char *own_variable(const char *name);

#endif
