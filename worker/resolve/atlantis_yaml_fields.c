/* Maps of a YAML document read by tables, and values by type. */
#include "worker/resolve/atlantis_yaml_fields.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/process/strings.h"

#define FIELDS_MAX 64

static const struct yaml_field *find(const struct yaml_field *fields, size_t count,
                                     const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

static int bad_key(const struct yaml_tree *key, const char *what, struct err *err)
{
    if (strcmp(key->text, "<<") == 0)
        return yaml_tree_bad(key, err, "merge keys are not read: write out the keys");
    return yaml_tree_bad(key, err, "%s has no key \"%s\": is it misspelt?", what,
                         yaml_shown(key->text).text);
}

int yaml_fields_read(const struct yaml_tree *map, const char *what,
                     const struct yaml_field *fields, size_t count, void *out,
                     struct err *err)
{
    uint64_t seen = 0;

    assert(count <= FIELDS_MAX);
    if (map->kind != YAML_IS_MAP)
        return yaml_tree_bad(map, err, "%s must be a map of keys and values", what);
    for (const struct yaml_tree *key = map->child; key != NULL; key = key->next) {
        const struct yaml_field *field = find(fields, count, key->text);
        uint64_t bit;

        if (field == NULL)
            return bad_key(key, what, err);
        bit = UINT64_C(1) << (field - fields);
        if ((seen & bit) != 0)
            return yaml_tree_bad(key, err, "the key %s comes twice", field->key);
        seen |= bit;
        if (!yaml_tree_is_null(key->value) &&
            field->read(key->value, field->key, (char *)out + field->at, err) < 0)
            return -1;
    }
    return 0;
}

/* May the value be of that type: written without quotes, or tagged so? */
static bool may_be(const struct yaml_tree *value, enum yaml_tag tag)
{
    if (value->kind != YAML_IS_TEXT)
        return false;
    return value->tag == YAML_TAG_NONE ? value->plain : value->tag == tag;
}

int yaml_read_bool(const struct yaml_tree *value, const char *key, void *out,
                   struct err *err)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true},   {"True", true},   {"TRUE", true}, {"yes", true},
        {"on", true},     {"y", true},      {"Y", true},    {"false", false},
        {"False", false}, {"FALSE", false}, {"no", false},  {"off", false},
        {"n", false},     {"N", false},
    };

    for (size_t i = 0; may_be(value, YAML_TAG_BOOL) && i < ARRAY_LEN(words); i++) {
        if (strcmp(value->text, words[i].word) == 0) {
            *(bool *)out = words[i].value;
            return 0;
        }
    }
    return yaml_tree_bad(value, err, "%s must be true or false, without quotes", key);
}

/* The digits behind a sign and the base's prefix: decimal without leading zeros, because
 * some take such a number for octal. NULL: not a number. */
static const char *digits_of(const char *text, int *base)
{
    text += *text == '-' || *text == '+';
    *base = 10;
    if (strncmp(text, "0x", 2) == 0 || strncmp(text, "0o", 2) == 0) {
        *base = text[1] == 'x' ? 16 : 8;
        text += 2;
    } else if (text[0] == '0' && text[1] != '\0') {
        return NULL;
    }
    return *text != '\0' && text[strspn(text, "0123456789abcdefABCDEF")] == '\0' ? text
                                                                                 : NULL;
}

int yaml_read_int(const struct yaml_tree *value, const char *key, void *out,
                  struct err *err)
{
    int base = 10;
    const char *digits =
        may_be(value, YAML_TAG_INT) ? digits_of(value->text, &base) : NULL;
    AUTO(auto_free) char *number = NULL;
    char *end = NULL;
    long long read;

    if (digits == NULL)
        return yaml_tree_bad(value, err, "%s must be a whole number, without quotes",
                             key);
    number = mem_fmt("%s%s", value->text[0] == '-' ? "-" : "", digits);
    errno = 0;
    read = strtoll(number, &end, base);
    if (*end != '\0')
        return yaml_tree_bad(value, err, "%s must be a whole number", key);
    if (errno != 0)
        return yaml_tree_bad(value, err, "%s is too large a number", key);
    *(int64_t *)out = read;
    return 0;
}

int yaml_read_text(const struct yaml_tree *value, const char *key, void *out,
                   struct err *err)
{
    char **text = out;

    if (value->kind != YAML_IS_TEXT)
        return yaml_tree_bad(value, err, "%s must be a text", key);
    free(*text);
    *text = mem_dup(value->text);
    return 0;
}

int yaml_read_texts(const struct yaml_tree *value, const char *key, void *out,
                    struct err *err)
{
    if (value->kind != YAML_IS_LIST)
        return yaml_tree_bad(value, err, "%s must be a list: [one, two]", key);
    for (const struct yaml_tree *item = value->child; item != NULL; item = item->next) {
        if (item->kind != YAML_IS_TEXT || yaml_tree_is_null(item))
            return yaml_tree_bad(item, err, "%s must be a list of texts", key);
        strings_add(out, item->text);
    }
    return 0;
}

int yaml_check_bool(const struct yaml_tree *value, const char *key, void *out,
                    struct err *err)
{
    bool ignored;

    (void)out;
    return yaml_read_bool(value, key, &ignored, err);
}

int yaml_check_text(const struct yaml_tree *value, const char *key, void *out,
                    struct err *err)
{
    AUTO(auto_free) char *ignored = NULL;

    (void)out;
    return yaml_read_text(value, key, &ignored, err);
}

int yaml_check_texts(const struct yaml_tree *value, const char *key, void *out,
                     struct err *err)
{
    AUTO(strings_done) struct strings ignored = {0};

    (void)out;
    return yaml_read_texts(value, key, &ignored, err);
}

int yaml_word(const struct yaml_tree *value, const char *const *words, size_t count)
{
    for (size_t i = 0; value->kind == YAML_IS_TEXT && i < count; i++)
        if (strcmp(value->text, words[i]) == 0)
            return (int)i;
    return -1;
}
