/* What terraform's words mean: the few things that only its text tells. Text is wrapped
 * at the terminal's width, so blanks and line ends count as one blank. Pure. */
#ifndef KEDGE_WORKER_TEXT_TERRAFORM_WORDS_H
#define KEDGE_WORKER_TEXT_TERRAFORM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Who holds the state; "" where the text does not say. */
struct words_lock {
    char id[80], who[120], operation[60], created[60];
};
/* Is it refused because somebody holds the state lock? */
bool words_state_locked(const char *text, struct words_lock *out);
/* Could it not give the state lock back? */
bool words_unlock_failed(const char *text);
/* Did something on the way fail that may be back in a minute (registry, network)? */
bool words_infrastructure(const char *text);
/* Does the configuration want to be run elsewhere (HCP Terraform, Terraform Enterprise)?
 */
bool words_remote(const char *text);
bool words_disk_full(const char *text);
bool words_out_of_memory(const char *text);
/* Did a check block fail? */
bool words_check_failed(const char *text);
/* Is the name in the output of `workspace list`? */
bool words_has_workspace(const char *list, const char *name);
/* The first "Error: …" and what follows it, on one line of less than out_bytes; "" when
 * there is none. */
void words_first_error(const char *text, char *out, size_t out_bytes);

#endif
