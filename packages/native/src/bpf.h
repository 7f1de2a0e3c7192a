/* What the files about bpf(2) share. */
#ifndef HEDDLE_BPF_H
#define HEDDLE_BPF_H

#include "addon.h"

/* Registers the functions on maps; false with a pending exception on failure. */
bool heddle_init_bpf_map(napi_env env, napi_value exports);

static inline bool heddle_set_number(napi_env env, napi_value object, const char *name,
                                     int64_t value)
{
    return heddle_set(env, object, name, heddle_number(env, value));
}

#endif
