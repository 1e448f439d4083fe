/* Hooks: kinds, events, what a hook wants, its secret. */
#include "common/hook/hook.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/base/sign.h"

#define SECRET_PREFIX    "whsec_"
#define SECRET_TEXT_MIN  8
#define SECRET_BYTES_MIN 24 /* Standard Webhooks, "Signature scheme" */
#define SECRET_BYTES_MAX 64

static const struct {
    const char *name;
    bool digests;
} kinds[HOOK_KINDS] = {
    [HOOK_SLACK] = {"slack", true},
    [HOOK_TEAMS] = {"teams", true},
    [HOOK_GENERIC] = {"generic", false},
};

static const char *const event_names[HOOK_EVENTS] = {
    [EVENT_DRIFT_DETECTED] = "drift.detected",
    [EVENT_DRIFT_CHANGED] = "drift.changed",
    [EVENT_DRIFT_RESOLVED] = "drift.resolved",
    [EVENT_DRIFT_REMINDER] = "drift.reminder",
    [EVENT_CHECK_FAILED] = "check.failed",
    [EVENT_CHECK_RECOVERED] = "check.recovered",
    [EVENT_RECONCILE_SUCCEEDED] = "reconcile.succeeded",
    [EVENT_RECONCILE_FAILED] = "reconcile.failed",
    [EVENT_RUN_ORPHANED] = "run.orphaned",
    [EVENT_TEST] = "test",
};

const char *hook_kind_name(enum hook_kind kind)
{
    return kinds[kind].name;
}

int hook_kind_parse(const char *text, enum hook_kind *out)
{
    for (unsigned i = 0; i < HOOK_KINDS; i++) {
        if (strcmp(kinds[i].name, text) == 0) {
            *out = (enum hook_kind)i;
            return 0;
        }
    }
    return -1;
}

bool hook_kind_digests(enum hook_kind kind)
{
    return kinds[kind].digests;
}

const char *hook_event_name(enum hook_event event)
{
    return event_names[event];
}

int hook_event_parse(const char *text, enum hook_event *out)
{
    for (unsigned i = 0; i < EVENT_TEST; i++) {
        if (strcmp(event_names[i], text) == 0) {
            *out = (enum hook_event)i;
            return 0;
        }
    }
    return -1;
}

/* "" takes everything. */
static bool takes(const char *wanted, const char *given)
{
    return wanted == NULL || wanted[0] == '\0' ||
           (given != NULL && strcmp(wanted, given) == 0);
}

bool hook_wants(const struct hook *hook, enum hook_event event, const char *project_id,
                const char *workspace_id)
{
    bool named = hook->events == 0 || event == EVENT_TEST ||
                 (hook->events & UINT32_C(1) << event) != 0;

    return hook->enabled && named && takes(hook->project_id, project_id) &&
           takes(hook->workspace_id, workspace_id);
}

static int check_key(const char *base64, struct err *err)
{
    unsigned char bytes[HOOK_SECRET_MAX];
    size_t len = 0;
    int parsed = sign_base64_parse(base64, bytes, &len);

    explicit_bzero(bytes, sizeof bytes);
    if (parsed < 0)
        return err_set(err, ERR_INPUT, "after " SECRET_PREFIX " there must be base64");
    if (len < SECRET_BYTES_MIN || len > SECRET_BYTES_MAX)
        return err_set(err, ERR_INPUT,
                       "after " SECRET_PREFIX " there must be base64 of %d to %d bytes",
                       SECRET_BYTES_MIN, SECRET_BYTES_MAX);
    return 0;
}

int hook_secret_check(const char *secret, struct err *err)
{
    size_t len = strlen(secret);

    if (len < SECRET_TEXT_MIN || len > HOOK_SECRET_MAX)
        return err_set(err, ERR_INPUT, "a secret has %d to %d characters",
                       SECRET_TEXT_MIN, HOOK_SECRET_MAX);
    for (size_t i = 0; i < len; i++)
        if (secret[i] < 0x20 || secret[i] > 0x7e)
            return err_set(err, ERR_INPUT, "a secret is printable ASCII");
    if (strncmp(secret, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0)
        return 0;
    return check_key(secret + strlen(SECRET_PREFIX), err);
}
