/* HTTPS: the certificate and the key that handshakes present. */
#include "api/server/tls.h"

#include <gnutls/x509.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/path.h"

#define PEM_BYTES_MAX ((size_t)256 << 10)
#define DAY_MS        (INT64_C(24) * 3600 * 1000)
#define WARN_MS       (14 * DAY_MS) /* before the end */
#define KEY_ID_BYTES  64

struct tls_pair {
    gnutls_x509_crt_t *chain; /* the server's own first */
    unsigned chain_len;
    gnutls_x509_privkey_t key;
    int64_t begins_wall_ms, ends_wall_ms; /* when all of the chain is valid */
};

/* What handshakes present: the pair of the one struct tls. */
static const struct tls_pair *presented;

/* ---- reading ---- */
static void pair_free(struct tls_pair *pair)
{
    if (pair == NULL)
        return;
    for (unsigned i = 0; i < pair->chain_len; i++)
        gnutls_x509_crt_deinit(pair->chain[i]);
    gnutls_free(pair->chain);
    if (pair->key != NULL)
        gnutls_x509_privkey_deinit(pair->key); /* wipes it */
    free(pair);
}

static void auto_pair(struct tls_pair **pair)
{
    pair_free(*pair);
}

static int read_chain(struct tls_pair *pair, const char *path, struct err *err)
{
    AUTO(buf_done) struct buf pem = BUF_INIT(PEM_BYTES_MAX);
    gnutls_datum_t text;
    int failed;

    if (path_read(path, &pem, err) < 0)
        return err_wrap(err, "KEDGE_TLS_CERT");
    text = (gnutls_datum_t){(unsigned char *)pem.data, (unsigned)pem.len};
    failed = gnutls_x509_crt_list_import2(&pair->chain, &pair->chain_len, &text,
                                          GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
    if (failed < 0) {
        pair->chain_len = 0;
        return err_set(err, ERR_PERM, "KEDGE_TLS_CERT: no PEM certificate chain: %s",
                       gnutls_strerror(failed));
    }
    return 0;
}

static int read_key(struct tls_pair *pair, const char *path, struct err *err)
{
    struct buf pem = BUF_INIT(PEM_BYTES_MAX);
    gnutls_datum_t text;
    size_t room;
    int failed;

    buf_reserve(&pem, PEM_BYTES_MAX, &room); /* it never moves: no copy stays behind */
    if (path_read(path, &pem, err) < 0) {
        buf_done(&pem);
        return err_wrap(err, "KEDGE_TLS_KEY");
    }
    text = (gnutls_datum_t){(unsigned char *)pem.data, (unsigned)pem.len};
    gnutls_x509_privkey_init(&pair->key);
    failed = gnutls_x509_privkey_import2(pair->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    explicit_bzero(pem.data, pem.len);
    buf_done(&pem);
    if (failed < 0)
        return err_set(err, ERR_PERM,
                       "KEDGE_TLS_KEY: no PEM private key without a password: %s",
                       gnutls_strerror(failed));
    return 0;
}

static int check_match(const struct tls_pair *pair, struct err *err)
{
    unsigned char of_chain[KEY_ID_BYTES], of_key[KEY_ID_BYTES];
    size_t chain_bytes = sizeof of_chain, key_bytes = sizeof of_key;

    if (gnutls_x509_crt_get_key_id(pair->chain[0], GNUTLS_KEYID_USE_SHA256, of_chain,
                                   &chain_bytes) < 0 ||
        gnutls_x509_privkey_get_key_id(pair->key, GNUTLS_KEYID_USE_SHA256, of_key,
                                       &key_bytes) < 0 ||
        chain_bytes != key_bytes || memcmp(of_chain, of_key, key_bytes) != 0)
        return err_set(err, ERR_PERM,
                       "KEDGE_TLS_KEY is not the key of the first certificate of "
                       "KEDGE_TLS_CERT");
    return 0;
}

static void note_validity(struct tls_pair *pair)
{
    pair->begins_wall_ms = INT64_MIN;
    pair->ends_wall_ms = INT64_MAX;
    for (unsigned i = 0; i < pair->chain_len; i++) {
        int64_t begin_ms =
            (int64_t)gnutls_x509_crt_get_activation_time(pair->chain[i]) * 1000;
        int64_t end_ms =
            (int64_t)gnutls_x509_crt_get_expiration_time(pair->chain[i]) * 1000;

        if (begin_ms > pair->begins_wall_ms)
            pair->begins_wall_ms = begin_ms;
        if (end_ms < pair->ends_wall_ms)
            pair->ends_wall_ms = end_ms;
    }
}

static int check_validity(const struct tls_pair *pair, struct err *err)
{
    int64_t now_ms = clock_wall_ms();

    if (pair->ends_wall_ms <= now_ms)
        return err_set(err, ERR_PERM,
                       "KEDGE_TLS_CERT: a certificate of the chain has ended");
    if (pair->begins_wall_ms > now_ms)
        return err_set(err, ERR_PERM,
                       "KEDGE_TLS_CERT: a certificate of the chain is not valid yet");
    return 0;
}

static struct tls_pair *pair_read(const struct conf *conf, struct err *err)
{
    AUTO(auto_pair) struct tls_pair *pair = mem_new(1, sizeof *pair);

    if (read_chain(pair, conf->tls_cert, err) < 0 ||
        read_key(pair, conf->tls_key, err) < 0 || check_match(pair, err) < 0)
        return NULL;
    note_validity(pair);
    return TAKE(pair);
}

/* ---- its end ---- */
static void warn_of_end(const struct tls *tls)
{
    char ends[CLOCK_RFC3339_BYTES];
    int64_t left_ms = tls->pair->ends_wall_ms - clock_wall_ms();

    clock_rfc3339(tls->pair->ends_wall_ms, ends);
    if (left_ms <= 0)
        log_error("tls_expired", "ended=%s", ends);
    else if (left_ms < WARN_MS)
        log_warn("tls_expires", "ends=%s days=%" PRId64, ends, left_ms / DAY_MS);
}

static void on_look(struct loop_timer *timer)
{
    struct tls *tls = LOOP_OWNER(timer, struct tls, look);

    warn_of_end(tls);
    loop_set(tls->loop, timer, clock_mono_ms() + DAY_MS);
}

int64_t tls_expiry_s(const struct tls *tls)
{
    return (tls->pair->ends_wall_ms - clock_wall_ms()) / 1000;
}

/* ---- the pair in use ---- */
static void use(struct tls *tls, struct tls_pair *pair)
{
    char ends[CLOCK_RFC3339_BYTES];

    pair_free(tls->pair);
    tls->pair = pair;
    presented = pair;
    log_info("tls_loaded", "ends=%s certificates=%u",
             clock_rfc3339(pair->ends_wall_ms, ends), pair->chain_len);
    on_look(&tls->look);
}

int tls_open(struct tls *tls, struct loop *loop, const struct conf *conf, struct err *err)
{
    struct tls_pair *pair;

    *tls = (struct tls){.loop = loop, .conf = conf, .look.fire = on_look};
    if (conf->tls_cert == NULL)
        return 0;
    pair = pair_read(conf, err);
    if (pair == NULL)
        return -1;
    use(tls, pair);
    return 0;
}

/* One that nobody would accept now makes things worse. */
void tls_reload(struct tls *tls)
{
    struct tls_pair *pair;
    struct err err;

    if (tls->pair == NULL)
        return;
    pair = pair_read(tls->conf, &err);
    if (pair != NULL && check_validity(pair, &err) < 0)
        pair_free(TAKE(pair));
    if (pair != NULL) {
        use(tls, pair);
        return;
    }
    log_error("tls_problem", "reason=%s", err.message);
    log_error("tls_kept", "");
    warn_of_end(tls);
}

void tls_close(struct tls *tls)
{
    if (tls->pair == NULL)
        return;
    loop_clear(tls->loop, &tls->look);
    presented = NULL;
    pair_free(TAKE(tls->pair));
}

bool tls_is_on(const struct tls *tls)
{
    return tls->pair != NULL;
}

/* ---- a handshake ---- */
static int copy_key(gnutls_privkey_t *out)
{
    gnutls_privkey_t key;

    if (gnutls_privkey_init(&key) < 0)
        return -1;
    if (gnutls_privkey_import_x509(key, presented->key, GNUTLS_PRIVKEY_IMPORT_COPY) < 0) {
        gnutls_privkey_deinit(key);
        return -1;
    }
    *out = key;
    return 0;
}

int tls_present(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                gnutls_pcert_st **chain, unsigned *chain_len, gnutls_ocsp_data_st **ocsp,
                unsigned *ocsp_len, gnutls_privkey_t *key, unsigned *flags)
{
    unsigned len = presented->chain_len;
    gnutls_pcert_st *copy = gnutls_calloc(len, sizeof *copy);

    (void)session;
    (void)info;
    if (copy == NULL)
        return -1;
    if (gnutls_pcert_import_x509_list(copy, presented->chain, &len, 0) < 0) {
        gnutls_free(copy);
        return -1;
    }
    if (copy_key(key) < 0) {
        for (unsigned i = 0; i < len; i++)
            gnutls_pcert_deinit(&copy[i]);
        gnutls_free(copy);
        return -1;
    }
    *chain = copy;
    *chain_len = len;
    *ocsp = NULL;
    *ocsp_len = 0;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return 0;
}
