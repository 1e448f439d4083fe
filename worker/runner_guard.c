/* What a reconcile may not do: nobody looks at its plan before it is applied. Judged is
 * the JSON of the plan that was sealed, all of it: the report leaves out what is too
 * much. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/parse.h"
#include "worker/runner_parts.h"

#define MIB           (1024 * 1024)
#define ADDRESS_BYTES 100 /* of an address in a message */
#define CUT           "\xE2\x80\xA6"

/* ---- what the plan would touch ---- */

static bool destroys(const cJSON *actions)
{
    for (const cJSON *word = actions ? actions->child : NULL; word; word = word->next) {
        if (cJSON_IsString(word) && strcmp(word->valuestring, "delete") == 0)
            return true;
    }
    return false;
}

/* A word that is not known may mean anything. */
static bool is_harmless(const cJSON *word)
{
    static const char *const words[] = {"no-op", "read", "create"};

    for (size_t i = 0; cJSON_IsString(word) && i < ARRAY_LEN(words); i++) {
        if (strcmp(word->valuestring, words[i]) == 0)
            return true;
    }
    return false;
}

static bool touches(const cJSON *actions)
{
    for (const cJSON *word = actions ? actions->child : NULL; word; word = word->next) {
        if (!is_harmless(word))
            return true;
    }
    return false;
}

static bool matches(const struct run_spec *spec, const char *address)
{
    for (size_t i = 0; address != NULL && i < spec->protected_count; i++) {
        if (parse_glob(spec->protected[i], address, false))
            return true;
    }
    return false;
}

/* The address that is protected, NULL: none. What the code has moved is still the thing
 * that stood under the other name. */
static const char *protected_address(const struct run_spec *spec, const cJSON *resource)
{
    static const char *const keys[] = {"address", "previous_address"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *address = json_string(resource, keys[i]);

        if (matches(spec, address))
            return address;
    }
    return NULL;
}

void runner_guard_look(struct runner *r, const cJSON *plan)
{
    const cJSON *list = json_get(plan, "resource_changes");
    struct runner_touches *found = &r->touches;

    if (r->order.spec.kind != RUN_RECONCILE || r->applying)
        return;
    free(found->protected);
    *found = (struct runner_touches){.known = true};
    for (const cJSON *resource = list ? list->child : NULL; resource;
         resource = resource->next) {
        const cJSON *actions = json_get(json_get(resource, "change"), "actions");

        found->destroyed += destroys(actions);
        if (found->protected == NULL && touches(actions))
            found->protected = mem_dup(protected_address(&r->order.spec, resource));
    }
}

/* ---- may it be applied? ---- */

static int refuse_destroy(struct runner *r)
{
    return runner_fail(r, RUN_ERR_DESTROY_REFUSED,
                       "The plan destroys %" PRId64 " resource%s, and maxDestroy of the "
                       "workspace is %" PRId64 ". Nothing was applied: review the plan, "
                       "then apply it yourself or raise maxDestroy.",
                       r->touches.destroyed, r->touches.destroyed == 1 ? "" : "s",
                       r->order.spec.max_destroy);
}

/* As much of it as there is room for, in whole characters of UTF-8. */
static size_t shown_bytes(const char *address)
{
    size_t len = strnlen(address, ADDRESS_BYTES + 1);

    if (len <= ADDRESS_BYTES)
        return len;
    for (len = ADDRESS_BYTES; len > 0 && ((unsigned char)address[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

static int refuse_protected(struct runner *r)
{
    const char *address = r->touches.protected;
    size_t len = shown_bytes(address);

    return runner_fail(r, RUN_ERR_PROTECTED,
                       "The plan touches %.*s%s, which the workspace protects. Nothing "
                       "was applied: review the plan, then apply it yourself or take the "
                       "pattern off protected.",
                       (int)len, address, address[len] != '\0' ? CUT : "");
}

int runner_guard(struct runner *r)
{
    if (r->order.spec.kind != RUN_RECONCILE)
        return 0;
    if (!r->touches.known)
        return runner_fail(r, RUN_ERR_OUTPUT_TOO_LARGE,
                           "The plan is larger than %lld MiB: what it destroys is not "
                           "known. Nothing was applied: split the workspace.",
                           REPORT_PLAN_JSON_BYTES / MIB);
    if (r->touches.destroyed > r->order.spec.max_destroy)
        return refuse_destroy(r);
    return r->touches.protected != NULL ? refuse_protected(r) : 0;
}

bool runner_guard_refused(const struct runner *r)
{
    return r->outcome.status == RUN_ERROR &&
           (r->outcome.error == RUN_ERR_DESTROY_REFUSED ||
            r->outcome.error == RUN_ERR_PROTECTED);
}
