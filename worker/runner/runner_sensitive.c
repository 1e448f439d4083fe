/* Secrets in JSON: values that a plan marks as sensitive, and masking what is left. */
#include <string.h>

#include "common/base/mem.h"
#include "worker/runner/runner_parts.h"

#define VALUE_MAX_BYTES ((size_t)64 * 1024)

static void add_scalar(const cJSON *value, struct mask *mask)
{
    AUTO(buf_done) struct buf text = BUF_INIT(VALUE_MAX_BYTES);

    if (cJSON_IsString(value) && value->valuestring != NULL)
        mask_add(mask, value->valuestring);
    if (!cJSON_IsNumber(value))
        return;
    json_print(value, &text);
    mask_add(mask, buf_text(&text));
}

/* Everything in it. The parser has limited the depth. */
static void add_all(const cJSON *value, struct mask *mask)
{
    if (value == NULL)
        return;
    add_scalar(value, mask);
    for (value = value->child; value != NULL; value = value->next)
        add_all(value, mask);
}

/* The member of that name, looked for from `*at` on: terraform sorts the names of both
 * objects, and a search from the front for each would be slow for large ones. */
static const cJSON *follow(const cJSON *object, const char *name, const cJSON **at)
{
    for (const cJSON *member = *at; member != NULL; member = member->next) {
        if (strcmp(member->string, name) == 0) {
            *at = member->next;
            return member;
        }
    }
    return json_get(object, name);
}

/* `marks` has the shape of the value, with true where it is sensitive. */
static void add_marked(const cJSON *value, const cJSON *marks, struct mask *mask)
{
    const cJSON *inner;

    if (value == NULL || marks == NULL)
        return;
    if (cJSON_IsTrue(marks)) {
        add_all(value, mask);
        return;
    }
    if (cJSON_IsArray(marks) && cJSON_IsArray(value)) {
        const cJSON *mark = marks->child;

        for (inner = value->child; inner != NULL && mark != NULL; inner = inner->next) {
            add_marked(inner, mark, mask);
            mark = mark->next;
        }
    }
    if (cJSON_IsObject(marks) && cJSON_IsObject(value)) {
        inner = value->child;
        for (const cJSON *mark = marks->child; mark != NULL; mark = mark->next)
            add_marked(follow(value, mark->string, &inner), mark, mask);
    }
}

static void add_change(const cJSON *change, struct mask *mask)
{
    add_marked(json_get(change, "before"), json_get(change, "before_sensitive"), mask);
    add_marked(json_get(change, "after"), json_get(change, "after_sensitive"), mask);
}

static void add_resources(const cJSON *list, struct mask *mask)
{
    const cJSON *resource = list != NULL ? list->child : NULL;

    for (; resource != NULL; resource = resource->next)
        add_change(json_get(resource, "change"), mask);
}

static void add_outputs(const cJSON *outputs, struct mask *mask)
{
    const cJSON *output = outputs != NULL ? outputs->child : NULL;

    for (; output != NULL; output = output->next)
        add_change(output, mask);
}

static void add_variables(const cJSON *plan, struct mask *mask)
{
    const cJSON *values = json_get(plan, "variables");
    const cJSON *declared =
        json_get(json_get(json_get(plan, "configuration"), "root_module"), "variables");
    const cJSON *variable = declared != NULL ? declared->child : NULL;

    for (; variable != NULL; variable = variable->next)
        if (json_bool(variable, "sensitive", false))
            add_all(json_get(json_get(values, variable->string), "value"), mask);
}

void runner_sensitive_add(const cJSON *plan, struct mask *mask)
{
    add_variables(plan, mask);
    add_resources(json_get(plan, "resource_changes"), mask);
    add_resources(json_get(plan, "resource_drift"), mask);
    add_outputs(json_get(plan, "output_changes"), mask);
}

static void mask_node(struct mask *mask, cJSON *node)
{
    struct buf masked;
    size_t len;

    if (!cJSON_IsString(node) || node->valuestring == NULL)
        return;
    len = strlen(node->valuestring);
    if (len < MASK_SECRET_MIN_BYTES)
        return;
    buf_init(&masked,
             2 * len + 64); /* the userinfo of a URL may be shorter than its mask */
    mask_text(mask, node->valuestring, len, &masked);
    if (strcmp(buf_text(&masked), node->valuestring) != 0)
        cJSON_SetValuestring(node, buf_text(&masked));
    buf_done(&masked);
}

/* Depth is limited by the parser. */
void runner_mask_tree(struct mask *mask, cJSON *node)
{
    for (; node != NULL; node = node->next) {
        mask_node(mask, node);
        runner_mask_tree(mask, node->child);
    }
}
