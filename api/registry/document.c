/* A stored document as it is shown. */
#include "api/registry/document.h"

#include <string.h>

void document_write(struct json_writer *w, const char *json, const char *id,
                    const char *project_id)
{
    size_t len = strlen(json);

    json_object(w);
    json_add_text(w, "id", id);
    if (project_id != NULL)
        json_add_text(w, "projectId", project_id);
    /* The members of compact JSON that we wrote: "{…}" without its braces. */
    if (len > 2 && json[0] == '{' && json[len - 1] == '}')
        json_raw(w, json + 1, len - 2);
}
