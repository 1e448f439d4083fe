/* What stands between a program and its Redis and loses replies on purpose.
 *
 *     redis_proxy_open(&proxy);
 *     redis_proxy_start(&proxy, "/dir/proxy.sock", "/dir/redis.sock");
 *     redis_proxy_lose(&proxy, "some-text", 2);
 *
 * From then on a connection that sends a command which holds that text is cut when half
 * of what Redis answers has been passed on; so many times. The command has run. */
#ifndef KEDGE_TESTS_SUPPORT_REDIS_PROXY_H
#define KEDGE_TESTS_SUPPORT_REDIS_PROXY_H

#define REDIS_PROXY_TEXT_BYTES 64

struct redis_proxy {
    struct redis_proxy_orders *orders; /* shared with its process */
};

/* Before any fork that should share it. */
void redis_proxy_open(struct redis_proxy *proxy);
void redis_proxy_close(struct redis_proxy *proxy);
/* In a process of its own, which dies with the calling one. */
void redis_proxy_start(const struct redis_proxy *proxy, const char *listen_path,
                       const char *redis_path);
/* `text` is looked for in what one read gives. */
void redis_proxy_lose(struct redis_proxy *proxy, const char *text, int times);
int redis_proxy_lost(const struct redis_proxy *proxy); /* replies so far */

#endif
