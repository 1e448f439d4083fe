/* A remediation as it is shown. */
#include "api/atlantis/remediate_json.h"

#include <string.h>

#include "common/base/mem.h"

const char *remediate_status(enum batch_status status)
{
    static const char *const names[BATCH_STATUSES] = {
        [BATCH_QUEUED] = "pending",   [BATCH_RUNNING] = "running",
        [BATCH_SUCCESS] = "success",  [BATCH_PARTIAL] = "partial",
        [BATCH_FAILED] = "failed",    [BATCH_ERROR] = "failed",
        [BATCH_CANCELLED] = "failed",
    };

    return names[status];
}

/* It has started when it was accepted: clients read a time there, never null. */
static int64_t started_ms(const struct batch_record *batch)
{
    return batch->started_at_ms > 0 ? batch->started_at_ms : batch->queued_at_ms;
}

int remediate_json_open(struct json_writer *w, const struct batch_record *batch,
                        struct err *err)
{
    AUTO(batch_request_done) struct batch_request request = {0};

    if (batch_request_parse(batch->request, strlen(batch->request), &request, err) < 0)
        return err_wrap(err, "batch %s", batch->id);
    json_object(w);
    json_add_text(w, "id", batch->id);
    json_add_text(w, "repository", request.repository);
    json_add_text(w, "ref", request.ref);
    json_add_text(w, "action", request.apply ? "apply" : "plan");
    json_add_text(w, "status", remediate_status(batch->status));
    json_add_time(w, "started_at", started_ms(batch));
    json_add_time(w, "completed_at", batch->ended_at_ms);
    return 0;
}

void remediate_json_close(struct json_writer *w, const struct batch_record *batch)
{
    json_key(w, "summary");
    json_object(w);
    json_add_number(w, "total_projects", batch->total);
    json_add_number(w, "success_count", batch->ok);
    json_add_number(w, "failure_count", batch->failed);
    json_object_end(w);
    json_object_end(w);
}
