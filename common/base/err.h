/* Errors: what went wrong, and what the caller should do about it.
 *
 * Functions that can fail take `struct err *err` last and return 0 or -1. The struct
 * lives on the caller's stack and owns nothing. The kind is a decision, the message a
 * sentence for a person; err_wrap adds context in front as the error travels up. Only
 * the code that handles an error logs it. */
#ifndef KEDGE_COMMON_BASE_ERR_H
#define KEDGE_COMMON_BASE_ERR_H

enum err_kind {
    ERR_NONE,
    ERR_INPUT, /* the request is at fault: answer 4xx, never retry */
    ERR_TEMP,  /* the world is at fault for now: back off and retry */
    ERR_PERM,  /* it will not get better: fail the run */
    ERR_LOST,  /* the lease is gone: stop, write nothing */
    ERR_KINDS
};

#define ERR_MESSAGE_BYTES 240

struct err {
    enum err_kind kind;
    char message[ERR_MESSAGE_BYTES]; /* NUL-terminated; cut, never overrun */
};

/* Each returns -1, so that `return err_set(…)` is one statement. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set, with ": " and the text of `errnum` (an errno value) after it. */
int err_sys(struct err *err, enum err_kind kind, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "<context>: " in front of what is there; keeps the kind. */
int err_wrap(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fixed word for logs: "input", "temp", … */
const char *err_kind_name(enum err_kind kind);

#endif
