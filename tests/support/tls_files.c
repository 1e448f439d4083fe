/* Certificates for a test, made with libcrypto. */
#include "tests/support/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define DAY_S 86400

static void must(bool works, const char *what)
{
    if (works)
        return;
    fprintf(stderr, "tls_files: cannot %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

static FILE *open_file(const char *dir, const char *name, const char *suffix,
                       const char *mode)
{
    AUTO(auto_free) char *path = mem_fmt("%s/%s.%s", dir, name, suffix);
    FILE *file = fopen(path, mode);

    must(file != NULL, path);
    return file;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

/* Without its signature. */
static X509 *describe(const struct tls_file *file, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    uint32_t serial;

    must(certificate != NULL && subject != NULL &&
             RAND_bytes((unsigned char *)&serial, sizeof serial) == 1,
         "begin a certificate");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), file->expired ? -DAY_S : DAY_S);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               (const unsigned char *)file->name, -1, -1, 0);
    X509_set_subject_name(certificate, subject);
    X509_NAME_free(subject);
    return certificate;
}

/* Signed by itself without an issuer's key. */
static void sign(const struct tls_file *file, const char *dir, X509 *certificate,
                 EVP_PKEY *key)
{
    X509 *issuer = NULL;
    EVP_PKEY *issuer_key = NULL;

    if (file->ca != NULL) {
        FILE *pem = open_file(dir, file->ca, "pem", "r");
        FILE *pem_key = open_file(dir, file->ca, "key", "r");

        issuer = PEM_read_X509(pem, NULL, NULL, NULL);
        issuer_key = PEM_read_PrivateKey(pem_key, NULL, NULL, NULL);
        must(issuer != NULL && issuer_key != NULL, "read the CA");
        fclose(pem);
        fclose(pem_key);
    }
    X509_set_issuer_name(certificate,
                         X509_get_subject_name(issuer != NULL ? issuer : certificate));
    add_extension(certificate, issuer != NULL ? issuer : certificate,
                  NID_basic_constraints,
                  issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
    if (file->alt != NULL)
        add_extension(certificate, issuer, NID_subject_alt_name, file->alt);
    must(X509_sign(certificate, issuer_key != NULL ? issuer_key : key, EVP_sha256()) > 0,
         "sign");
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
}

static void write_files(const struct tls_file *file, const char *dir, X509 *certificate,
                        EVP_PKEY *key)
{
    FILE *pem = open_file(dir, file->name, "pem", "w");
    FILE *pem_key = open_file(dir, file->name, "key", "w");
    const EVP_CIPHER *cipher = file->password != NULL ? EVP_aes_128_cbc() : NULL;
    int password_bytes = file->password != NULL ? (int)strlen(file->password) : 0;

    must(PEM_write_X509(pem, certificate) == 1 &&
             PEM_write_PrivateKey(pem_key, key, cipher,
                                  (const unsigned char *)file->password, password_bytes,
                                  NULL, NULL) == 1 &&
             fclose(pem) == 0 && fclose(pem_key) == 0,
         "write the files");
}

void tls_files_make(const char *dir, const struct tls_file *file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate;

    must(key != NULL, "make a key");
    certificate = describe(file, key);
    sign(file, dir, certificate, key);
    write_files(file, dir, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}
