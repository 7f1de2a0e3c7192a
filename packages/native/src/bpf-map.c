/*
 * BPF maps by descriptor. The kernel reads and writes as many bytes of keys and values as the map
 * says, so bpf.ts, the only caller, checks the lengths against the map's info before it calls.
 */
#define _GNU_SOURCE
#include "bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

/* bpfMapInfo(fd): {error, ...} */
static napi_value map_info(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    napi_value result;
    int32_t fd;
    struct bpf_map_info map = {0};
    __u32 length = sizeof map;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    int error = bpf_obj_get_info_by_fd(fd, &map, &length);
    bool done = napi_create_object(env, &result) == napi_ok &&
                heddle_set_number(env, result, "error", error) &&
                heddle_set_number(env, result, "id", map.id) &&
                heddle_set_number(env, result, "type", map.type) &&
                heddle_set_number(env, result, "flags", map.map_flags) &&
                heddle_set_number(env, result, "keySize", map.key_size) &&
                heddle_set_number(env, result, "valueSize", map.value_size) &&
                heddle_set_number(env, result, "entryCountMax", map.max_entries) &&
                heddle_set_number(env, result, "btfId", map.btf_id) &&
                heddle_set_number(env, result, "btfKeyTypeId", map.btf_key_type_id) &&
                heddle_set_number(env, result, "btfValueTypeId", map.btf_value_type_id) &&
                heddle_set(env, result, "name", heddle_string(env, map.name));
    return done ? result : NULL;
}

/* Reads (fd, bytes, bytes, ...) of which the second buffer may be missing. */
struct map_call {
    int32_t fd;
    uint8_t *key;
    uint8_t *value;
};

static bool get_map_call(napi_env env, const napi_value *args, struct map_call *out)
{
    size_t length;
    return heddle_get_int32(env, args[0], &out->fd) &&
           heddle_get_bytes(env, args[1], &out->key, &length) &&
           heddle_get_bytes(env, args[2], &out->value, &length);
}

/* bpfMapLookup(fd, key, value) */
static napi_value map_lookup(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    struct map_call call;
    if (!heddle_get_args(env, info, 3, args) || !get_map_call(env, args, &call))
        return NULL;
    return heddle_number(env, bpf_map_lookup_elem(call.fd, call.key, call.value));
}

/* bpfMapUpdate(fd, key, value, flags) */
static napi_value map_update(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    struct map_call call;
    uint32_t flags;
    if (!heddle_get_args(env, info, 4, args) || !get_map_call(env, args, &call) ||
        !heddle_get_uint32(env, args[3], &flags))
        return NULL;
    return heddle_number(env, bpf_map_update_elem(call.fd, call.key, call.value, flags));
}

/* bpfMapDelete(fd, key) */
static napi_value map_delete(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    uint8_t *key;
    size_t length;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &key, &length))
        return NULL;
    return heddle_number(env, bpf_map_delete_elem(fd, key));
}

/* bpfMapNextKey(fd, key or undefined, next) */
static napi_value map_next_key(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    int32_t fd;
    uint8_t *key = NULL;
    uint8_t *next;
    size_t length;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[2], &next, &length))
        return NULL;
    if (heddle_is_given(env, args[1]) && !heddle_get_bytes(env, args[1], &key, &length))
        return NULL;
    return heddle_number(env, bpf_map_get_next_key(fd, key, next));
}

/* bpfMapUpdateBatch(fd, keys, values, count): entries written or -errno */
static napi_value map_update_batch(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    struct map_call call;
    uint32_t count;
    if (!heddle_get_args(env, info, 4, args) || !get_map_call(env, args, &call) ||
        !heddle_get_uint32(env, args[3], &count))
        return NULL;
    int error = bpf_map_update_batch(call.fd, call.key, call.value, &count, NULL);
    return heddle_number(env, error < 0 ? error : (int64_t)count);
}

/* bpfMapDeleteBatch(fd, keys, count): entries deleted or -errno */
static napi_value map_delete_batch(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    int32_t fd;
    uint8_t *keys;
    size_t length;
    uint32_t count;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &keys, &length) ||
        !heddle_get_uint32(env, args[2], &count))
        return NULL;
    int error = bpf_map_delete_batch(fd, keys, &count, NULL);
    return heddle_number(env, error < 0 ? error : (int64_t)count);
}

/*
 * bpfMapLookupBatch(fd, token or undefined, next token, keys, values, count): {error, count};
 * -ENOENT: the end
 */
static napi_value map_lookup_batch(napi_env env, napi_callback_info info)
{
    napi_value args[6];
    napi_value result;
    int32_t fd;
    uint8_t *token = NULL;
    uint8_t *next;
    uint8_t *keys;
    uint8_t *values;
    size_t length;
    uint32_t count;
    if (!heddle_get_args(env, info, 6, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[2], &next, &length) ||
        !heddle_get_bytes(env, args[3], &keys, &length) ||
        !heddle_get_bytes(env, args[4], &values, &length) ||
        !heddle_get_uint32(env, args[5], &count))
        return NULL;
    if (heddle_is_given(env, args[1]) && !heddle_get_bytes(env, args[1], &token, &length))
        return NULL;
    int error = bpf_map_lookup_batch(fd, token, next, keys, values, &count, NULL);
    bool done = napi_create_object(env, &result) == napi_ok &&
                heddle_set_number(env, result, "error", error) &&
                heddle_set_number(env, result, "count", count);
    return done ? result : NULL;
}

/* bpfPossibleCpus(): how many values a per-CPU element has, or -errno */
static napi_value possible_cpus(napi_env env, napi_callback_info info)
{
    (void)info;
    return heddle_number(env, libbpf_num_possible_cpus());
}

bool heddle_init_bpf_map(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "bpfMapInfo", map_info) &&
           heddle_define(env, exports, "bpfMapLookup", map_lookup) &&
           heddle_define(env, exports, "bpfMapUpdate", map_update) &&
           heddle_define(env, exports, "bpfMapDelete", map_delete) &&
           heddle_define(env, exports, "bpfMapNextKey", map_next_key) &&
           heddle_define(env, exports, "bpfMapUpdateBatch", map_update_batch) &&
           heddle_define(env, exports, "bpfMapDeleteBatch", map_delete_batch) &&
           heddle_define(env, exports, "bpfMapLookupBatch", map_lookup_batch) &&
           heddle_define(env, exports, "bpfPossibleCpus", possible_cpus);
}
