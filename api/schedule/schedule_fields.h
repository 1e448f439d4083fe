/* What a body makes of a schedule. */
#ifndef KEDGE_API_SCHEDULE_SCHEDULE_FIELDS_H
#define KEDGE_API_SCHEDULE_SCHEDULE_FIELDS_H

#include "api/server/body.h"
#include "common/schedule/schedule.h"

/* A schedule before its body: everything that need not be named. Has no id yet. */
extern const struct schedule schedule_defaults;

enum schedule_edit {
    SCHEDULE_SAME,    /* it is already as the body says */
    SCHEDULE_EDITED,  /* it has changed, its rhythm has not: the next tick stays */
    SCHEDULE_RETIMED, /* the next tick is to be found anew */
};
/* What the (checked) body names of cron, label, enabled, timezone, jitterSeconds and
 * missedPolicy goes into the schedule; a label that is null goes. Texts are borrowed from
 * the body. */
enum schedule_edit schedule_edit(const cJSON *body, struct schedule *schedule);

#endif
