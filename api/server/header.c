/* The grammar of request headers that mean something here. */
#include "api/server/header.h"

#include <string.h>
#include <strings.h>

#include "common/base/parse.h"

#define BLANKS          " \t"
#define KEY_BYTES_MAX   255
#define NUMBER_BYTES    20
#define PREFER_WAIT_MAX INT64_C(86400)

static const char *skip(const char *text, const char *set)
{
    return text + strspn(text, set);
}

/* The end of the entity tag at `text`, NULL when there is none. */
static const char *tag_end(const char *text)
{
    const char *end;

    if (*text != '"')
        return NULL;
    end = strchr(text + 1, '"');
    return end == NULL ? NULL : end + 1;
}

bool header_etag_matches(const char *if_none_match, const char *etag)
{
    const char *at = skip(if_none_match, BLANKS);
    size_t len = strlen(etag);

    if (*at == '*')
        return *skip(at + 1, BLANKS) == '\0';
    while (*at != '\0') {
        const char *end;

        at = skip(at, BLANKS ",");
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        end = tag_end(at);
        if (end == NULL)
            return false;
        if ((size_t)(end - at) == len && memcmp(at, etag, len) == 0)
            return true;
        at = end;
    }
    return false;
}

/* One preference (RFC 7240): a name, perhaps "=value", ended by ';' or the end. */
static void take_preference(const char *at, size_t len, struct header_prefer *out)
{
    static const char async[] = "respond-async", wait[] = "wait=";
    char number[NUMBER_BYTES];

    while (len > 0 && strchr(BLANKS, at[len - 1]) != NULL)
        len--;
    if (len == sizeof async - 1 && strncasecmp(at, async, len) == 0)
        out->respond_async = true;
    if (len < sizeof wait || strncasecmp(at, wait, sizeof wait - 1) != 0)
        return;
    at += sizeof wait - 1;
    len -= sizeof wait - 1;
    if (len >= 2 && at[0] == '"' && at[len - 1] == '"') {
        at++;
        len -= 2;
    }
    if (len >= sizeof number)
        return;
    memcpy(number, at, len);
    number[len] = '\0';
    parse_int64(number, 0, PREFER_WAIT_MAX, &out->wait_s);
}

void header_prefer(const char *text, struct header_prefer *out)
{
    *out = (struct header_prefer){.wait_s = -1};
    while (text != NULL && *text != '\0') {
        text = skip(text, BLANKS ",");
        take_preference(text, strcspn(text, ",;"), out);
        text += strcspn(text, ",");
    }
}

bool header_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const char *rest;

    if (strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    rest = skip(content_type + sizeof json - 1, BLANKS);
    return *rest == '\0' || *rest == ';';
}

bool header_is_idempotency_key(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > KEY_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '!' || text[i] > '~')
            return false;
    return true;
}
