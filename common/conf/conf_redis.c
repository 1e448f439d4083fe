/* Where Redis is, from the settings. */
#include "common/conf/conf.h"
#include "common/redis/redis_address.h"
#include "common/redis/redis_tls.h"

int conf_redis_address(const struct conf *conf, struct redis_address *out,
                       struct err *err)
{
    const struct redis_tls_files files = {.ca = conf->redis_ca,
                                          .cert = conf->redis_cert,
                                          .key = conf->redis_key,
                                          .name = conf->redis_tls_name};
    struct redis_address address;

    if (redis_address_parse(conf->redis_url, &address, err) < 0)
        return err_wrap(err, "KEDGE_REDIS_URL");
    if (address.secure) {
        address.tls = redis_tls_new(&files, err);
        if (address.tls == NULL) {
            redis_address_done(&address);
            return -1;
        }
    }
    *out = address;
    return 0;
}
