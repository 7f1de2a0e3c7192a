/*
 * bpf(2) through libbpf. An object is opened, loaded and closed in one call; what remains are
 * descriptors of its programs and maps, owned by the caller. Operations on maps are in bpf-map.c.
 *
 * Where a call has more to say than a number, the result is an object with `error`: 0 or -errno.
 */
#define _GNU_SOURCE
#include "bpf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#define REUSED_MAPS_MAX 64
#define OBJECT_NAME_SIZE 64
/* A verifier log has up to 16 MiB; what explains the refusal is at its end. */
#define LOG_BYTES_MAX (256 * 1024)
#define TEST_RUN_ATTEMPTS 16

/*
 * libbpf reports to one function per process and gives it no context, so the log that is being
 * captured is known by thread. It is set only while its thread is inside object_load().
 */
struct log_capture {
    char *text;
    size_t length;
};
static _Thread_local struct log_capture *capture;

/* Appends text and keeps the last LOG_BYTES_MAX bytes. */
static void keep_tail(struct log_capture *log, const char *text, size_t length)
{
    if (length > LOG_BYTES_MAX) {
        text += length - LOG_BYTES_MAX;
        length = LOG_BYTES_MAX;
    }
    size_t kept = log->length;
    if (kept > LOG_BYTES_MAX - length) {
        kept = LOG_BYTES_MAX - length;
        memmove(log->text, log->text + log->length - kept, kept);
    }
    memcpy(log->text + kept, text, length);
    log->length = kept + length;
}

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list args)
{
    char *text = NULL;
    if (capture == NULL || level > LIBBPF_INFO)
        return 0;
    int length = vasprintf(&text, format, args);
    if (length < 0)
        return 0;
    keep_tail(capture, text, (size_t)length);
    free(text);
    return length;
}

/* Reuses descriptor fd for the object's map name. Returns 0 or -errno. */
static int reuse_map(struct bpf_object *object, const char *name, int fd)
{
    struct bpf_map *map = bpf_object__find_map_by_name(object, name);
    return map == NULL ? -ENOENT : bpf_map__reuse_fd(map, fd);
}

struct reused_maps {
    uint32_t count;
    char names[REUSED_MAPS_MAX][BPF_OBJ_NAME_LEN];
    int32_t fds[REUSED_MAPS_MAX];
};

/* Reads [[name, fd], ...]. */
static bool get_reused_maps(napi_env env, napi_value list, struct reused_maps *out)
{
    napi_value pair;
    napi_value name;
    napi_value fd;
    if (napi_get_array_length(env, list, &out->count) != napi_ok || out->count > REUSED_MAPS_MAX) {
        heddle_throw_type(env, "want an array of at most 64 maps");
        return false;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (napi_get_element(env, list, i, &pair) != napi_ok ||
            napi_get_element(env, pair, 0, &name) != napi_ok ||
            napi_get_element(env, pair, 1, &fd) != napi_ok) {
            heddle_throw_type(env, "want pairs of name and descriptor");
            return false;
        }
        if (!heddle_get_string(env, name, out->names[i], sizeof out->names[i]) ||
            !heddle_get_int32(env, fd, &out->fds[i]))
            return false;
    }
    return true;
}

/* Opens and loads; *object is NULL on failure. Returns 0 or -errno. */
static int load(const void *bytes, size_t length, const char *name,
                const struct reused_maps *reused, struct bpf_object **object)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
    *object = bpf_object__open_mem(bytes, length, &options);
    if (*object == NULL)
        return -errno;
    int error = 0;
    for (uint32_t i = 0; i < reused->count && error == 0; i++)
        error = reuse_map(*object, reused->names[i], reused->fds[i]);
    if (error == 0)
        error = bpf_object__load(*object);
    if (error != 0) {
        bpf_object__close(*object);
        *object = NULL;
    }
    return error;
}

/* Sets target[name] to a duplicate of fd, which outlives the libbpf object. */
static bool set_duplicate(napi_env env, napi_value target, const char *name, int fd)
{
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return heddle_set(env, target, name, heddle_number(env, duplicate < 0 ? -errno : duplicate));
}

static bool set_programs(napi_env env, napi_value result, struct bpf_object *object)
{
    napi_value programs;
    struct bpf_program *program;
    if (napi_create_object(env, &programs) != napi_ok)
        return false;
    bpf_object__for_each_program(program, object)
    {
        if (!set_duplicate(env, programs, bpf_program__name(program), bpf_program__fd(program)))
            return false;
    }
    return heddle_set(env, result, "programs", programs);
}

static bool set_maps(napi_env env, napi_value result, struct bpf_object *object)
{
    napi_value maps;
    struct bpf_map *map;
    if (napi_create_object(env, &maps) != napi_ok)
        return false;
    bpf_object__for_each_map(map, object)
    {
        if (!set_duplicate(env, maps, bpf_map__name(map), bpf_map__fd(map)))
            return false;
    }
    return heddle_set(env, result, "maps", maps);
}

static napi_value load_result(napi_env env, int error, const struct log_capture *log,
                              struct bpf_object *object)
{
    napi_value result;
    napi_value text;
    if (napi_create_object(env, &result) != napi_ok ||
        napi_create_string_utf8(env, log->text, log->length, &text) != napi_ok ||
        !heddle_set(env, result, "error", heddle_number(env, error)) ||
        !heddle_set(env, result, "log", text))
        return NULL;
    if (object != NULL && (!set_programs(env, result, object) || !set_maps(env, result, object)))
        return NULL;
    return result;
}

/*
 * bpfObjectLoad(bytes, name, [[map name, fd], ...]): {error, log, programs?, maps?}, both name ->
 * descriptor
 */
static napi_value object_load(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    uint8_t *bytes;
    size_t length;
    char name[OBJECT_NAME_SIZE];
    struct reused_maps reused;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_bytes(env, args[0], &bytes, &length) ||
        !heddle_get_string(env, args[1], name, sizeof name) ||
        !get_reused_maps(env, args[2], &reused))
        return NULL;
    struct log_capture log = {.text = malloc(LOG_BYTES_MAX), .length = 0};
    struct bpf_object *object = NULL;
    if (log.text == NULL)
        return load_result(env, -ENOMEM, &log, NULL);
    capture = &log;
    int error = load(bytes, length, name, &reused, &object);
    capture = NULL;
    napi_value result = load_result(env, error, &log, object);
    bpf_object__close(object);
    free(log.text);
    return result;
}

/* bpfProgramInfo(fd): {error, id, type, name, tag} */
static napi_value program_info(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    napi_value result;
    int32_t fd;
    struct bpf_prog_info program = {0};
    __u32 length = sizeof program;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    int error = bpf_obj_get_info_by_fd(fd, &program, &length);
    bool done = napi_create_object(env, &result) == napi_ok &&
                heddle_set_number(env, result, "error", error) &&
                heddle_set_number(env, result, "id", program.id) &&
                heddle_set_number(env, result, "type", program.type) &&
                heddle_set(env, result, "name", heddle_string(env, program.name)) &&
                heddle_set(env, result, "tag", heddle_bytes(env, program.tag, sizeof program.tag));
    return done ? result : NULL;
}

/*
 * bpfProgramTestRun(fd, data, context or undefined, output, repeat): {error, verdict, length,
 * durationNs}. The context is written back in place.
 */
static napi_value program_test_run(napi_env env, napi_callback_info info)
{
    napi_value args[5];
    napi_value result;
    int32_t fd;
    uint8_t *data;
    uint8_t *context = NULL;
    uint8_t *output;
    size_t data_length;
    size_t context_length = 0;
    size_t output_length;
    uint32_t repeat;
    if (!heddle_get_args(env, info, 5, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &data, &data_length) ||
        !heddle_get_bytes(env, args[3], &output, &output_length) ||
        !heddle_get_uint32(env, args[4], &repeat))
        return NULL;
    if (heddle_is_given(env, args[2]) &&
        !heddle_get_bytes(env, args[2], &context, &context_length))
        return NULL;
    if (repeat > INT_MAX || data_length > UINT32_MAX || output_length > UINT32_MAX)
        return heddle_throw_type(env, "test run is too large");
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = (__u32)data_length,
                .data_out = output, .data_size_out = (__u32)output_length, .ctx_in = context,
                .ctx_size_in = (__u32)context_length, .ctx_out = context,
                .ctx_size_out = (__u32)context_length, .repeat = (int)repeat);
    /* The kernel gives up at a pending signal, also at one that this thread never handles. */
    int error = -EINTR;
    for (int attempt = 0; attempt < TEST_RUN_ATTEMPTS && error == -EINTR; attempt++)
        error = bpf_prog_test_run_opts(fd, &run);
    bool done = napi_create_object(env, &result) == napi_ok &&
                heddle_set_number(env, result, "error", error) &&
                heddle_set_number(env, result, "verdict", (int32_t)run.retval) &&
                heddle_set_number(env, result, "length", run.data_size_out) &&
                heddle_set_number(env, result, "durationNs", run.duration);
    return done ? result : NULL;
}

/* bpfLinkCreate(program, ifindex, attach type): descriptor */
static napi_value link_create(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    int32_t program;
    int32_t ifindex;
    uint32_t attach_type;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_int32(env, args[0], &program) ||
        !heddle_get_int32(env, args[1], &ifindex) || !heddle_get_uint32(env, args[2], &attach_type))
        return NULL;
    return heddle_number(
        env, bpf_link_create(program, ifindex, (enum bpf_attach_type)attach_type, NULL));
}

/* bpfLinkUpdate(link, program) */
static napi_value link_update(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t link;
    int32_t program;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &link) ||
        !heddle_get_int32(env, args[1], &program))
        return NULL;
    return heddle_number(env, bpf_link_update(link, program, NULL));
}

/* bpfLinkDetach(link): the link stays, without an interface */
static napi_value link_detach(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t link;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &link))
        return NULL;
    return heddle_number(env, bpf_link_detach(link));
}

/* The start of struct bpf_link_info with the part for TCX, which headers before Linux 6.6 lack. */
struct tcx_link_info {
    __u32 type;
    __u32 id;
    __u32 program_id;
    __u32 padding;
    __u32 ifindex;
    __u32 attach_type;
    __u8 rest[256];
};

/*
 * bpfLinkInfo(link): {error, id, type, programId, ifindex, attachType}; the last two only of TCX
 * links
 */
static napi_value link_info(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    napi_value result;
    int32_t fd;
    struct tcx_link_info link = {0};
    __u32 length = sizeof link;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    int error = bpf_obj_get_info_by_fd(fd, &link, &length);
    bool done = napi_create_object(env, &result) == napi_ok &&
                heddle_set_number(env, result, "error", error) &&
                heddle_set_number(env, result, "id", link.id) &&
                heddle_set_number(env, result, "type", link.type) &&
                heddle_set_number(env, result, "programId", link.program_id) &&
                heddle_set_number(env, result, "ifindex", link.ifindex) &&
                heddle_set_number(env, result, "attachType", link.attach_type);
    return done ? result : NULL;
}

/* bpfPin(fd, path) */
static napi_value pin(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    char path[PATH_MAX];
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_string(env, args[1], path, sizeof path))
        return NULL;
    return heddle_number(env, bpf_obj_pin(fd, path));
}

/* bpfGetPinned(path): descriptor */
static napi_value get_pinned(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    char path[PATH_MAX];
    if (!heddle_get_args(env, info, 1, args) ||
        !heddle_get_string(env, args[0], path, sizeof path))
        return NULL;
    return heddle_number(env, bpf_obj_get(path));
}

/* Returns the bytes of a loaded BTF, owned by the caller, or NULL with *error set. */
static void *btf_bytes(int fd, __u32 *length, int *error)
{
    struct bpf_btf_info btf = {0};
    __u32 info_length = sizeof btf;
    *error = bpf_obj_get_info_by_fd(fd, &btf, &info_length);
    if (*error != 0)
        return NULL;
    *length = btf.btf_size;
    void *bytes = malloc(btf.btf_size);
    if (bytes == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    memset(&btf, 0, sizeof btf);
    btf.btf = (uintptr_t)bytes;
    btf.btf_size = *length;
    info_length = sizeof btf;
    *error = bpf_obj_get_info_by_fd(fd, &btf, &info_length);
    if (*error == 0)
        return bytes;
    free(bytes);
    return NULL;
}

/* bpfBtfBytes(id): bytes or -errno */
static napi_value btf_get(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    uint32_t id;
    __u32 length = 0;
    int error = 0;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_uint32(env, args[0], &id))
        return NULL;
    int fd = bpf_btf_get_fd_by_id(id);
    if (fd < 0)
        return heddle_number(env, fd);
    void *bytes = btf_bytes(fd, &length, &error);
    close(fd);
    if (bytes == NULL)
        return heddle_number(env, error);
    napi_value result = heddle_bytes(env, bytes, length);
    free(bytes);
    return result;
}

/* bpfFsType(path): f_type of the file system that holds path, or -errno */
static napi_value fs_type(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    char path[PATH_MAX];
    struct statfs fs;
    if (!heddle_get_args(env, info, 1, args) ||
        !heddle_get_string(env, args[0], path, sizeof path))
        return NULL;
    return heddle_number(env, statfs(path, &fs) != 0 ? -errno : (int64_t)fs.f_type);
}

/* bpfFsMount(path): mounts a bpf file system that only root enters */
static napi_value fs_mount(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    char path[PATH_MAX];
    if (!heddle_get_args(env, info, 1, args) ||
        !heddle_get_string(env, args[0], path, sizeof path))
        return NULL;
    int failed = mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
    return heddle_number(env, failed != 0 ? -errno : 0);
}

bool heddle_init_bpf(napi_env env, napi_value exports)
{
    /* The same function from every thread; what it captures is the thread's own. */
    libbpf_set_print(on_libbpf_message);
    return heddle_init_bpf_map(env, exports) &&
           heddle_define(env, exports, "bpfObjectLoad", object_load) &&
           heddle_define(env, exports, "bpfProgramInfo", program_info) &&
           heddle_define(env, exports, "bpfProgramTestRun", program_test_run) &&
           heddle_define(env, exports, "bpfLinkCreate", link_create) &&
           heddle_define(env, exports, "bpfLinkUpdate", link_update) &&
           heddle_define(env, exports, "bpfLinkDetach", link_detach) &&
           heddle_define(env, exports, "bpfLinkInfo", link_info) &&
           heddle_define(env, exports, "bpfPin", pin) &&
           heddle_define(env, exports, "bpfGetPinned", get_pinned) &&
           heddle_define(env, exports, "bpfBtfBytes", btf_get) &&
           heddle_define(env, exports, "bpfFsType", fs_type) &&
           heddle_define(env, exports, "bpfFsMount", fs_mount);
}
