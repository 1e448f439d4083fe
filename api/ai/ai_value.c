/* One drifted resource as a model may see it: masked and cut. */
#include "api/ai/ai_value.h"

#include <string.h>
#include <strings.h>

#include "api/ai/ai_mask.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define NAME_BYTES_MAX  ((size_t)512)
#define TEXT_BYTES_MAX  ((size_t)2048)
#define VALUE_BYTES_MAX ((size_t)4096) /* of before, and of after */
#define CHANGES_MAX     200
/* Of a text that may be JSON: larger ones are texts. */
#define INNER_BYTES_MAX ((size_t)256 << 10)
#define DEPTH_MAX       12
#define SENSITIVE       "(sensitive)"

/* ---- texts ---- */
static size_t cut_len(const char *text, size_t len, size_t max)
{
    size_t cut = 0;

    if (len <= max)
        return len;
    while (cut < max) {
        size_t char_len = parse_utf8_char(text + cut, len - cut);

        if (char_len == 0)
            char_len = 1;
        if (cut + char_len > max)
            break;
        cut += char_len;
    }
    return cut;
}

static void put_cut(struct json_writer *w, const char *text, size_t len, size_t max)
{
    AUTO(buf_done) struct buf cut = BUF_INIT(SIZE_MAX);

    if (len <= max) {
        json_text_n(w, text, len);
        return;
    }
    buf_append(&cut, text, cut_len(text, len, max));
    buf_fmt(&cut, "… (cut: %zu bytes in all)", len);
    json_text_n(w, buf_text(&cut), cut.len);
}

static void put_text(struct json_writer *w, const char *text, size_t max)
{
    AUTO(buf_done) struct buf masked = BUF_INIT(SIZE_MAX);

    ai_mask_text(text, strlen(text), &masked);
    put_cut(w, buf_text(&masked), masked.len, max);
}

/* ---- values ---- */
static void put_value(struct json_writer *w, const cJSON *value, bool secret, int depth);

/* {"name": "DB_PASSWORD", "value": "x"}: how containers are given their environment. */
static bool names_a_secret(const cJSON *object)
{
    static const char *const keys[] = {"name", "Name", "key", "Key"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *name = json_string(object, keys[i]);

        if (name != NULL && ai_mask_is_secret_name(name))
            return true;
    }
    return false;
}

static bool is_value_key(const char *key)
{
    return strcmp(key, "value") == 0 || strcmp(key, "Value") == 0;
}

static void put_object(struct json_writer *w, const cJSON *object, bool secret, int depth)
{
    bool hides = names_a_secret(object);

    json_object(w);
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        AUTO(buf_done) struct buf key = BUF_INIT(NAME_BYTES_MAX);

        ai_mask_text(item->string, strlen(item->string), &key);
        json_key(w, buf_text(&key));
        put_value(w, item,
                  secret || ai_mask_is_secret_name(item->string) ||
                      (hides && is_value_key(item->string)),
                  depth + 1);
    }
    json_object_end(w);
}

static void put_array(struct json_writer *w, const cJSON *array, bool secret, int depth)
{
    json_array(w);
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        put_value(w, item, secret, depth + 1);
    json_array_end(w);
}

/* Policies and container definitions are JSON in a text. */
static cJSON *parse_inner(const char *text)
{
    const char *first = text + strspn(text, " \t\r\n");
    size_t len = strlen(text);
    struct err err;

    if ((*first != '{' && *first != '[') || len > INNER_BYTES_MAX)
        return NULL;
    return json_parse(text, len, JSON_DEPTH_MAX, false, &err);
}

static void put_string(struct json_writer *w, const char *text, int depth)
{
    AUTO(auto_json) cJSON *inner = parse_inner(text);

    if (inner != NULL)
        put_value(w, inner, false, depth + 1);
    else
        put_text(w, text, TEXT_BYTES_MAX);
}

/* That a secret is there at all, or a flag, tells nothing of it. */
static bool is_harmless(const cJSON *value)
{
    return cJSON_IsNull(value) || cJSON_IsBool(value) ||
           (cJSON_IsString(value) &&
            (value->valuestring[0] == '\0' ||
             strcmp(value->valuestring, "(known after apply)") == 0));
}

static void put_value(struct json_writer *w, const cJSON *value, bool secret, int depth)
{
    AUTO(buf_done) struct buf number = BUF_INIT(64);

    if (value == NULL)
        json_null(w);
    else if (secret && !is_harmless(value))
        json_text(w, SENSITIVE);
    else if (depth > DEPTH_MAX)
        json_text(w, "(cut: nested too deeply)");
    else if (cJSON_IsString(value))
        put_string(w, value->valuestring, depth);
    else if (cJSON_IsObject(value))
        put_object(w, value, secret, depth);
    else if (cJSON_IsArray(value))
        put_array(w, value, secret, depth);
    else {
        json_print(value, &number);
        json_raw(w, buf_text(&number), number.len);
    }
}

/* One that is too large becomes a text: its beginning. */
static void add_value(struct json_writer *w, const char *key, const cJSON *value,
                      bool secret)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    struct json_writer inner;

    json_open(&inner, &out);
    put_value(&inner, value, secret, 0);
    json_key(w, key);
    if (out.len <= VALUE_BYTES_MAX)
        json_raw(w, buf_text(&out), out.len);
    else
        put_cut(w, buf_text(&out), out.len, VALUE_BYTES_MAX);
}

static void add_name(struct json_writer *w, const cJSON *object, const char *key)
{
    const char *text = json_string(object, key);

    if (text == NULL)
        return;
    json_key(w, key);
    put_text(w, text, NAME_BYTES_MAX);
}

/* ---- values that another change names ---- */
static bool is_variable(const char *above, size_t len)
{
    const char *from = above + len;

    while (from > above && from[-1] != '.')
        from--;
    return strncasecmp(from, "env", 3) == 0;
}

static bool names_a_variable(const cJSON *change, const char *above, size_t len)
{
    static const char *const keys[] = {".name", ".Name", ".key", ".Key"};
    const char *attribute = json_string(change, "attribute");

    if (attribute == NULL || strncmp(attribute, above, len) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(attribute + len, keys[i]) == 0)
            return true;
    return false;
}

static bool is_secret_name_in(const cJSON *change, const char *key)
{
    const char *name = json_string(change, key);

    return name != NULL && ai_mask_is_secret_name(name);
}

/* What "env[0].value" is called says "env[0].name", a change of its own. When that did
 * not change nothing here says it: then no variable is shown. */
static bool is_value_of_secret(const cJSON *changes, const char *attribute)
{
    const char *last = strrchr(attribute, '.');
    size_t len = last != NULL ? (size_t)(last - attribute) : 0;
    bool is_named = false;

    if (last == NULL || !is_value_key(last + 1))
        return false;
    for (const cJSON *one = changes->child; one != NULL; one = one->next) {
        if (!names_a_variable(one, attribute, len))
            continue;
        if (is_secret_name_in(one, "before") || is_secret_name_in(one, "after"))
            return true;
        is_named = true;
    }
    return !is_named && is_variable(attribute, len);
}

/* ---- a change ---- */
/* Anything but an outspoken false is true: what was marked in some way was meant. */
static bool is_sensitive(const cJSON *changes, const cJSON *change, const char *type)
{
    const cJSON *mark = json_get(change, "sensitive");
    const char *attribute = json_string(change, "attribute");

    if (mark != NULL && !cJSON_IsFalse(mark) && !cJSON_IsNull(mark))
        return true;
    return attribute != NULL &&
           (ai_mask_is_secret_name(attribute) || ai_mask_is_secret_of(type, attribute) ||
            is_value_of_secret(changes, attribute));
}

static void put_change(struct json_writer *w, const cJSON *changes, const cJSON *change,
                       const char *type, bool with_values)
{
    bool secret = with_values && is_sensitive(changes, change, type);

    json_object(w);
    add_name(w, change, "attribute");
    add_name(w, change, "action");
    add_name(w, change, "origin");
    if (with_values) {
        add_value(w, "before", json_get(change, "before"), secret);
        add_value(w, "after", json_get(change, "after"), secret);
    }
    json_object_end(w);
}

/* ---- a resource ---- */
static void add_changes(struct json_writer *w, const cJSON *resource, bool with_values)
{
    const cJSON *changes = json_get(resource, "changes");
    const char *type = json_string(resource, "type");
    int64_t count = 0;

    if (!cJSON_IsArray(changes))
        return;
    json_key(w, "changes");
    json_array(w);
    for (const cJSON *change = changes->child; change != NULL; change = change->next)
        if (cJSON_IsObject(change) && count++ < CHANGES_MAX)
            put_change(w, changes, change, type != NULL ? type : "", with_values);
    json_array_end(w);
    if (count > CHANGES_MAX)
        json_add_number(w, "changes_left_out", count - CHANGES_MAX);
}

void ai_value_resource(struct json_writer *w, const cJSON *resource, bool with_values)
{
    static const char *const names[] = {"address", "type",     "name",  "provider",
                                        "action",  "severity", "origin"};

    json_object(w);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        add_name(w, resource, names[i]);
    add_changes(w, resource, with_values);
    if (!with_values)
        json_add_text(w, "values", "left out, to keep this short");
    json_object_end(w);
}
