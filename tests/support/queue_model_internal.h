/* What the files of the model share. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_MODEL_INTERNAL_H
#define KEDGE_TESTS_SUPPORT_QUEUE_MODEL_INTERNAL_H

#include "tests/support/queue_model.h"

/* Of that project, or in all (MODEL_NONE). */
int model_count_waiting(const struct model *model, int project);
/* The least priority of its waiting runs; INT64_MAX: none waits. */
int64_t model_target_score(const struct model *model, int target);
void model_enter_waiting(struct model *model, int run);
void model_let_go(struct model *model, int run);
void model_end(struct model *model, int run, enum run_status status);
void model_take_hold_away(struct model_run *run);

#endif
