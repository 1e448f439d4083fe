/* Redis' state of the queue as text: what model_print and model_print_run write of the
 * model. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_PRINT_H
#define KEDGE_TESTS_SUPPORT_QUEUE_PRINT_H

#include "tests/support/queue_fixture.h"
#include "tests/support/queue_model.h"

/* Target n is "t<n>" and scope "s<n>", fingerprint n "f<n>", project n "p<n>", run n
 * "r%06d". Appends the state and a line for each of the runs. */
void queue_print(struct queue_fixture *fixture, const int *runs, size_t count,
                 struct buf *out);

#endif
