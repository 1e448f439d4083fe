/* Messages: what a hook is sent of one or more events, made of their JSON alone. Pure.
 *
 * - generic: the event's JSON as it is.
 * - slack: Block Kit, at most 50 blocks; every text within Slack's limits.
 * - teams: an Adaptive Card 1.4 as the Workflows webhook takes it, below 28 KB.
 *
 * One event says what (at most ten resources), where, since when, and links to the run.
 * Several make a digest: a line each, worst first. No text of a repository or a plan can
 * become a mention or a link. Sources: Slack's Block Kit and text formatting
 * references; Adaptive Cards' schema and Teams' card formatting reference. */
#ifndef KEDGE_SCHEDULER_MESSAGE_H
#define KEDGE_SCHEDULER_MESSAGE_H

#include "common/hook/hook.h"
#include "common/hook/outbox.h"

#define MESSAGE_RESOURCES_MAX 10
#define MESSAGE_DIGEST_LINES  40

/* Appends the body. Of 1 to OUTBOX_DIGEST_MAX events, of a generic hook one. What is no
 * event is left out of a digest. */
void message_print(enum hook_kind kind, const char *const *events, size_t count,
                   struct buf *out);

#endif
