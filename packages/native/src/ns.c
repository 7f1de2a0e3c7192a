/*
 * Network namespaces. setns(2) moves one thread: a dedicated Worker may stay where it went
 * (netnsEnter), any other thread goes there for one synchronous call and comes back (netnsCall).
 * Descriptors are owned by the caller and close on exec.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char self_path[] = "/proc/thread-self/ns/net";

static int open_self(void)
{
    int fd = open(self_path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int heddle_netns_enter(int netns, int *home)
{
    *home = -1;
    if (netns < 0)
        return 0;
    int back = open_self();
    if (back < 0)
        return back;
    if (setns(netns, CLONE_NEWNET) != 0) {
        int error = -errno;
        close(back);
        return error;
    }
    *home = back;
    return 0;
}

void heddle_netns_return(int home)
{
    if (home < 0)
        return;
    if (setns(home, CLONE_NEWNET) != 0) {
        fprintf(stderr, "heddle: cannot return to the own network namespace: %s\n",
                strerrorname_np(errno));
        abort();
    }
    close(home);
}

/* netnsOpen(path): a descriptor. EINVAL when the file is not a network namespace. */
static napi_value netns_open(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    char path[PATH_MAX];
    if (!heddle_get_args(env, info, 1, args) ||
        !heddle_get_string(env, args[0], path, sizeof path))
        return NULL;
    /* O_NONBLOCK: a FIFO at that path must not block the caller. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return heddle_number(env, -errno);
    if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
        close(fd);
        return heddle_number(env, -EINVAL);
    }
    return heddle_number(env, fd);
}

/* netnsSelf(): a descriptor of the namespace that the calling thread is in. */
static napi_value netns_self(napi_env env, napi_callback_info info)
{
    (void)info;
    return heddle_number(env, open_self());
}

static int create(void)
{
    int home = open_self();
    if (home < 0)
        return home;
    if (unshare(CLONE_NEWNET) != 0) {
        int error = -errno;
        close(home);
        return error;
    }
    int created = open_self();
    heddle_netns_return(home);
    return created;
}

/*
 * netnsCreate(): a descriptor of a new namespace, which lives until its last reference is closed.
 */
static napi_value netns_create(napi_env env, napi_callback_info info)
{
    (void)info;
    return heddle_number(env, create());
}

/* netnsEnter(fd): the calling thread stays there. */
static napi_value netns_enter(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t fd;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    return heddle_number(env, setns(fd, CLONE_NEWNET) == 0 ? 0 : -errno);
}

/*
 * netnsCall(fd, run): runs run() there and comes back, also when run throws or the Worker is being
 * terminated, which a finally block in JavaScript would not survive. An exception of run stays
 * pending.
 */
static napi_value netns_call(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    napi_value receiver;
    napi_value ignored;
    int32_t fd;
    int home;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    if (napi_get_undefined(env, &receiver) != napi_ok)
        return NULL;
    int entered = heddle_netns_enter(fd, &home);
    if (entered < 0)
        return heddle_number(env, entered);
    napi_status status = napi_call_function(env, receiver, args[1], 0, NULL, &ignored);
    heddle_netns_return(home);
    if (status == napi_pending_exception)
        return NULL;
    return status == napi_ok ? heddle_number(env, 0) : heddle_throw_type(env, "want a function");
}

/* netnsInode(fd): the inode of the namespace, its identity on this machine while it exists. */
static napi_value netns_inode(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t fd;
    struct stat status;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    if (fstat(fd, &status) != 0)
        return heddle_number(env, -errno);
    return heddle_number(env, (int64_t)status.st_ino);
}

/* fdClose(fd) */
static napi_value fd_close(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t fd;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    /* Linux releases the descriptor also when close(2) says EINTR. */
    return heddle_number(env, close(fd) == 0 || errno == EINTR ? 0 : -errno);
}

bool heddle_init_ns(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "netnsOpen", netns_open) &&
           heddle_define(env, exports, "netnsSelf", netns_self) &&
           heddle_define(env, exports, "netnsCreate", netns_create) &&
           heddle_define(env, exports, "netnsEnter", netns_enter) &&
           heddle_define(env, exports, "netnsCall", netns_call) &&
           heddle_define(env, exports, "netnsInode", netns_inode) &&
           heddle_define(env, exports, "fdClose", fd_close);
}
