/* What must not reach a model: the tables. */
#include "api/ai/ai_mask.h"

#include <string.h>

#include "api/ai/ai_mask_scan.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define NAME_BYTES 128

/* Of one segment of a path in small letters, '-' written as '_'. */
enum place { ANYWHERE, WHOLE, FIRST, LAST };
#define NAME(text) text, sizeof(text) - 1
static const struct {
    const char *text;
    size_t len;
    enum place place;
} names[] = {
    {NAME("password"), ANYWHERE},
    {NAME("passwd"), ANYWHERE},
    {NAME("passphrase"), ANYWHERE},
    {NAME("passcode"), ANYWHERE},
    {NAME("pass"), LAST},
    {NAME("pwd"), WHOLE},
    {NAME("_pwd"), LAST},
    {NAME("psk"), LAST},
    {NAME("secret"), ANYWHERE},
    {NAME("token"), ANYWHERE},
    {NAME("credential"), ANYWHERE},
    {NAME("authorization"), ANYWHERE},
    {NAME("auth"), WHOLE},
    {NAME("_auth"), WHOLE}, /* of .npmrc */
    {NAME("cookie"), ANYWHERE},
    {NAME("private_key"), ANYWHERE},
    {NAME("privatekey"), ANYWHERE},
    {NAME("api_key"), ANYWHERE},
    {NAME("apikey"), ANYWHERE},
    {NAME("access_key"), ANYWHERE},
    {NAME("accesskey"), ANYWHERE},
    {NAME("account_key"), ANYWHERE},
    {NAME("accountkey"), ANYWHERE},
    {NAME("shared_key"), ANYWHERE},
    {NAME("sharedkey"), ANYWHERE},
    {NAME("signing_key"), ANYWHERE},
    {NAME("signingkey"), ANYWHERE},
    {NAME("encryption_key"), LAST},
    {NAME("encryptionkey"), LAST},
    {NAME("storage_key"), LAST},
    {NAME("client_key"), LAST},
    {NAME("license_key"), LAST},
    {NAME("subscription_key"), LAST},
    {NAME("instrumentation_key"), LAST},
    {NAME("auth_key"), ANYWHERE},
    {NAME("master_key"), ANYWHERE},
    {NAME("primary_key"), ANYWHERE},
    {NAME("secondary_key"), ANYWHERE},
    {NAME("admin_key"), ANYWHERE},
    {NAME("connection_string"), ANYWHERE},
    {NAME("connectionstring"), ANYWHERE},
    {NAME("webhook_url"), ANYWHERE},
    {NAME("kube_config"), ANYWHERE},
    {NAME("kubeconfig"), ANYWHERE},
    {NAME("_dsn"), LAST},
    {NAME("dsn"), WHOLE},
    {NAME("sig"), WHOLE},
    {NAME("sas"), WHOLE},
    {NAME("sas_"), FIRST},
    {NAME("_sas"), LAST},
};

/* Globs: about secrets, and none themselves. */
static const char *const open_names[] = {
    "*_arn",
    "*_arns",
    "http_tokens",
    "max_*tokens",
    "*password_length*",
    "*password_age*",
    "*password_reuse*",
    "*password_policy*",
    "*password_expir*",
    "*change_password",
    "*token_ttl*",
    "*token_validity*",
    "*token_expir*",
    "*bypass",
};

/* Resources whose whole purpose is a secret, and where it stands in them. */
static const struct {
    const char *type, *attribute;
} holders[] = {
    {"*secret*", "data*"},         {"*secret*", "binary_data*"},
    {"*secret*", "string_data*"},  {"*secret*", "value*"},
    {"*ssm_parameter*", "value*"}, {"*ssm_parameter*", "insecure_value*"},
    {"*key_vault*", "value*"},
};

/* As services write them: how they begin, and how many more characters a real one has at
 * least. */
static const struct ai_mask_prefix prefixes[] = {
    {"AKIA", 12},        {"ASIA", 12},     {"AIza", 20},     {"ghp_", 20},
    {"gho_", 20},        {"ghu_", 20},     {"ghs_", 20},     {"ghr_", 20},
    {"github_pat_", 20}, {"glpat-", 16},   {"glptt-", 16},   {"gldt-", 16},
    {"xoxa-", 10},       {"xoxb-", 10},    {"xoxp-", 10},    {"xoxr-", 10},
    {"xoxs-", 10},       {"xapp-", 10},    {"sk-", 16},      {"sk_live_", 10},
    {"sk_test_", 10},    {"rk_live_", 10}, {"rk_test_", 10}, {"whsec_", 16},
    {"hvs.", 16},        {"hvb.", 16},     {"eyJ", 16},      {"SG.", 16},
    {"dop_v1_", 16},     {"npm_", 20},     {"pypi-", 16},    {"ya29.", 16},
    {"key-", 20},        {"shpat_", 16},   {"lin_api_", 16}, {"atlasv1.", 16},
};

const struct ai_mask_prefix *ai_mask_find_prefix(const char *text, size_t len)
{
    for (size_t i = 0; len > 0 && i < ARRAY_LEN(prefixes); i++) {
        size_t own;

        if (prefixes[i].text[0] != text[0])
            continue;
        own = strlen(prefixes[i].text);
        if (len >= own + prefixes[i].more && memcmp(text, prefixes[i].text, own) == 0)
            return &prefixes[i];
    }
    return NULL;
}

/* `segment` ends with a NUL behind its `len` bytes. */
static bool has_name(const char *segment, size_t len, size_t i)
{
    const char *text = names[i].text;
    size_t own = names[i].len;

    if (own > len)
        return false;
    switch (names[i].place) {
    case ANYWHERE:
        return strstr(segment, text) != NULL;
    case WHOLE:
        return own == len && memcmp(segment, text, own) == 0;
    case FIRST:
        return memcmp(segment, text, own) == 0;
    case LAST:
        return memcmp(segment + len - own, text, own) == 0;
    }
    return false;
}

static bool is_open(const char *segment)
{
    for (size_t i = 0; i < ARRAY_LEN(open_names); i++)
        if (parse_glob(open_names[i], segment, false))
            return true;
    return false;
}

static bool is_secret_segment(const char *segment, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (has_name(segment, len, i))
            return !is_open(segment);
    return false;
}

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

bool ai_mask_is_secret_name(const char *name)
{
    static const char separators[] = ".[]\"'/: ";
    char segment[NAME_BYTES];

    for (const char *at = name; *at != '\0';) {
        size_t len = strcspn(at, separators), kept = len;

        if (kept >= sizeof segment)
            kept = sizeof segment - 1;
        for (size_t i = 0; i < kept; i++)
            segment[i] = folded(at[i]);
        segment[kept] = '\0';
        if (kept > 0 && is_secret_segment(segment, kept))
            return true;
        at += len;
        at += strspn(at, separators);
    }
    return false;
}

bool ai_mask_is_secret_of(const char *type, const char *attribute)
{
    for (size_t i = 0; i < ARRAY_LEN(holders); i++)
        if (parse_glob(holders[i].type, type, true) &&
            parse_glob(holders[i].attribute, attribute, true))
            return true;
    return false;
}
