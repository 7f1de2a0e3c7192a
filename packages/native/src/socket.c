/*
 * Internet sockets made in a chosen namespace, and the options that node:net does not offer.
 * Addresses are 4 or 16 bytes in network byte order; scope is the interface index of a link-local
 * IPv6 address, else 0.
 */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* glibc's netinet/in.h, which socket.h needs, lacks these; their values are the kernel's ABI. */
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif
#ifndef IP_MINTTL
#define IP_MINTTL 21
#endif

bool heddle_get_endpoint(napi_env env, napi_value *args, struct heddle_endpoint *out)
{
    uint8_t *address;
    size_t length;
    uint32_t port;
    uint32_t scope;
    if (!heddle_get_bytes(env, args[0], &address, &length) ||
        !heddle_get_uint32(env, args[1], &port) || !heddle_get_uint32(env, args[2], &scope))
        return false;
    memset(out, 0, sizeof *out);
    if (port <= UINT16_MAX && length == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        memcpy(&out->v4.sin_addr, address, 4);
        out->length = sizeof out->v4;
        return true;
    }
    if (port <= UINT16_MAX && length == 16) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        memcpy(&out->v6.sin6_addr, address, 16);
        out->v6.sin6_scope_id = scope;
        out->length = sizeof out->v6;
        return true;
    }
    heddle_throw_type(env, "want an address of 4 or 16 bytes and a port of 16 bits");
    return false;
}

/* socketOpen(netns or -1, family, type, protocol) */
static napi_value socket_open(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t netns;
    int32_t family;
    int32_t type;
    int32_t protocol;
    int home;
    if (!heddle_get_args(env, info, 4, args) || !heddle_get_int32(env, args[0], &netns) ||
        !heddle_get_int32(env, args[1], &family) || !heddle_get_int32(env, args[2], &type) ||
        !heddle_get_int32(env, args[3], &protocol))
        return NULL;
    int result = heddle_netns_enter(netns, &home);
    if (result < 0)
        return heddle_number(env, result);
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    result = fd < 0 ? -errno : fd;
    heddle_netns_return(home);
    return heddle_number(env, result);
}

/* socketBind(fd, address, port, scope) */
static napi_value socket_bind(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t fd;
    struct heddle_endpoint local;
    if (!heddle_get_args(env, info, 4, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_endpoint(env, args + 1, &local))
        return NULL;
    return heddle_number(env, bind(fd, &local.any, local.length) == 0 ? 0 : -errno);
}

/* socketConnect(fd, address, port, scope): EINPROGRESS is the normal answer of a stream socket. */
static napi_value socket_connect(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t fd;
    struct heddle_endpoint remote;
    if (!heddle_get_args(env, info, 4, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_endpoint(env, args + 1, &remote))
        return NULL;
    return heddle_number(env, connect(fd, &remote.any, remote.length) == 0 ? 0 : -errno);
}

/* socketListen(fd, backlog) */
static napi_value socket_listen(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    int32_t backlog;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_int32(env, args[1], &backlog))
        return NULL;
    return heddle_number(env, listen(fd, backlog) == 0 ? 0 : -errno);
}

/* socketError(fd): takes the pending error of the socket, as -errno; 0 when there is none. */
static napi_value socket_error(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t fd;
    int error = 0;
    socklen_t length = sizeof error;
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    return heddle_number(env, -error);
}

/* socketPort(fd): the local port. */
static napi_value socket_port(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    int32_t fd;
    struct heddle_endpoint local = {.length = sizeof local.v6};
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    if (getsockname(fd, &local.any, &local.length) != 0)
        return heddle_number(env, -errno);
    if (local.any.sa_family == AF_INET)
        return heddle_number(env, ntohs(local.v4.sin_port));
    return heddle_number(env, local.any.sa_family == AF_INET6 ? ntohs(local.v6.sin6_port)
                                                              : -EAFNOSUPPORT);
}

/* socketPeer(fd): { address, port, scope } of the other end, or -errno. */
static napi_value socket_peer(napi_env env, napi_callback_info info)
{
    napi_value args[1];
    napi_value result;
    int32_t fd;
    struct heddle_endpoint peer = {.length = sizeof peer.v6};
    if (!heddle_get_args(env, info, 1, args) || !heddle_get_int32(env, args[0], &fd))
        return NULL;
    if (getpeername(fd, &peer.any, &peer.length) != 0)
        return heddle_number(env, -errno);
    bool is_v4 = peer.any.sa_family == AF_INET;
    if (!is_v4 && peer.any.sa_family != AF_INET6)
        return heddle_number(env, -EAFNOSUPPORT);
    const void *address = is_v4 ? (const void *)&peer.v4.sin_addr : &peer.v6.sin6_addr;
    uint16_t port = ntohs(is_v4 ? peer.v4.sin_port : peer.v6.sin6_port);
    uint32_t scope = is_v4 ? 0 : peer.v6.sin6_scope_id;
    if (napi_create_object(env, &result) != napi_ok)
        return NULL;
    bool done = heddle_set(env, result, "address", heddle_bytes(env, address, is_v4 ? 4 : 16)) &&
                heddle_set(env, result, "port", heddle_number(env, port)) &&
                heddle_set(env, result, "scope", heddle_number(env, scope));
    return done ? result : NULL;
}

/* socketSetInt(fd, level, name, value) */
static napi_value socket_set_int(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t number[4];
    if (!heddle_get_args(env, info, 4, args))
        return NULL;
    for (size_t i = 0; i < 4; i++)
        if (!heddle_get_int32(env, args[i], &number[i]))
            return NULL;
    int result = setsockopt(number[0], number[1], number[2], &number[3], sizeof number[3]);
    return heddle_number(env, result == 0 ? 0 : -errno);
}

/* socketBindToDevice(fd, interface name) */
static napi_value socket_bind_to_device(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t fd;
    char name[IFNAMSIZ];
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_string(env, args[1], name, sizeof name))
        return NULL;
    int result = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
    return heddle_number(env, result == 0 ? 0 : -errno);
}

/*
 * tcpMd5(fd, address, prefix length, key): RFC 2385 signatures to and from the peers in the prefix.
 * An empty key takes the requirement away.
 */
static napi_value tcp_md5(napi_env env, napi_callback_info info)
{
    napi_value args[4];
    int32_t fd;
    uint8_t *address;
    uint8_t *key;
    size_t address_length;
    size_t key_length;
    uint32_t prefix_length;
    if (!heddle_get_args(env, info, 4, args) || !heddle_get_int32(env, args[0], &fd) ||
        !heddle_get_bytes(env, args[1], &address, &address_length) ||
        !heddle_get_uint32(env, args[2], &prefix_length) ||
        !heddle_get_bytes(env, args[3], &key, &key_length))
        return NULL;
    struct tcp_md5sig request = {0};
    if ((address_length != 4 && address_length != 16) || prefix_length > address_length * 8)
        return heddle_throw_type(env, "want an address of 4 or 16 bytes and a prefix length in it");
    if (key_length > sizeof request.tcpm_key)
        return heddle_number(env, -EINVAL);
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (address_length == 4) {
        memcpy(&v4.sin_addr, address, 4);
        memcpy(&request.tcpm_addr, &v4, sizeof v4);
    } else {
        memcpy(&v6.sin6_addr, address, 16);
        memcpy(&request.tcpm_addr, &v6, sizeof v6);
    }
    request.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
    request.tcpm_prefixlen = (uint8_t)prefix_length;
    request.tcpm_keylen = (uint16_t)key_length;
    memcpy(request.tcpm_key, key, key_length);
    int result = setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &request, sizeof request);
    int error = errno;
    explicit_bzero(&request, sizeof request);
    return heddle_number(env, result == 0 ? 0 : -error);
}

static bool define_constants(napi_env env, napi_value exports)
{
    const struct {
        const char *name;
        int value;
    } constants[] = {
        {"AF_INET", AF_INET},
        {"AF_INET6", AF_INET6},
        {"SOCK_STREAM", SOCK_STREAM},
        {"SOCK_DGRAM", SOCK_DGRAM},
        {"SOL_SOCKET", SOL_SOCKET},
        {"SO_REUSEADDR", SO_REUSEADDR},
        {"SO_RCVBUF", SO_RCVBUF},
        {"SO_PRIORITY", SO_PRIORITY},
        {"IPPROTO_IP", IPPROTO_IP},
        {"IPPROTO_TCP", IPPROTO_TCP},
        {"IPPROTO_UDP", IPPROTO_UDP},
        {"IPPROTO_IPV6", IPPROTO_IPV6},
        {"IP_TTL", IP_TTL},
        {"IP_TOS", IP_TOS},
        {"IP_MINTTL", IP_MINTTL},
        {"IP_RECVTTL", IP_RECVTTL},
        {"IP_PKTINFO", IP_PKTINFO},
        {"IP_FREEBIND", IP_FREEBIND},
        {"IPV6_V6ONLY", IPV6_V6ONLY},
        {"IPV6_TCLASS", IPV6_TCLASS},
        {"IPV6_UNICAST_HOPS", IPV6_UNICAST_HOPS},
        {"IPV6_MINHOPCOUNT", IPV6_MINHOPCOUNT},
        {"IPV6_RECVHOPLIMIT", IPV6_RECVHOPLIMIT},
        {"IPV6_RECVPKTINFO", IPV6_RECVPKTINFO},
        {"TCP_NODELAY", TCP_NODELAY},
        {"TCP_USER_TIMEOUT", TCP_USER_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (!heddle_constant(env, exports, constants[i].name, constants[i].value))
            return false;
    return true;
}

bool heddle_init_socket(napi_env env, napi_value exports)
{
    return define_constants(env, exports) &&
           heddle_define(env, exports, "socketOpen", socket_open) &&
           heddle_define(env, exports, "socketBind", socket_bind) &&
           heddle_define(env, exports, "socketConnect", socket_connect) &&
           heddle_define(env, exports, "socketListen", socket_listen) &&
           heddle_define(env, exports, "socketError", socket_error) &&
           heddle_define(env, exports, "socketPort", socket_port) &&
           heddle_define(env, exports, "socketPeer", socket_peer) &&
           heddle_define(env, exports, "socketSetInt", socket_set_int) &&
           heddle_define(env, exports, "socketBindToDevice", socket_bind_to_device) &&
           heddle_define(env, exports, "tcpMd5", tcp_md5);
}
