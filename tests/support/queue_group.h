/* What the test programs of the queue share: one Redis a program, emptied for each test,
 * and after each test nothing left that fsck would repair. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_GROUP_H
#define KEDGE_TESTS_SUPPORT_QUEUE_GROUP_H

#include "tests/support/queue_steps.h"

extern struct queue_fixture fixture;

#define ask(...)               queue_fixture_ask(&fixture, __VA_ARGS__)
#define assert_status(id, was) assert_string_equal(step_status(&fixture, id), was)
#define QUEUE_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, queue_test_setup, queue_test_teardown)

/* For cmocka_run_group_tests. */
int queue_group_setup(void **state);
int queue_group_teardown(void **state);
int queue_test_setup(void **state);
int queue_test_teardown(void **state);

#endif
