/* Certificates for a test, as PEM files.
 *
 *     tls_files_make(dir, &(struct tls_file){.name = "ca"});
 *     tls_files_make(dir, &(struct tls_file){
 *                             .name = "server", .ca = "ca", .alt = "DNS:localhost"});
 *
 * writes ca.pem, ca.key, server.pem and server.key. They hold for a day. Whatever does
 * not work aborts the test. */
#ifndef KEDGE_TESTS_SUPPORT_TLS_FILES_H
#define KEDGE_TESTS_SUPPORT_TLS_FILES_H

#include <stdbool.h>

struct tls_file {
    const char *name; /* of the files and of the subject */
    const char *ca;   /* whose files sign; NULL: it is a CA, signed by itself */
    const char *alt;  /* subject alternative names: "DNS:a,IP:127.0.0.1"; may be NULL */
    const char *password; /* of the key; NULL: none */
    bool expired;
};

void tls_files_make(const char *dir, const struct tls_file *file);

#endif
