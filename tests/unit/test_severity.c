/* Severity: the contract's table, first match wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/mem.h"
#include "worker/report/severity.h"

struct row {
    const char *action, *type;
    const char *attributes[3]; /* up to the first NULL */
    const char *severity;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t attributes = 0;
        const char *found;
        while (attributes < ARRAY_LEN(rows[i].attributes) &&
               rows[i].attributes[attributes])
            attributes++;
        found = severity_name(
            severity_of(rows[i].action, rows[i].type, rows[i].attributes, attributes));
        if (strcmp(found, rows[i].severity) != 0)
            fail_msg("%s of %s %s: %s, not %s", rows[i].action, rows[i].type,
                     rows[i].attributes[0] ? rows[i].attributes[0] : "", found,
                     rows[i].severity);
    }
}
#define CHECK(rows) check_rows(rows, ARRAY_LEN(rows))

static void losing_a_thing_is_critical(void **unused)
{
    static const struct row rows[] = {
        {"delete", "aws_instance", {"tags.a"}, "critical"},
        {"replace", "aws_instance", {"tags.a"}, "critical"},
        {"create", "aws_instance", {"ami"}, "warning"},
        {"forget", "aws_instance", {NULL}, "warning"},
        {"import", "aws_instance", {NULL}, "warning"},
    };

    (void)unused;
    CHECK(rows);
}

static void a_type_about_access_is_critical(void **unused)
{
    static const char *const types[] = {"aws_iam_user",
                                        "aws_s3_bucket_policy",
                                        "aws_security_group_rule",
                                        "google_compute_firewall",
                                        "aws_network_acl",
                                        "aws_s3_bucket_public_access_block",
                                        "azurerm_role_definition",
                                        "aws_kms_key",
                                        "aws_ebs_encryption_by_default",
                                        "aws_vpc_security_group_ingress_rule",
                                        "aws_egress_only_internet_gateway",
                                        "aws_vpc_ipam_pool_cidr",
                                        "random_password",
                                        "aws_secretsmanager_secret"};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct row row = {"update", types[i], {"tags.a"}, "critical"};
        check_rows(&row, 1);
    }
}

static void an_attribute_about_access_is_critical(void **unused)
{
    static const struct row rows[] = {
        {"update", "t", {"size", "ingress[0].from_port"}, "critical"},
        {"update", "t", {"tags.a", "assume_role_policy"}, "critical"},
        {"update", "t", {"rule[0].Cidr_Blocks[1]"}, "critical"},
        {"update", "t", {"publicly_accessible"}, "critical"},
        {"update", "t", {"master_password"}, "critical"},
    };

    (void)unused;
    CHECK(rows);
}

static void what_only_describes_is_info(void **unused)
{
    static const struct row rows[] = {
        {"update", "t", {"tags.env", "tags_all.env", "description"}, "info"},
        {"update", "t", {"labels[\"a.b/c\"]", "annotations.x"}, "info"},
        {"update", "t", {"tags"}, "info"},
        {"update", "t", {"tags.Role", "tags.secret-santa"}, "info"},
        {"update", "t", {"tags.env", "size"}, "warning"},
        {"update", "t", {"tagset.env"}, "warning"},
        {"update", "t", {NULL}, "warning"},
    };

    (void)unused;
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losing_a_thing_is_critical),
        cmocka_unit_test(a_type_about_access_is_critical),
        cmocka_unit_test(an_attribute_about_access_is_critical),
        cmocka_unit_test(what_only_describes_is_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
