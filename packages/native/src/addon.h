/*
 * What the files of the addon share.
 *
 * Convention of every function that JavaScript calls: the result is a non-negative number, or
 * -errno when the kernel refused; TypeScript turns that into a SystemError. An argument of a wrong
 * type is a mistake in our own TypeScript and throws a TypeError. Functions of one concern are in
 * one file, which registers them in its heddle_init_*(). No mutable global state: the addon is
 * loaded once by every thread that wants it.
 */
#ifndef HEDDLE_ADDON_H
#define HEDDLE_ADDON_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "netlink and BPF values are decoded as little endian in TypeScript");

/*
 * Each registers its functions and constants in exports; false with a pending exception on failure.
 */
bool heddle_init_ns(napi_env env, napi_value exports);
bool heddle_init_poll(napi_env env, napi_value exports);
bool heddle_init_netlink(napi_env env, napi_value exports);
bool heddle_init_datagram(napi_env env, napi_value exports);
bool heddle_init_icmp6(napi_env env, napi_value exports);
bool heddle_init_socket(napi_env env, napi_value exports);
bool heddle_init_bpf(napi_env env, napi_value exports);

bool heddle_define(napi_env env, napi_value exports, const char *name, napi_callback callback);
bool heddle_constant(napi_env env, napi_value exports, const char *name, int64_t value);

/* Fills exactly count arguments; throws TypeError when fewer were given. */
bool heddle_get_args(napi_env env, napi_callback_info info, size_t count, napi_value *args);

/* These throw a TypeError and return false when value is not what is wanted. */
bool heddle_get_int32(napi_env env, napi_value value, int32_t *out);
bool heddle_get_uint32(napi_env env, napi_value value, uint32_t *out);
bool heddle_get_uint64(napi_env env, napi_value value, uint64_t *out); /* a BigInt */
bool heddle_get_bool(napi_env env, napi_value value, bool *out);
/*
 * Copies at most size - 1 bytes of UTF-8 and a NUL; a longer string, or one that holds a NUL, is
 * refused.
 */
bool heddle_get_string(napi_env env, napi_value value, char *out, size_t size);
/* A Uint8Array (or Buffer); borrowed until the callback returns or runs JavaScript. */
bool heddle_get_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length);
/* False, without an exception, for undefined and null. */
bool heddle_is_given(napi_env env, napi_value value);

/* NULL, with a pending exception, when the value cannot be made. */
napi_value heddle_number(napi_env env, int64_t value);
napi_value heddle_bigint(napi_env env, uint64_t value);
napi_value heddle_string(napi_env env, const char *text);
napi_value heddle_bytes(napi_env env, const void *data, size_t length); /* a Buffer with a copy */
bool heddle_set(napi_env env, napi_value object, const char *name, napi_value value);

/* Throws a TypeError and returns NULL, so that a callback can return it. */
napi_value heddle_throw_type(napi_env env, const char *message);

/*
 * Moves the calling thread into the network namespace netns and stores a descriptor of the old one
 * in *home; nothing happens when netns is negative. Returns 0 or -errno. Every success is paired
 * with heddle_netns_return(), which ends the process when the thread cannot go back: a thread in a
 * wrong namespace would program the wrong network.
 */
int heddle_netns_enter(int netns, int *home);
void heddle_netns_return(int home);

#endif
