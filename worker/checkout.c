/* Checkout: the runner's half. It starts the child, confined to what it needs, and reads
 * its answer. */
#include "worker/checkout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/parse.h"
#include "common/path.h"
#include "common/target.h"
#include "worker/child.h"
#include "worker/strings.h"

#define ANSWER_BYTES (64 * 1024)
/* It has nothing to tidy: what it leaves half done, the next one repairs. */
#define GRACE_MS 1000
#define SELF     "/proc/self/exe"

/* What the child is told, and who listens to it. */
struct errand {
    const struct checkout *checkout;
    const char *base_url; /* of the settings */
    char *url, *host, *cache, *lock;
    const char *cert_file; /* NULL: the system's */
    struct strings env;
    struct buf answer;
};

static void errand_done(struct errand *errand)
{
    auto_free(&errand->url);
    auto_free(&errand->host);
    auto_free(&errand->cache);
    auto_free(&errand->lock);
    strings_done(&errand->env);
    buf_done(&errand->answer);
}
