/* A YAML document as a tree, from libyaml's events. */
#include "worker/resolve/atlantis_yaml_tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/resolve/atlantis_yaml.h"

#define DEPTH_MAX  32
#define VALUES_MAX 100000

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one that is looked at */
    const char *text;
    size_t len;
    size_t values; /* read so far */
};

static void reader_done(struct reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

/* ---- errors ---- */

static int bad_at(size_t line, size_t column, const char *sentence, struct err *err)
{
    return err_set(err, ERR_PERM, ATLANTIS_YAML ":%zu:%zu: %s", line, column, sentence);
}

int yaml_tree_bad(const struct yaml_tree *at, struct err *err, const char *format, ...)
{
    char sentence[ERR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return bad_at(at->line, at->column, sentence, err);
}

__attribute__((format(printf, 3, 4))) static int
bad_mark(const yaml_mark_t *mark, struct err *err, const char *format, ...)
{
    char sentence[ERR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return bad_at(mark->line + 1, mark->column + 1, sentence, err);
}

/* Where a byte of the text stands, for what libyaml has no mark of. */
static yaml_mark_t mark_of(const char *text, size_t len, size_t offset)
{
    yaml_mark_t mark = {.index = offset};

    for (size_t i = 0, step; i < offset && i < len; i += step) {
        step = parse_utf8_char(text + i, len - i);
        step = step > 0 ? step : 1;
        mark.line += text[i] == '\n';
        mark.column = text[i] == '\n' ? 0 : mark.column + 1;
    }
    return mark;
}

struct yaml_shown yaml_shown(const char *text)
{
    struct yaml_shown shown = {""};
    const size_t room = sizeof shown.text - sizeof "…";
    size_t len = strlen(text), used = 0;

    for (size_t step; used < len; used += step) {
        step = parse_utf8_char(text + used, len - used);
        if (step == 0 || used + step > room)
            break;
        memcpy(shown.text + used, text + used, step);
        if ((unsigned char)text[used] < ' ' || text[used] == 0x7f)
            shown.text[used] = '?';
    }
    memcpy(shown.text + used, "…", used < len ? sizeof "…" : 0);
    return shown;
}

static bool is_tab(const struct reader *r, const yaml_mark_t *mark)
{
    const char *at = r->text, *end = r->text + r->len;

    for (size_t line = 0; line < mark->line && at < end; line += at[-1] == '\n')
        at++;
    for (size_t column = 0; column < mark->column && at < end; column++)
        at += parse_utf8_char(at, (size_t)(end - at));
    return at < end && *at == '\t';
}

static int bad_yaml(const struct reader *r, struct err *err)
{
    const yaml_parser_t *parser = &r->parser;
    yaml_mark_t mark = parser->problem_mark;

    if (parser->error == YAML_MEMORY_ERROR)
        abort();
    if (parser->error == YAML_READER_ERROR)
        mark = mark_of(r->text, r->len, parser->problem_offset);
    else if (is_tab(r, &mark))
        return bad_mark(&mark, err,
                        "this is not YAML: indent with blanks, not with tabs");
    return bad_mark(&mark, err, "this is not YAML: %s", parser->problem);
}

/* ---- events ---- */

static int advance(struct reader *r, struct err *err)
{
    yaml_event_delete(&r->event);
    return yaml_parser_parse(&r->parser, &r->event) ? 0 : bad_yaml(r, err);
}

static int read_tag(const struct reader *r, const yaml_char_t *tag, enum yaml_kind kind,
                    enum yaml_tag *out, struct err *err)
{
    static const struct {
        const char *uri;
        enum yaml_kind kind;
        enum yaml_tag tag;
    } tags[] = {
        {"!", YAML_IS_TEXT, YAML_TAG_STR},
        {YAML_STR_TAG, YAML_IS_TEXT, YAML_TAG_STR},
        {YAML_INT_TAG, YAML_IS_TEXT, YAML_TAG_INT},
        {YAML_FLOAT_TAG, YAML_IS_TEXT, YAML_TAG_FLOAT},
        {YAML_BOOL_TAG, YAML_IS_TEXT, YAML_TAG_BOOL},
        {YAML_NULL_TAG, YAML_IS_TEXT, YAML_TAG_NULL},
        {YAML_SEQ_TAG, YAML_IS_LIST, YAML_TAG_NONE},
        {YAML_MAP_TAG, YAML_IS_MAP, YAML_TAG_NONE},
    };

    *out = YAML_TAG_NONE;
    if (tag == NULL)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (kind == tags[i].kind && strcmp((const char *)tag, tags[i].uri) == 0) {
            *out = tags[i].tag;
            return 0;
        }
    }
    return bad_mark(&r->event.start_mark, err, "the tag %s is not for here: leave it out",
                    yaml_shown((const char *)tag).text);
}

static int fill_text(const struct reader *r, struct yaml_tree *node, struct err *err)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t len = r->event.data.scalar.length;

    if (memchr(value, '\0', len) != NULL)
        return yaml_tree_bad(node, err, "a text must not have a NUL character in it");
    node->kind = YAML_IS_TEXT;
    node->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = mem_dup_n(value, len);
    return read_tag(r, r->event.data.scalar.tag, node->kind, &node->tag, err);
}

/* The node that the event begins, without what is in it. */
static int fill(const struct reader *r, struct yaml_tree *node, struct err *err)
{
    node->line = r->event.start_mark.line + 1;
    node->column = r->event.start_mark.column + 1;
    if (r->values > VALUES_MAX)
        return yaml_tree_bad(node, err, "there are more than %d values", VALUES_MAX);
    if (r->event.type == YAML_ALIAS_EVENT)
        return yaml_tree_bad(node, err,
                             "aliases are not read: write out what *%s stands for",
                             yaml_shown((const char *)r->event.data.alias.anchor).text);
    if (r->event.type == YAML_SCALAR_EVENT)
        return fill_text(r, node, err);
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        node->kind = YAML_IS_LIST;
        return read_tag(r, r->event.data.sequence_start.tag, node->kind, &node->tag, err);
    }
    assert(r->event.type == YAML_MAPPING_START_EVENT);
    node->kind = YAML_IS_MAP;
    return read_tag(r, r->event.data.mapping_start.tag, node->kind, &node->tag, err);
}

static int read_node(struct reader *r, int depth, struct yaml_tree **out,
                     struct err *err);

static int read_items(struct reader *r, int depth, struct yaml_tree *list,
                      struct err *err)
{
    struct yaml_tree **end = &list->child;

    while (r->event.type != YAML_SEQUENCE_END_EVENT) {
        if (read_node(r, depth, end, err) < 0)
            return -1;
        end = &(*end)->next;
    }
    return advance(r, err);
}

static int read_pairs(struct reader *r, int depth, struct yaml_tree *map, struct err *err)
{
    struct yaml_tree **end = &map->child;

    while (r->event.type != YAML_MAPPING_END_EVENT) {
        if (r->event.type == YAML_SEQUENCE_START_EVENT ||
            r->event.type == YAML_MAPPING_START_EVENT)
            return bad_mark(&r->event.start_mark, err, "a key must be a word");
        if (read_node(r, depth, end, err) < 0)
            return -1;
        if (read_node(r, depth, &(*end)->value, err) < 0)
            return -1;
        end = &(*end)->next;
    }
    return advance(r, err);
}

/* From the event that begins it to the one behind it. */
static int read_node(struct reader *r, int depth, struct yaml_tree **out, struct err *err)
{
    AUTO(auto_yaml_tree) struct yaml_tree *node = mem_new(1, sizeof *node);

    r->values++;
    if (fill(r, node, err) < 0)
        return -1;
    if (node->kind != YAML_IS_TEXT && depth >= DEPTH_MAX)
        return yaml_tree_bad(node, err, "nested more than %d levels deep", DEPTH_MAX);
    if (advance(r, err) < 0)
        return -1;
    if (node->kind == YAML_IS_LIST && read_items(r, depth + 1, node, err) < 0)
        return -1;
    if (node->kind == YAML_IS_MAP && read_pairs(r, depth + 1, node, err) < 0)
        return -1;
    *out = TAKE(node);
    return 0;
}

/* ---- the document ---- */

static struct yaml_tree *empty_document(void)
{
    struct yaml_tree *tree = mem_new(1, sizeof *tree);

    *tree = (struct yaml_tree){.plain = true, .line = 1, .column = 1};
    tree->text = mem_dup("");
    return tree;
}

static int read_document(struct reader *r, struct yaml_tree **out, struct err *err)
{
    AUTO(auto_yaml_tree) struct yaml_tree *tree = NULL;

    if (advance(r, err) < 0) /* to the start of the stream */
        return -1;
    if (advance(r, err) < 0)
        return -1;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        *out = empty_document();
        return 0;
    }
    if (advance(r, err) < 0 || read_node(r, 0, &tree, err) < 0 || advance(r, err) < 0)
        return -1;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return bad_mark(&r->event.start_mark, err,
                        "a second document begins here: there must be one");
    *out = TAKE(tree);
    return 0;
}

static int check_bytes(const char *text, size_t len, struct err *err)
{
    yaml_mark_t mark;
    size_t at = 0;

    if (len > ATLANTIS_YAML_BYTES)
        return err_set(err, ERR_PERM,
                       ATLANTIS_YAML ":1:1: the file has more than %zu KiB",
                       ATLANTIS_YAML_BYTES / 1024);
    if (parse_is_utf8(text, len))
        return 0;
    for (size_t step = 1; step > 0 && text[at] != '\0'; at += step)
        step = parse_utf8_char(text + at, len - at);
    mark = mark_of(text, len, at);
    return bad_mark(&mark, err, "this byte is not UTF-8 text: save the file as UTF-8");
}

struct yaml_tree *yaml_tree_read(const char *text, size_t len, struct err *err)
{
    AUTO(reader_done) struct reader r = {.text = text, .len = len};
    struct yaml_tree *tree = NULL;

    if (check_bytes(text, len, err) < 0)
        return NULL;
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    return read_document(&r, &tree, err) < 0 ? NULL : tree;
}

void yaml_tree_free(struct yaml_tree *tree)
{
    while (tree != NULL) {
        struct yaml_tree *next = tree->next;

        yaml_tree_free(tree->child);
        yaml_tree_free(tree->value);
        free(tree->text);
        free(tree);
        tree = next;
    }
}

void auto_yaml_tree(struct yaml_tree **tree)
{
    yaml_tree_free(*tree);
}

bool yaml_tree_is_null(const struct yaml_tree *tree)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (tree->tag != YAML_TAG_NONE || tree->kind != YAML_IS_TEXT || !tree->plain)
        return tree->tag == YAML_TAG_NULL;
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        if (strcmp(tree->text, nulls[i]) == 0)
            return true;
    return false;
}

const struct yaml_tree *yaml_tree_get(const struct yaml_tree *map, const char *key)
{
    for (const struct yaml_tree *at = map->child; at != NULL; at = at->next)
        if (strcmp(at->text, key) == 0)
            return at->value;
    return NULL;
}
