/* A hook: where people, or their programs, are told what happened. Kinds, events, what a
 * hook wants, and the forms of its URL and secret. Pure. */
#ifndef KEDGE_COMMON_HOOK_HOOK_H
#define KEDGE_COMMON_HOOK_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define HOOK_URL_MAX    2048 /* bytes */
#define HOOK_SECRET_MAX 256

enum hook_kind {
    HOOK_SLACK,   /* Slack incoming webhook: Block Kit; people */
    HOOK_TEAMS,   /* Microsoft Teams workflow: an adaptive card; people */
    HOOK_GENERIC, /* Standard Webhooks: one event a request; programs */
    HOOK_KINDS
};
const char *hook_kind_name(enum hook_kind kind);
int hook_kind_parse(const char *text, enum hook_kind *out);
/* Several events may travel in one message, at most one message a second. */
bool hook_kind_digests(enum hook_kind kind);

enum hook_event {
    EVENT_DRIFT_DETECTED,
    EVENT_DRIFT_CHANGED,
    EVENT_DRIFT_RESOLVED,
    EVENT_DRIFT_REMINDER,
    EVENT_CHECK_FAILED,
    EVENT_CHECK_RECOVERED,
    EVENT_RECONCILE_SUCCEEDED,
    EVENT_RECONCILE_FAILED,
    EVENT_RUN_ORPHANED,
    EVENT_TEST, /* only when asked for; no hook need name it */
    HOOK_EVENTS
};
const char *hook_event_name(enum hook_event event); /* "drift.detected" … "test" */
/* Not "test", which nobody subscribes to. */
int hook_event_parse(const char *text, enum hook_event *out);

/* As stored. Texts are borrowed from whoever read it; text that is not there is "". */
struct hook {
    const char *id; /* UUID; NULL: no such hook */
    enum hook_kind kind;
    const char *url;
    uint32_t events;          /* bit n: enum hook_event n; 0: all */
    const char *project_id;   /* "": of every project, and of no project */
    const char *workspace_id; /* "": of every workspace of the project */
    const char *secret;       /* generic; "": not signed */
    const char *old_secret;   /* signs too until old_secret_until_ms */
    int64_t old_secret_until_ms;
    bool enabled;
    const char *disabled_reason; /* "": a person did it */
    int64_t version;             /* moves with every put */
    int64_t created_ms, updated_ms;
};
bool hook_wants(const struct hook *hook, enum hook_event event, const char *project_id,
                const char *workspace_id);

/* http or https, a host, no user or password, no fragment, no control bytes or blanks,
 * ≤ HOOK_URL_MAX. Unless private addresses are allowed: no literal address that is not
 * public, in whichever spelling (decimal, octal, mapped IPv6), no localhost. A name is
 * judged when it has been resolved, at each delivery. ERR_INPUT. */
int hook_url_check(const char *url, bool allow_private, struct err *err);
/* "whsec_" and base64 of 24–64 bytes, or any other printable text of 8–256 bytes.
 * ERR_INPUT. */
int hook_secret_check(const char *secret, struct err *err);
/* "https://hooks.slack.com/…": scheme and host, for logs and those who may only read. The
 * caller frees. */
char *hook_url_masked(const char *url);

/* The hook of KEDGE_SLACK_WEBHOOK_URL: of every project, all events, not in the store. */
#define HOOK_DEFAULT_ID "00000000-0000-8000-8000-000000000001"

#endif
