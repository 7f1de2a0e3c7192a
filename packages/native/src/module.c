/*
 * Entry of the addon, and the helpers that every file uses to talk to Node-API. The module keeps no
 * global state, so each environment (the main thread and every Worker) initialises its own exports.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * The name of the last Node-API failure as a JavaScript exception, unless one is pending already.
 */
static bool fail(napi_env env)
{
    const napi_extended_error_info *info = NULL;
    bool pending = false;
    if (napi_get_last_error_info(env, &info) != napi_ok)
        return false;
    const char *message = info->error_message != NULL ? info->error_message : "Node-API failure";
    if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
        napi_throw_error(env, "ERR_HEDDLE_NATIVE", message);
    return false;
}

bool heddle_define(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) != napi_ok)
        return fail(env);
    return heddle_set(env, exports, name, function);
}

bool heddle_constant(napi_env env, napi_value exports, const char *name, int64_t value)
{
    napi_value number = heddle_number(env, value);
    return number != NULL && heddle_set(env, exports, name, number);
}

bool heddle_set(napi_env env, napi_value object, const char *name, napi_value value)
{
    if (value == NULL)
        return false;
    return napi_set_named_property(env, object, name, value) == napi_ok || fail(env);
}

napi_value heddle_throw_type(napi_env env, const char *message)
{
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return NULL;
}

bool heddle_get_args(napi_env env, napi_callback_info info, size_t count, napi_value *args)
{
    size_t given = count;
    if (napi_get_cb_info(env, info, &given, args, NULL, NULL) != napi_ok)
        return fail(env);
    if (given >= count)
        return true;
    heddle_throw_type(env, "too few arguments");
    return false;
}

bool heddle_get_int32(napi_env env, napi_value value, int32_t *out)
{
    double number;
    if (napi_get_value_double(env, value, &number) == napi_ok && number >= INT32_MIN &&
        number <= INT32_MAX && number == (double)(int32_t)number) {
        *out = (int32_t)number;
        return true;
    }
    heddle_throw_type(env, "want a 32-bit signed integer");
    return false;
}

bool heddle_get_uint32(napi_env env, napi_value value, uint32_t *out)
{
    double number;
    if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 &&
        number <= UINT32_MAX && number == (double)(uint32_t)number) {
        *out = (uint32_t)number;
        return true;
    }
    heddle_throw_type(env, "want a 32-bit unsigned integer");
    return false;
}

bool heddle_get_uint64(napi_env env, napi_value value, uint64_t *out)
{
    bool lossless = false;
    if (napi_get_value_bigint_uint64(env, value, out, &lossless) == napi_ok && lossless)
        return true;
    heddle_throw_type(env, "want a 64-bit unsigned BigInt");
    return false;
}

bool heddle_get_bool(napi_env env, napi_value value, bool *out)
{
    if (napi_get_value_bool(env, value, out) == napi_ok)
        return true;
    heddle_throw_type(env, "want a boolean");
    return false;
}

bool heddle_get_string(napi_env env, napi_value value, char *out, size_t size)
{
    size_t length = 0;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
        heddle_throw_type(env, "want a string");
        return false;
    }
    if (length >= size) {
        heddle_throw_type(env, "string is too long");
        return false;
    }
    if (napi_get_value_string_utf8(env, value, out, size, &length) != napi_ok)
        return fail(env);
    if (strlen(out) == length)
        return true;
    heddle_throw_type(env, "string holds a NUL");
    return false;
}

bool heddle_get_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length)
{
    napi_typedarray_type type;
    void *pointer = NULL;
    bool is_typedarray = false;
    if (napi_is_typedarray(env, value, &is_typedarray) == napi_ok && is_typedarray &&
        napi_get_typedarray_info(env, value, &type, length, &pointer, NULL, NULL) == napi_ok &&
        type == napi_uint8_array) {
        *data = pointer;
        return true;
    }
    heddle_throw_type(env, "want a Uint8Array");
    return false;
}

bool heddle_is_given(napi_env env, napi_value value)
{
    napi_valuetype type;
    return napi_typeof(env, value, &type) == napi_ok && type != napi_undefined && type != napi_null;
}

napi_value heddle_number(napi_env env, int64_t value)
{
    napi_value result = NULL;
    if (napi_create_int64(env, value, &result) != napi_ok)
        fail(env);
    return result;
}

napi_value heddle_bigint(napi_env env, uint64_t value)
{
    napi_value result = NULL;
    if (napi_create_bigint_uint64(env, value, &result) != napi_ok)
        fail(env);
    return result;
}

napi_value heddle_string(napi_env env, const char *text)
{
    napi_value result = NULL;
    if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result) != napi_ok)
        fail(env);
    return result;
}

napi_value heddle_bytes(napi_env env, const void *data, size_t length)
{
    napi_value result = NULL;
    if (napi_create_buffer_copy(env, length, data, NULL, &result) != napi_ok)
        fail(env);
    return result;
}

/* errnoName(errno): "ENOENT"; an errno that the C library does not know is "E<number>". */
static napi_value errno_name(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t number;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &number))
        return NULL;
    /* Two names of one number: the manual pages of the system calls say EOPNOTSUPP. */
    const char *name = number == EOPNOTSUPP ? "EOPNOTSUPP" : strerrorname_np(number);
    if (name != NULL)
        return heddle_string(env, name);
    char unknown[16];
    snprintf(unknown, sizeof unknown, "E%d", number);
    return heddle_string(env, unknown);
}

/* errnoText(errno): "No such file or directory", never translated. */
static napi_value errno_text(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t number;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &number))
        return NULL;
    const char *text = strerrordesc_np(number);
    return heddle_string(env, text != NULL ? text : "Unknown error");
}

/* Builds without bpf.c are possible; the real definition overrides this one. */
__attribute__((weak)) bool heddle_init_bpf(napi_env env, napi_value exports)
{
    (void)env;
    (void)exports;
    return true;
}

NAPI_MODULE_INIT()
{
    bool done = heddle_define(env, exports, "errnoName", errno_name) &&
                heddle_define(env, exports, "errnoText", errno_text) &&
                heddle_init_ns(env, exports) && heddle_init_poll(env, exports) &&
                heddle_init_netlink(env, exports) && heddle_init_datagram(env, exports) &&
                heddle_init_icmp6(env, exports) && heddle_init_socket(env, exports) &&
                heddle_init_bpf(env, exports);
    return done ? exports : NULL;
}
