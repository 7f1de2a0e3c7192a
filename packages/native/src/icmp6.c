/*
 * A raw ICMPv6 socket for router discovery on one interface (RFC 4861): it hears Router
 * Solicitations and Advertisements and nothing else, and sends with hop limit 255. The kernel
 * makes and checks the checksum (RFC 3542 3.1). Datagrams are read and sent by datagram.c.
 */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <unistd.h>

static bool set(int fd, int level, int name, const void *value, socklen_t length)
{
    return setsockopt(fd, level, name, value, length) == 0;
}

static bool set_up(int fd, int ifindex)
{
    const int hops = 255;
    const int yes = 1;
    const int no = 0;
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
    /* Solicitations go to all routers (ff02::2); advertisements to all nodes, as every host is. */
    struct ipv6_mreq routers = {.ipv6mr_interface = (unsigned int)ifindex};
    routers.ipv6mr_multiaddr.s6_addr[0] = 0xff;
    routers.ipv6mr_multiaddr.s6_addr[1] = 0x02;
    routers.ipv6mr_multiaddr.s6_addr[15] = 0x02;
    return set(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) &&
           set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &yes, sizeof yes) &&
           set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes) &&
           set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &no, sizeof no) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex, sizeof ifindex) &&
           set(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &routers, sizeof routers);
}

/* icmp6Open(netns or -1, ifindex) */
static napi_value icmp6_open(napi_env env, napi_callback_info info)
{
    napi_value args[2];
    int32_t netns;
    int32_t ifindex;
    int home;
    if (!heddle_get_args(env, info, 2, args) || !heddle_get_int32(env, args[0], &netns) ||
        !heddle_get_int32(env, args[1], &ifindex))
        return NULL;
    int result = heddle_netns_enter(netns, &home);
    if (result < 0)
        return heddle_number(env, result);
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    result = fd < 0 ? -errno : fd;
    heddle_netns_return(home);
    if (fd >= 0 && !set_up(fd, ifindex)) {
        result = -errno;
        close(fd);
    }
    return heddle_number(env, result);
}

bool heddle_init_icmp6(napi_env env, napi_value exports)
{
    return heddle_define(env, exports, "icmp6Open", icmp6_open);
}
