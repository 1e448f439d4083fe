/* The attribute diff of one resource: which leaves a plan would change, with the value
 * before and after, and who moved each.
 *
 * A leaf is a value that holds no other, or an empty object or list; its path is written
 * `a.b[0].c`, keys that are no identifiers `a["x.y"]`. null and a missing value are the
 * same.
 *
 * Origin, per leaf, from three values: `state` (what Terraform last knew), `before` (what
 * exists now) and `after` (what the plan would make): outside when before differs from
 * state, code when it does not, both when besides `after` is neither of them. A leaf that
 * is only known after apply and did not move is a consequence: it takes the origin of the
 * rest.
 *
 * Lists. Terraform prints sets as lists, and a plan does not say which is which. So an
 * element that has an equal on the other side is left out wherever it stands; of the
 * others those with one index are compared, and the rest is added or removed. Lists with
 * the same elements in another order (no set can be) are compared by index.
 *
 * A leaf below a sensitive mark of either side is not looked into: the marked value as a
 * whole is one change, and its text is "(sensitive)". */
#ifndef KEDGE_WORKER_REPORT_REPORT_CHANGES_H
#define KEDGE_WORKER_REPORT_REPORT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/json.h"

enum change_action { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_ACTIONS };
enum origin { ORIGIN_CODE, ORIGIN_OUTSIDE, ORIGIN_BOTH, ORIGINS };

struct change {
    char *attribute;
    char *before, *after; /* JSON text; NULL: null */
    enum change_action action;
    enum origin origin;
    bool follows; /* origin is that of the other changes */
    bool sensitive;
    bool cut; /* a value was longer than its cap and is described instead */
};
struct changes {
    struct change *list; /* owned, with its strings */
    size_t count, cap;
    size_t bytes; /* of all strings */
};

/* The sides of a change, borrowed from the plan; NULL where there is none. */
struct change_sides {
    const cJSON *before, *after, *after_unknown, *before_sensitive, *after_sensitive;
    const cJSON *state; /* before the drift; looked at when `drifted` */
    bool drifted;       /* the plan lists outside drift of this resource */
    bool gone;          /* what drifted is that it exists: all of it is outside */
};

/* Appends the changed leaves in the order of their paths. A value longer than
 * `value_max` bytes is cut. */
void changes_find(const struct change_sides *sides, size_t value_max,
                  struct changes *out);
void changes_done(struct changes *changes);

const char *change_action_name(enum change_action action);
const char *origin_name(enum origin origin);
/* What stands for a JSON text that is too long: its length and digest, so that two
 * different ones still differ. The caller frees. */
char *change_cut_text(const char *json);

#endif
