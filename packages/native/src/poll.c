/*
 * Readiness of any pollable descriptor as a callback on the event loop of the calling thread
 * (uv_poll). One callback per wake-up; the receiver reads with a budget, and what it leaves wakes
 * it again because polling is level triggered. The descriptor stays the caller's, who calls
 * pollClose() before closing it.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

static const napi_type_tag poll_tag = {0x68656464706f6c6cULL, 0x9b1f2d6c8e4a4d07ULL};

/* Lives until uv has closed the handle and JavaScript has dropped the external: two references. */
struct poll {
    uv_poll_t handle;
    napi_env env;
    napi_ref callback;
    napi_async_cleanup_hook_handle hook;
    int events;
    int references;
    bool closing;
};

static void release(struct poll *poll)
{
    if (--poll->references == 0)
        free(poll);
}

static void on_closed(uv_handle_t *handle)
{
    struct poll *poll = handle->data;
    if (poll->hook != NULL)
        napi_remove_async_cleanup_hook(poll->hook);
    release(poll);
}

static void close_poll(struct poll *poll)
{
    if (poll->closing)
        return;
    poll->closing = true;
    /* uv_poll_stop() takes the descriptor out of epoll now, so the caller may close it at once. */
    uv_poll_stop(&poll->handle);
    if (poll->callback != NULL)
        napi_delete_reference(poll->env, poll->callback);
    poll->callback = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_closed);
}

/* The environment ends: on_closed() tells it that this handle is gone. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
    (void)hook;
    close_poll(data);
}

static void on_finalize(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    release(data);
}

static void report_exception(napi_env env)
{
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok)
        napi_fatal_exception(env, exception);
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    struct poll *poll = handle->data;
    napi_env env = poll->env;
    napi_handle_scope scope;
    /*
     * For uv a pending error of a socket is the end of polling, and it has stopped already. For us
     * it is something to read like data: a netlink socket that lost messages says so with an error,
     * and goes on.
     */
    if (status < 0)
        uv_poll_start(handle, poll->events, on_event);
    napi_value callback;
    napi_value receiver;
    napi_value argument;
    napi_value ignored;
    if (napi_open_handle_scope(env, &scope) != napi_ok)
        return;
    if (napi_get_reference_value(env, poll->callback, &callback) == napi_ok &&
        napi_get_global(env, &receiver) == napi_ok &&
        napi_create_int32(env, status < 0 ? poll->events : events, &argument) == napi_ok) {
        napi_status called =
            napi_make_callback(env, NULL, receiver, callback, 1, &argument, &ignored);
        if (called == napi_pending_exception)
            report_exception(env);
    }
    napi_close_handle_scope(env, scope);
}

static struct poll *get_poll(napi_env env, napi_value value)
{
    bool tagged = false;
    void *data = NULL;
    if (napi_check_object_type_tag(env, value, &poll_tag, &tagged) == napi_ok && tagged &&
        napi_get_value_external(env, value, &data) == napi_ok)
        return data;
    heddle_throw_type(env, "want a poll handle");
    return NULL;
}

static int start(napi_env env, struct poll *poll, int fd, int events)
{
    uv_loop_t *loop = NULL;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok)
        return -EINVAL;
    int result = uv_poll_init(loop, &poll->handle, fd);
    if (result != 0)
        return result;
    poll->handle.data = poll;
    poll->events = events;
    poll->references = 2;
    result = uv_poll_start(&poll->handle, events, on_event);
    if (result == 0 &&
        napi_add_async_cleanup_hook(env, on_cleanup, poll, &poll->hook) != napi_ok)
        result = -ENOMEM;
    if (result != 0) {
        poll->references = 1;
        close_poll(poll);
    }
    return result;
}

/*
 * pollOpen(fd, events, callback): a handle that keeps the loop alive, or -errno. callback gets the
 * ready events (pollReadable, pollWritable); a pending error of a socket is an event too, found by
 * the next call on it.
 */
static napi_value poll_open(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    napi_value external;
    int32_t fd;
    int32_t events;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_int32(env, args[1], &events))
        return NULL;
    napi_valuetype type;
    if (napi_typeof(env, args[2], &type) != napi_ok || type != napi_function)
        return heddle_throw_type(env, "want a function");
    struct poll *poll = calloc(1, sizeof *poll);
    if (poll == NULL)
        return heddle_number(env, -ENOMEM);
    poll->env = env;
    if (napi_create_reference(env, args[2], 1, &poll->callback) != napi_ok) {
        free(poll);
        return NULL;
    }
    int result = start(env, poll, fd, events);
    if (result != 0) {
        /* Without an initialised handle nothing else will free it; otherwise on_closed() does. */
        if (poll->references == 0) {
            napi_delete_reference(env, poll->callback);
            free(poll);
        }
        return heddle_number(env, result);
    }
    if (napi_create_external(env, poll, on_finalize, NULL, &external) != napi_ok) {
        poll->references = 1;
        close_poll(poll);
        return NULL;
    }
    if (napi_type_tag_object(env, external, &poll_tag) != napi_ok) {
        close_poll(poll);
        return NULL;
    }
    return external;
}

/* pollClose(handle): no callback comes after it; idempotent. */
static napi_value poll_close(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    if (!heddle_get_args(env, info, 1, args))
        return NULL;
    struct poll *poll = get_poll(env, args[0]);
    if (poll == NULL)
        return NULL;
    close_poll(poll);
    return heddle_number(env, 0);
}

/* pollPause(handle): no callback comes until pollResume(). It does not keep the loop alive. */
static napi_value poll_pause(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    if (!heddle_get_args(env, info, 1, args))
        return NULL;
    struct poll *poll = get_poll(env, args[0]);
    if (poll == NULL)
        return NULL;
    return heddle_number(env, poll->closing ? 0 : uv_poll_stop(&poll->handle));
}

/* pollResume(handle): a descriptor that is ready already causes a callback. */
static napi_value poll_resume(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    if (!heddle_get_args(env, info, 1, args))
        return NULL;
    struct poll *poll = get_poll(env, args[0]);
    if (poll == NULL)
        return NULL;
    return heddle_number(
        env, poll->closing ? 0 : uv_poll_start(&poll->handle, poll->events, on_event));
}

/* pollUnref(handle): the handle does not keep the loop alive. */
static napi_value poll_unref(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    if (!heddle_get_args(env, info, 1, args))
        return NULL;
    struct poll *poll = get_poll(env, args[0]);
    if (poll == NULL)
        return NULL;
    if (!poll->closing)
        uv_unref((uv_handle_t *)&poll->handle);
    return heddle_number(env, 0);
}

bool heddle_init_poll(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "pollOpen", poll_open) &&
           heddle_define(env, exports, "pollClose", poll_close) &&
           heddle_define(env, exports, "pollPause", poll_pause) &&
           heddle_define(env, exports, "pollResume", poll_resume) &&
           heddle_define(env, exports, "pollUnref", poll_unref) &&
           heddle_constant(env, exports, "pollReadable", UV_READABLE) &&
           heddle_constant(env, exports, "pollWritable", UV_WRITABLE);
}
