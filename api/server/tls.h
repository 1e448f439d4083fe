/* HTTPS: the certificate and the key that handshakes present.
 *
 * They are read from their files at start and again on SIGHUP. A handshake takes the pair
 * of its moment and owns its copy, so that a new pair disturbs nobody: connections that
 * are open, or are being made, go on. A pair that is not right is refused with a sentence
 * and the one before stays. Its end is looked at when it is read and each day. One
 * thread; one per process, because the library's callback carries nothing of ours. */
#ifndef KEDGE_API_SERVER_TLS_H
#define KEDGE_API_SERVER_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>

#include "api/server/loop.h"
#include "common/conf/conf.h"

/* TLS 1.2 and 1.3. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls_pair;

struct tls {
    struct loop *loop;       /* borrowed */
    const struct conf *conf; /* borrowed */
    struct tls_pair *pair;   /* owned; NULL: plain HTTP */
    struct loop_timer look;
};

/* Reads the pair if the settings name one. ERR_PERM: it cannot be used, and why. Call
 * tls_close after a failure too. */
int tls_open(struct tls *tls, struct loop *loop, const struct conf *conf,
             struct err *err);
void tls_close(struct tls *tls);
bool tls_is_on(const struct tls *tls);
/* Reads it again and logs what came of it: `tls_loaded`, or `tls_problem` and `tls_kept`.
 * Nothing without TLS. */
void tls_reload(struct tls *tls);
/* Seconds until the first certificate of the chain that ends does; negative: has ended.
 */
int64_t tls_expiry_s(const struct tls *tls);

/* For the library: what a handshake presents. */
int tls_present(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                gnutls_pcert_st **chain, unsigned *chain_len, gnutls_ocsp_data_st **ocsp,
                unsigned *ocsp_len, gnutls_privkey_t *key, unsigned *flags);

#endif
