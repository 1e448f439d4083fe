/* TLS to Redis: whom we trust, and what we show. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/redis/redis_tls_internal.h"

bool redis_tls_built(void)
{
    return true;
}

const char *redis_tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason != NULL ? reason : "no reason given";
}

/* OpenSSL says little about a file that is not there. */
static int check_readable(const char *path, struct err *err)
{
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 ? 0 : err_sys(err, ERR_INPUT, errno, "cannot read %s", path);
}

/* Nobody is there to be asked, and OpenSSL would ask at the terminal. */
static int no_password(char *bytes, int size, int rw_flag, void *arg)
{
    (void)bytes;
    (void)size;
    (void)rw_flag;
    (void)arg;
    return -1;
}

static int trust_ca(SSL_CTX *trust, const char *path, struct err *err)
{
    if (path == NULL) {
        if (SSL_CTX_set_default_verify_paths(trust) != 1)
            return err_set(err, ERR_INPUT, "the system's store of CAs: %s",
                           redis_tls_reason());
        return 0;
    }
    if (check_readable(path, err) < 0)
        return -1;
    if (SSL_CTX_load_verify_file(trust, path) != 1)
        return err_set(err, ERR_INPUT, "%s holds no certificate in PEM form: %s", path,
                       redis_tls_reason());
    return 0;
}

/* The key first: a certificate that does not fit would be told as a fault of the key's
 * file. */
static int show_certificate(SSL_CTX *trust, const char *cert, const char *key,
                            struct err *err)
{
    if (cert == NULL && key == NULL)
        return 0;
    if (cert == NULL || key == NULL)
        return err_set(err, ERR_INPUT, "a certificate and its key go together");
    if (check_readable(cert, err) < 0 || check_readable(key, err) < 0)
        return -1;
    if (SSL_CTX_use_PrivateKey_file(trust, key, SSL_FILETYPE_PEM) != 1)
        return err_set(err, ERR_INPUT,
                       "%s holds no private key in PEM form and without a password: %s",
                       key, redis_tls_reason());
    if (SSL_CTX_use_certificate_chain_file(trust, cert) != 1)
        return err_set(err, ERR_INPUT, "%s holds no certificate in PEM form: %s", cert,
                       redis_tls_reason());
    if (SSL_CTX_check_private_key(trust) != 1)
        return err_set(err, ERR_INPUT,
                       "the key in %s is not that of the certificate in %s", key, cert);
    return 0;
}

struct redis_tls *redis_tls_new(const struct redis_tls_files *files, struct err *err)
{
    SSL_CTX *trust = SSL_CTX_new(TLS_client_method());
    struct redis_tls *tls = mem_new(1, sizeof *tls);

    if (trust == NULL)
        abort(); /* out of memory */
    *tls = (struct redis_tls){.trust = trust, .name = mem_dup(files->name)};
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(trust, TLS1_2_VERSION);
    SSL_CTX_set_verify(trust, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(trust, no_password);
    /* A server that is killed says no good-bye; a cut reply is noticed anyway. */
    SSL_CTX_set_options(trust, SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* hiredis may have moved its buffer when a write goes on. */
    SSL_CTX_set_mode(trust, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (trust_ca(trust, files->ca, err) < 0 ||
        show_certificate(trust, files->cert, files->key, err) < 0) {
        redis_tls_free(tls);
        return NULL;
    }
    return tls;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->trust);
    free(tls->name);
    free(tls);
}
