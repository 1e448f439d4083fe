/* What terraform's words mean. */
#include "worker/text/terraform_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

static const char *const infrastructure[] = {
    "could not connect to",
    "could not resolve host",
    "no such host",
    "temporary failure in name resolution",
    "connection refused",
    "connection reset by peer",
    "connection timed out",
    "network is unreachable",
    "no route to host",
    "i/o timeout",
    "tls handshake timeout",
    "client.timeout exceeded",
    "context deadline exceeded",
    "unexpected eof",
    "the remote end hung up unexpectedly",
    "too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway timeout",
    "registry service is unreachable",
};
static const char *const remote[] = {
    "initializing hcp terraform",         "initializing terraform cloud",
    "running plan in hcp terraform",      "running plan in terraform cloud",
    "running plan in the remote backend", "\"remote\" backend does not support saving",
};
/* The Go runtime's. */
static const char *const out_of_memory[] = {
    "fatal error: runtime: out of memory",
    "fatal error: runtime: cannot allocate memory",
};
static const char *const disk_full[] = {"no space left on device", "disk quota exceeded"};

/* One blank for each run of blanks and line ends, none at the ends; lower case on demand.
 * Caller frees. */
static char *flatten(const char *text, bool lower)
{
    char *flat = mem_new(strlen(text) + 1, 1), *to = flat;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (!isspace(c))
            *to++ = lower ? (char)tolower(c) : (char)c;
        else if (to != flat && to[-1] != ' ')
            *to++ = ' ';
    }
    if (to != flat && to[-1] == ' ')
        to[-1] = '\0';
    return flat;
}

static bool has_any(const char *text, const char *const *words, size_t count)
{
    AUTO(auto_free) char *flat = flatten(text, true);

    for (size_t i = 0; i < count; i++)
        if (strstr(flat, words[i]) != NULL)
            return true;
    return false;
}

/* The rest of the first line that starts with the label, blanks before it left out. */
static void field(const char *text, const char *label, char *out, size_t out_bytes)
{
    const char *at = strstr(text, label);
    size_t len;

    out[0] = '\0';
    if (at == NULL)
        return;
    at += strlen(label);
    at += strspn(at, " ");
    len = strcspn(at, "\r\n");
    if (len >= out_bytes)
        len = out_bytes - 1;
    memcpy(out, at, len);
    out[len] = '\0';
}

/* The http backend shows as "Lock Info" the lock that was wanted, and names the one that
 * is there in its reason alone. */
static bool http_lock(const char *text, struct words_lock *out)
{
    static const char words[] = "HTTP remote state already locked: ID=";
    AUTO(auto_free) char *flat = flatten(text, false);
    const char *at = strstr(flat, words);

    if (at == NULL)
        return false;
    *out = (struct words_lock){.id = ""};
    at += strlen(words);
    memcpy(out->id, at, strnlen(at, sizeof out->id - 1));
    out->id[strcspn(out->id, " ")] = '\0';
    return out->id[0] != '\0';
}

bool words_state_locked(const char *text, struct words_lock *out)
{
    const char *info = strstr(text, "Error acquiring the state lock");

    if (info == NULL)
        return false;
    if (http_lock(info, out))
        return true;
    field(info, "\n  ID:", out->id, sizeof out->id);
    field(info, "\n  Who:", out->who, sizeof out->who);
    field(info, "\n  Operation:", out->operation, sizeof out->operation);
    field(info, "\n  Created:", out->created, sizeof out->created);
    /* Without an owner the lock could not be tried at all: permissions, network. */
    return out->id[0] != '\0';
}

bool words_unlock_failed(const char *text)
{
    static const char *const words[] = {"error releasing the state lock"};

    return has_any(text, words, ARRAY_LEN(words));
}

bool words_infrastructure(const char *text)
{
    return has_any(text, infrastructure, ARRAY_LEN(infrastructure));
}

bool words_remote(const char *text)
{
    return has_any(text, remote, ARRAY_LEN(remote));
}

bool words_out_of_memory(const char *text)
{
    return has_any(text, out_of_memory, ARRAY_LEN(out_of_memory));
}

bool words_disk_full(const char *text)
{
    return has_any(text, disk_full, ARRAY_LEN(disk_full));
}

bool words_check_failed(const char *text)
{
    static const char *const words[] = {"warning: check block assertion failed"};

    return has_any(text, words, ARRAY_LEN(words));
}

bool words_has_workspace(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list != '\0') {
        size_t line = strcspn(list, "\r\n");

        if (line == len + 2 &&
            (memcmp(list, "* ", 2) == 0 || memcmp(list, "  ", 2) == 0) &&
            memcmp(list + 2, name, len) == 0)
            return true;
        list += line;
        list += strspn(list, "\r\n");
    }
    return false;
}

void words_first_error(const char *text, char *out, size_t out_bytes)
{
    const char *at = strstr(text, "Error: ");
    AUTO(auto_free)
    char *flat = at != NULL ? flatten(at + strlen("Error: "), false) : NULL;
    char *next;
    size_t len;

    out[0] = '\0';
    if (flat == NULL)
        return;
    next = strstr(flat, " Error: ");
    if (next != NULL)
        *next = '\0';
    len = strlen(flat);
    if (len >= out_bytes)
        len = out_bytes - 1;
    /* Never half a character of UTF-8. */
    while (len > 0 && ((unsigned char)flat[len] & 0xc0) == 0x80)
        len--;
    memcpy(out, flat, len);
    out[len] = '\0';
}
