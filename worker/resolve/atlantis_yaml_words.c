/* Texts of atlantis.yaml that have a form. */
#include <string.h>

#include "common/conf/conf.h"
#include "worker/resolve/atlantis_yaml_parts.h"

#define NAME_BYTES    255
#define VERSION_BYTES 63

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool atlantis_is_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= NAME_BYTES &&
           text[strspn(text, DIGITS LETTERS "-_.~/")] == '\0';
}

bool atlantis_is_version(const char *text)
{
    size_t parts = 0;

    if (strlen(text) > VERSION_BYTES)
        return false;
    for (;; text++) {
        size_t digits = strspn(text, DIGITS);

        if (digits == 0)
            return false;
        text += digits;
        parts++;
        if (*text != '.')
            break;
    }
    if (parts != 3 || (*text != '\0' && *text != '-' && *text != '+'))
        return false;
    return *text == '\0' ||
           (text[1] != '\0' && text[1 + strspn(text + 1, DIGITS LETTERS ".-+")] == '\0');
}

bool atlantis_are_requirements(const char *text)
{
    for (;; text++) {
        size_t len = strcspn(text, ",");

        if (!conf_is_requirement(text, len))
            return false;
        text += len;
        if (*text == '\0')
            return true;
    }
}
