/* Checkout: does the run's commit contain a tip of the remote? */
#include <string.h>

#include "common/base/mem.h"
#include "worker/checkout/checkout_errand.h"

int checkout_contains_tip(const struct checkout *checkout, const char *ref,
                          bool *contains, char tip[41], struct checked_out *out,
                          struct err *err)
{
    AUTO(errand_done) struct errand errand = {0};
    AUTO(auto_json) cJSON *answer = NULL;

    *out = (struct checked_out){.error = RUN_ERR_NONE};
    if (errand_prepare(&errand, checkout, err) < 0)
        return -1;
    errand_tell(&errand, "REF", ref);
    errand_tell(&errand, "INSIDE", checkout->spec->commit);
    answer = errand_run(&errand, out, err);
    if (!answer)
        return -1;
    memcpy(tip, json_string(answer, "commit"), sizeof(out->commit));
    memcpy(out->commit, checkout->spec->commit, sizeof(out->commit));
    *contains = json_bool(answer, "contains", false);
    return 0;
}
