/* Where Redis is, from the settings. */
#include <stddef.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/conf/conf_table.h"
#include "common/redis/redis_address.h"
#include "common/redis/redis_tls.h"

static int open_tls(const struct conf *conf, struct redis_address *address,
                    struct err *err)
{
    const struct redis_tls_files files = {.ca = conf->redis_ca,
                                          .cert = conf->redis_cert,
                                          .key = conf->redis_key,
                                          .name = conf->redis_tls_name};

    if (!address->secure)
        return 0;
    address->tls = redis_tls_new(&files, err);
    return address->tls != NULL ? 0 : -1;
}

int conf_redis_address(const struct conf *conf, struct redis_address *out,
                       struct err *err)
{
    struct redis_address address;

    if (redis_address_parse(conf->redis_url, &address, err) < 0)
        return err_wrap(err, "KEDGE_REDIS_URL");
    if (open_tls(conf, &address, err) < 0) {
        redis_address_done(&address);
        return err_wrap(err, "KEDGE_REDIS_CA, _CERT, _KEY");
    }
    *out = address;
    return 0;
}

static int add_problem(struct buf *problems, const char *name, const char *problem)
{
    buf_fmt(problems, "%s: %s\n", name, problem);
    return 1;
}

/* Whoever names a CA believes that the connection is encrypted. */
static int check_unused(const struct conf *conf, struct buf *problems)
{
    const struct {
        const char *name, *value;
    } settings[] = {
        {"KEDGE_REDIS_CA", conf->redis_ca},
        {"KEDGE_REDIS_CERT", conf->redis_cert},
        {"KEDGE_REDIS_KEY", conf->redis_key},
        {"KEDGE_REDIS_TLS_NAME", conf->redis_tls_name},
    };
    int count = 0;

    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (settings[i].value != NULL)
            count += add_problem(problems, settings[i].name,
                                 "is for TLS, and KEDGE_REDIS_URL is not rediss://");
    }
    return count;
}

static int check_files(const struct conf *conf, struct redis_address *address,
                       struct buf *problems)
{
    struct err err;

    if (conf->redis_cert != NULL && conf->redis_key == NULL)
        return add_problem(problems, "KEDGE_REDIS_KEY",
                           "is needed with KEDGE_REDIS_CERT");
    if (conf->redis_cert == NULL && conf->redis_key != NULL)
        return add_problem(problems, "KEDGE_REDIS_CERT",
                           "is needed with KEDGE_REDIS_KEY");
    if (open_tls(conf, address, &err) < 0)
        return add_problem(problems, "KEDGE_REDIS_CA, _CERT, _KEY", err.message);
    return 0;
}

int conf_redis_check(const struct conf *conf, struct buf *problems)
{
    AUTO(redis_address_done) struct redis_address address = {0};
    struct err err;

    if (conf->redis_url == NULL ||
        redis_address_parse(conf->redis_url, &address, &err) < 0)
        return 0; /* a problem of its own */
    return address.secure ? check_files(conf, &address, problems)
                          : check_unused(conf, problems);
}
