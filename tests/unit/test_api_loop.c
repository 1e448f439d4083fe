/* The event loop: timers fire in order, and callbacks may change anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <unistd.h>

#include "api/server/loop.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define TIMERS 200

struct shot {
    struct loop_timer timer;
    int fired;
};
static int64_t last_due_ms;
static int fired;

static void note(struct loop_timer *timer)
{
    assert_true(timer->due_mono_ms >= last_due_ms);
    assert_int_equal(timer->place, 0);
    last_due_ms = timer->due_mono_ms;
    LOOP_OWNER(timer, struct shot, timer)->fired++;
    fired++;
}

static int loop_make(void **state)
{
    static struct loop loop;
    struct err err;

    fired = 0;
    last_due_ms = INT64_MIN;
    *state = &loop;
    return loop_open(&loop, &err);
}

static int loop_unmake(void **state)
{
    loop_done(*state);
    return 0;
}

static void timers_fire_once_and_in_order(void **state)
{
    struct loop *loop = *state;
    struct shot shots[TIMERS] = {0};
    int64_t now_ms = clock_mono_ms();

    for (int i = 0; i < TIMERS; i++) {
        shots[i].timer.fire = note;
        loop_set(loop, &shots[i].timer, now_ms - (i * 7919) % 1000);
    }
    for (int i = 0; i < TIMERS; i += 3)
        loop_clear(loop, &shots[i].timer);
    for (int i = 1; i < TIMERS; i += 3)
        loop_set(loop, &shots[i].timer, now_ms - (i * 104729) % 1000);
    loop_turn(loop, 0);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(shots[i].fired, i % 3 == 0 ? 0 : 1);
    loop_turn(loop, 0);
    assert_int_equal(fired, TIMERS - (TIMERS + 2) / 3);
}

static void a_timer_that_is_not_due_waits(void **state)
{
    struct loop *loop = *state;
    struct shot shot = {.timer.fire = note};
    int64_t begun_ms = clock_mono_ms();

    loop_set(loop, &shot.timer, begun_ms + 30);
    loop_turn(loop, 0);
    assert_int_equal(shot.fired, 0);
    loop_turn(loop, -1); /* sleeps until it is due */
    if (shot.fired == 0)
        loop_turn(loop, -1);
    assert_int_equal(shot.fired, 1);
    assert_true(clock_mono_ms() >= begun_ms + 30);
}

struct pipe_end {
    struct loop *loop;
    struct loop_source source;
    struct pipe_end *other;
    int ready;
};

static void drop_both(struct loop_source *source, uint32_t events)
{
    struct pipe_end *end = LOOP_OWNER(source, struct pipe_end, source);

    assert_true((events & EPOLLIN) != 0);
    end->ready++;
    loop_unwatch(end->loop, &end->source);
    loop_unwatch(end->loop, &end->other->source);
}

static void a_source_that_was_unwatched_this_turn_is_not_called(void **state)
{
    struct loop *loop = *state;
    struct pipe_end ends[2];
    int fds[2][2];
    struct err err;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
        ends[i] = (struct pipe_end){.loop = loop,
                                    .source = {.fd = -1, .ready = drop_both},
                                    .other = &ends[1 - i]};
        assert_int_equal(loop_watch(loop, &ends[i].source, fds[i][0], EPOLLIN, &err), 0);
    }
    loop_turn(loop, 0);
    assert_int_equal(ends[0].ready + ends[1].ready, 1);
    loop_turn(loop, 0);
    assert_int_equal(ends[0].ready + ends[1].ready, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i / 2][i % 2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_once_and_in_order, loop_make,
                                        loop_unmake),
        cmocka_unit_test_setup_teardown(a_timer_that_is_not_due_waits, loop_make,
                                        loop_unmake),
        cmocka_unit_test_setup_teardown(
            a_source_that_was_unwatched_this_turn_is_not_called, loop_make, loop_unmake),
    };

    return cmocka_run_group_tests_name("api_loop", tests, NULL, NULL);
}
