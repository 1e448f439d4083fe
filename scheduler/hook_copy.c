/* The scheduler's copy of all hooks. */
#include "scheduler/hook_copy.h"

#include <stdlib.h>

#include "common/base/mem.h"

/* Hooks that change while they are read are read again. */
#define TRIES 3

void hook_copy_done(struct hook_copy *copy)
{
    for (size_t i = 0; i < copy->page_count; i++)
        redis_reply_free(&copy->pages[i]);
    free(copy->pages);
    free(copy->list);
    *copy = (struct hook_copy){0};
}

static int take_page(struct hook_copy *copy, const struct redisReply *reply, size_t count,
                     struct err *err)
{
    copy->list = mem_grow(copy->list, copy->count + count + 1, sizeof(struct hook));
    for (size_t i = 0; i < count; i++)
        if (hook_list_at(reply, i, &copy->list[copy->count++], err) < 0)
            return -1;
    return 0;
}

static int read_page(struct hook_copy *copy, struct redis *redis, struct hook_page *page,
                     struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;

    hook_list(&cmd, redis_prefix(redis), (int64_t)copy->count, HOOK_LIST_PAGE_MAX);
    if (redis_call(redis, &cmd, 0, &reply, err) < 0 ||
        hook_list_reply(reply, page, err) < 0 ||
        take_page(copy, reply, page->count, err) < 0)
        return -1;
    copy->pages =
        mem_grow(copy->pages, copy->page_count + 1, sizeof(struct redisReply *));
    copy->pages[copy->page_count++] = TAKE(reply);
    return 0;
}

/* 1: all of one revision; 0: they changed meanwhile; -1. */
static int read_all(struct hook_copy *copy, struct redis *redis, struct err *err)
{
    struct hook_page page;

    do {
        if (read_page(copy, redis, &page, err) < 0)
            return -1;
        if (copy->known && page.revision != copy->revision)
            return 0;
        copy->known = true;
        copy->revision = page.revision;
    } while (page.count > 0 && (int64_t)copy->count < page.total);
    return 1;
}

int hook_copy_read(struct hook_copy *copy, struct redis *redis, struct err *err)
{
    for (int i = 0; i < TRIES; i++) {
        AUTO(hook_copy_done) struct hook_copy fresh = {0};
        struct hook_copy old = *copy;
        int rc = read_all(&fresh, redis, err);

        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        *copy = fresh;
        fresh = old;
        return 0;
    }
    return err_set(err, ERR_TEMP, "the hooks change while they are read");
}
