/*
 * Netlink sockets: opened in a chosen namespace, sent to the kernel, received from the kernel only.
 * Framing, sequence numbers and acknowledgements are TypeScript's.
 */
#define _GNU_SOURCE
#include "addon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int open_in(int netns, int protocol)
{
    int home;
    int result = heddle_netns_enter(netns, &home);
    if (result < 0)
        return result;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    result = fd < 0 ? -errno : fd;
    heddle_netns_return(home);
    return result;
}

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

static int configure(int fd, uint32_t receive_bytes, uint32_t timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    /*
     * Without the force, which needs CAP_NET_ADMIN, the sysctl rmem_max is the limit: small but
     * usable.
     */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) != 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0)
        return -errno;
    int result = set_int(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    if (result == 0)
        result = set_int(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    if (result == 0)
        result = set_int(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    if (result == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        result = -errno;
    return result;
}

/*
 * netlinkOpen(netns or -1, protocol, receiveBytes, timeoutMs): a blocking socket with extended
 * ACKs.
 */
static napi_value netlink_open(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t netns;
    int32_t protocol;
    uint32_t receive_bytes;
    uint32_t timeout_ms;
    if (!heddle_get_args(env, info, 4, args) || !heddle_get_int32(env, args[0], &netns) ||
        !heddle_get_int32(env, args[1], &protocol) ||
        !heddle_get_uint32(env, args[2], &receive_bytes) ||
        !heddle_get_uint32(env, args[3], &timeout_ms))
        return NULL;
    int fd = open_in(netns, protocol);
    if (fd < 0)
        return heddle_number(env, fd);
    int result = configure(fd, receive_bytes, timeout_ms);
    if (result < 0)
        close(fd);
    return heddle_number(env, result < 0 ? result : fd);
}

/* netlinkJoin(fd, group): subscribes to a multicast group by its number (RTNLGRP_*). */
static napi_value netlink_join(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    int32_t group;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_int32(env, args[1], &group))
        return NULL;
    return heddle_number(env, set_int(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group));
}

/*
 * netlinkSend(fd, bytes): one send(2) to the kernel, which handles all messages in it before it
 * returns.
 */
static napi_value netlink_send(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    uint8_t *data;
    size_t length;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &data, &length))
        return NULL;
    ssize_t sent;
    do
        sent = send(fd, data, length, 0);
    while (sent < 0 && errno == EINTR);
    return heddle_number(env, sent < 0 ? -errno : sent);
}

/*
 * netlinkReceive(fd, buffer, wait): the length of the next datagram of the kernel, copied to
 * buffer. EAGAIN when there is none (wait: after the socket's timeout), ENOBUFS when the kernel
 * dropped some, EMSGSIZE when it is longer than buffer. What other processes send is skipped.
 */
static napi_value netlink_receive(napi_env env, napi_callback_info info)
{
    napi_value args[3];
    int32_t fd;
    uint8_t *data;
    size_t length;
    bool wait;
    if (!heddle_get_args(env, info, 3, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &data, &length) || !heddle_get_bool(env, args[2], &wait))
        return NULL;
    struct sockaddr_nl sender;
    ssize_t received;
    do {
        socklen_t sender_length = sizeof sender;
        received = recvfrom(fd, data, length, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT),
                            (struct sockaddr *)&sender, &sender_length);
    } while (received < 0 ? errno == EINTR : sender.nl_pid != 0);
    if (received < 0)
        return heddle_number(env, -errno);
    return heddle_number(env, (size_t)received > length ? -EMSGSIZE : received);
}

bool heddle_init_netlink(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "netlinkOpen", netlink_open) &&
           heddle_define(env, exports, "netlinkJoin", netlink_join) &&
           heddle_define(env, exports, "netlinkSend", netlink_send) &&
           heddle_define(env, exports, "netlinkReceive", netlink_receive);
}
