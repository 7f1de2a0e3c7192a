/*
 * UDP datagrams with what RFC 5881 needs to know about each: the TTL it arrived with, the local
 * address it was sent to and the interface. Options (IP_RECVTTL, IP_PKTINFO and their IPv6 kin) are
 * set by TypeScript.
 */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Ancillary data of one datagram, found or not. */
struct arrival {
    int ttl;
    uint32_t ifindex;
    const void *local;
    size_t local_length;
};

static void read_control(struct msghdr *message, struct arrival *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
            memcpy(&out->ttl, CMSG_DATA(c), sizeof out->ttl);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(c);
            out->ifindex = (uint32_t)info->ipi_ifindex;
            out->local = &info->ipi_addr;
            out->local_length = sizeof info->ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);
            out->ifindex = info->ipi6_ifindex;
            out->local = &info->ipi6_addr;
            out->local_length = sizeof info->ipi6_addr;
        }
    }
}

static napi_value describe(napi_env env, const struct heddle_endpoint *peer,
                           const struct arrival *arrival, size_t length)
{
    napi_value result;
    bool is_v4 = peer->any.sa_family == AF_INET;
    const void *address = is_v4 ? (const void *)&peer->v4.sin_addr : &peer->v6.sin6_addr;
    uint16_t port = ntohs(is_v4 ? peer->v4.sin_port : peer->v6.sin6_port);
    if (napi_create_object(env, &result) != napi_ok)
        return NULL;
    bool done =
        heddle_set(env, result, "length", heddle_number(env, (int64_t)length)) &&
        heddle_set(env, result, "source", heddle_bytes(env, address, is_v4 ? 4 : 16)) &&
        heddle_set(env, result, "sourcePort", heddle_number(env, port)) &&
        heddle_set(env, result, "destination",
                   heddle_bytes(env, arrival->local, arrival->local_length)) &&
        heddle_set(env, result, "ttl", heddle_number(env, arrival->ttl)) &&
        heddle_set(env, result, "ifindex", heddle_number(env, arrival->ifindex));
    return done ? result : NULL;
}

/*
 * datagramReceive(fd, buffer): an object that describes the next datagram, whose bytes are in
 * buffer, or -errno: EAGAIN when there is none, EMSGSIZE when it is longer than buffer, EPROTO
 * without ancillary data.
 */
static napi_value datagram_receive(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    uint8_t *data;
    size_t length;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &data, &length))
        return NULL;
    struct heddle_endpoint peer = {.length = 0};
    struct iovec part = {.iov_base = data, .iov_len = length};
    _Alignas(struct cmsghdr) char control[256];
    struct msghdr message = {
        .msg_name = &peer.any,
        .msg_namelen = sizeof peer.v6,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t received;
    do
        received = recvmsg(fd, &message, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return heddle_number(env, -errno);
    if ((message.msg_flags & MSG_TRUNC) != 0)
        return heddle_number(env, -EMSGSIZE);
    struct arrival arrival = {.ttl = -1};
    read_control(&message, &arrival);
    if (arrival.ttl < 0 || arrival.local == NULL)
        return heddle_number(env, -EPROTO);
    return describe(env, &peer, &arrival, (size_t)received);
}

/*
 * datagramSend(fd, bytes, address, port, scope): the number of bytes sent; the TTL is the socket's.
 */
static napi_value datagram_send(napi_env env, napi_callback_info info)
{
    napi_value args[5];
    int32_t fd;
    uint8_t *data;
    size_t length;
    struct heddle_endpoint remote;
    if (!heddle_get_args(env, info, 5, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &data, &length) ||
        !heddle_get_endpoint(env, args + 2, &remote))
        return NULL;
    ssize_t sent;
    do
        sent = sendto(fd, data, length, MSG_DONTWAIT, &remote.any, remote.length);
    while (sent < 0 && errno == EINTR);
    return heddle_number(env, sent < 0 ? -errno : sent);
}

bool heddle_init_datagram(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "datagramReceive", datagram_receive) &&
           heddle_define(env, exports, "datagramSend", datagram_send);
}
