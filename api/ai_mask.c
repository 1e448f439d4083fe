/* What must not reach a model: the tables. */
#include "api/ai_mask.h"

#include <string.h>

#include "api/ai_mask_scan.h"
#include "common/mem.h"
#include "common/parse.h"

#define NAME_BYTES 128

/* Globs over one segment of a path in small letters, '-' written as '_'. The first that
 * fits decides. */
static const struct {
    const char *pattern;
    bool secret;
} names[] = {
    /* About secrets, and none themselves. */
    {"*_arn", false},
    {"*_arns", false},
    {"http_tokens", false},
    {"max_*tokens", false},
    {"*password_length*", false},
    {"*password_age*", false},
    {"*password_reuse*", false},
    {"*password_policy*", false},
    {"*password_expir*", false},
    {"*change_password", false},
    {"*token_ttl*", false},
    {"*token_validity*", false},
    {"*token_expir*", false},

    {"*password*", true},
    {"*passwd*", true},
    {"*passphrase*", true},
    {"pwd", true},
    {"*_pwd", true},
    {"*secret*", true},
    {"*token*", true},
    {"*credential*", true},
    {"*authorization*", true},
    {"*cookie*", true},
    {"*private_key*", true},
    {"*privatekey*", true},
    {"*api_key*", true},
    {"*apikey*", true},
    {"*access_key*", true},
    {"*accesskey*", true},
    {"*account_key*", true},
    {"*accountkey*", true},
    {"*shared_key*", true},
    {"*sharedkey*", true},
    {"*signing_key*", true},
    {"*auth_key*", true},
    {"*master_key*", true},
    {"*primary_key*", true},
    {"*secondary_key*", true},
    {"*admin_key*", true},
    {"*connection_string*", true},
    {"*connectionstring*", true},
    {"*kube_config*", true},
    {"*kubeconfig*", true},
    {"*_dsn", true},
    {"dsn", true},
    {"sig", true},
    {"sas", true},
    {"sas_*", true},
    {"*_sas", true},
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
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t own = strlen(prefixes[i].text);

        if (len >= own + prefixes[i].more && memcmp(text, prefixes[i].text, own) == 0)
            return &prefixes[i];
    }
    return NULL;
}

/* Most names are shorter than most patterns. */
static bool may_fit(const char *pattern, size_t len)
{
    size_t own = strlen(pattern);

    return own <= len + 2;
}

static bool is_secret_segment(const char *segment, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (may_fit(names[i].pattern, len) &&
            parse_glob(names[i].pattern, segment, false))
            return names[i].secret;
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
