/* What a checkout has found; apart from the rest, because tests of the runner have a
 * checkout of their own. */
#include "common/base/mem.h"
#include "worker/checkout/checkout.h"

void checked_out_done(struct checked_out *out)
{
    auto_free(&out->project_name);
    auto_free(&out->resolved);
}
