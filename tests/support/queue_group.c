/* What the test programs of the queue share. */
#include "tests/support/queue_group.h"

struct queue_fixture fixture;

int queue_group_setup(void **state)
{
    (void)state;
    queue_fixture_start(&fixture);
    return 0;
}

int queue_group_teardown(void **state)
{
    (void)state;
    queue_fixture_stop(&fixture);
    return 0;
}

int queue_test_setup(void **state)
{
    (void)state;
    queue_fixture_reset(&fixture);
    return 0;
}

int queue_test_teardown(void **state)
{
    (void)state;
    return step_fsck(&fixture) == 0 ? 0 : -1;
}
