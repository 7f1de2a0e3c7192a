// SPDX-License-Identifier: Apache-2.0
/*
 * heddle-echo: the server that the lab's pods run. Hundreds of them fit on one machine.
 *
 *   heddle-echo [INFO-PORT [ECHO-PORT]]        defaults: 8080 and 7
 *
 * INFO-PORT answers who asked whom, so that a translated address shows, as one line of JSON:
 *     {"hostname": "web-1", "peer": "10.244.0.5", "server": "10.244.1.7"}
 * over TCP as HTTP/1.0 200 to any request, over UDP to any datagram. ECHO-PORT sends back what comes in, TCP and
 * UDP. All ports serve IPv4 and IPv6. A TCP client that is silent for 60 s is dropped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define REQUEST_MAX 8192
#define IDLE_SECONDS 60

enum { LISTEN_HTTP, LISTEN_ECHO, DATAGRAM_INFO, DATAGRAM_ECHO, FIXED };

struct client {
	int is_http;
	int request_bytes;
	/* The last four bytes of the request, to find the empty line across reads. */
	char tail[4];
	time_t last_seen;
};

/* Slot i of `clients` belongs to slot FIXED + i of `polled`. */
static struct pollfd polled[FIXED + CLIENTS_MAX];
static struct client clients[CLIENTS_MAX];
static char buffer[65536];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_port(int type, unsigned short port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int off = 0;

	if (fd < 0)
		fail("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		fail("setsockopt");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(fd, 512) < 0)
		fail("listen");
	return fd;
}

static const char *format_address(const struct sockaddr_in6 *address, char *text, size_t size)
{
	const struct in6_addr *ip = &address->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(ip))
		return inet_ntop(AF_INET, &ip->s6_addr[12], text, size);
	return inet_ntop(AF_INET6, ip, text, size);
}

static void close_client(int slot)
{
	close(polled[FIXED + slot].fd);
	polled[FIXED + slot].fd = -1;
}

/* A full table refuses: the connection is closed rather than left to wait. */
static void accept_client(int listener, int is_http)
{
	int fd = accept4(polled[listener].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int slot = 0; slot < CLIENTS_MAX; slot++) {
		if (polled[FIXED + slot].fd >= 0)
			continue;
		polled[FIXED + slot] = (struct pollfd){ .fd = fd, .events = POLLIN };
		clients[slot] = (struct client){ .is_http = is_http, .last_seen = time(NULL) };
		return;
	}
	close(fd);
}

/* The line of JSON that tells both ends of the exchange. Host names need no escaping. */
static int format_info(char *text, size_t size, const struct sockaddr_in6 *peer,
		       const struct sockaddr_in6 *own)
{
	char host[256] = "";
	char peer_text[INET6_ADDRSTRLEN] = "";
	char own_text[INET6_ADDRSTRLEN] = "";

	gethostname(host, sizeof(host) - 1);
	return snprintf(text, size, "{\"hostname\": \"%s\", \"peer\": \"%s\", \"server\": \"%s\"}\n", host,
			format_address(peer, peer_text, sizeof(peer_text)),
			format_address(own, own_text, sizeof(own_text)));
}

static void answer_http(int fd)
{
	struct sockaddr_in6 peer = { 0 };
	struct sockaddr_in6 own = { 0 };
	socklen_t size = sizeof(peer);
	char body[512];
	char answer[1024];
	int length;

	getpeername(fd, (struct sockaddr *)&peer, &size);
	size = sizeof(own);
	getsockname(fd, (struct sockaddr *)&own, &size);
	length = format_info(body, sizeof(body), &peer, &own);
	length = snprintf(answer, sizeof(answer),
			  "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
			  "Connection: close\r\n\r\n%s", length, body);
	/* Fits into an empty send buffer. */
	if (write(fd, answer, length) == length)
		shutdown(fd, SHUT_WR);
}

/* True once the empty line that ends the header has come. */
static int request_ended(struct client *client, const char *data, ssize_t length)
{
	for (ssize_t i = 0; i < length; i++) {
		memmove(client->tail, client->tail + 1, 3);
		client->tail[3] = data[i];
		if (memcmp(client->tail, "\r\n\r\n", 4) == 0 || memcmp(client->tail + 2, "\n\n", 2) == 0)
			return 1;
	}
	return 0;
}

/* A client that does not take its echo is dropped: nothing is buffered for it. */
static void serve_client(int slot)
{
	int fd = polled[FIXED + slot].fd;
	struct client *client = &clients[slot];
	ssize_t length = read(fd, buffer, sizeof(buffer));

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	client->last_seen = time(NULL);
	if (length > 0 && !client->is_http) {
		if (write(fd, buffer, length) == length)
			return;
	} else if (length > 0) {
		client->request_bytes += length;
		if (!request_ended(client, buffer, length) && client->request_bytes < REQUEST_MAX)
			return;
		answer_http(fd);
	}
	close_client(slot);
}

/* The answer leaves from the address that was asked, whichever the routing table would choose. */
static void serve_datagram(int fd, int is_info)
{
	struct sockaddr_in6 peer;
	struct sockaddr_in6 own = { 0 };
	char control[256];
	struct iovec data = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr message = {
		.msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(fd, &message, 0);

	if (length < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct in6_pktinfo *asked = (struct in6_pktinfo *)CMSG_DATA(c);

		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		own.sin6_addr = asked->ipi6_addr;
		asked->ipi6_ifindex = 0;
	}
	data.iov_len = is_info ? format_info(buffer, sizeof(buffer), &peer, &own) : length;
	if (sendmsg(fd, &message, 0) < 0 && errno != EAGAIN)
		perror("sendmsg");
}

static void drop_idle(void)
{
	time_t now = time(NULL);

	for (int slot = 0; slot < CLIENTS_MAX; slot++) {
		if (polled[FIXED + slot].fd >= 0 && now - clients[slot].last_seen > IDLE_SECONDS)
			close_client(slot);
	}
}

static unsigned short parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || port < 1 || port > 65535) {
		fprintf(stderr, "heddle-echo: %s: not a port\n", text);
		exit(2);
	}
	return port;
}

int main(int argc, char **argv)
{
	unsigned short info = argc > 1 ? parse_port(argv[1]) : 8080;
	unsigned short echo = argc > 2 ? parse_port(argv[2]) : 7;

	signal(SIGPIPE, SIG_IGN);
	for (int slot = 0; slot < CLIENTS_MAX; slot++)
		polled[FIXED + slot].fd = -1;
	polled[LISTEN_HTTP] = (struct pollfd){ .fd = open_port(SOCK_STREAM, info), .events = POLLIN };
	polled[LISTEN_ECHO] = (struct pollfd){ .fd = open_port(SOCK_STREAM, echo), .events = POLLIN };
	polled[DATAGRAM_INFO] = (struct pollfd){ .fd = open_port(SOCK_DGRAM, info), .events = POLLIN };
	polled[DATAGRAM_ECHO] = (struct pollfd){ .fd = open_port(SOCK_DGRAM, echo), .events = POLLIN };
	printf("heddle-echo: information on %u, echo on %u\n", info, echo);
	fflush(stdout);
	for (;;) {
		int ready = poll(polled, FIXED + CLIENTS_MAX, IDLE_SECONDS * 1000 / 4);

		if (ready < 0 && errno != EINTR)
			fail("poll");
		if (polled[LISTEN_HTTP].revents)
			accept_client(LISTEN_HTTP, 1);
		if (polled[LISTEN_ECHO].revents)
			accept_client(LISTEN_ECHO, 0);
		if (polled[DATAGRAM_INFO].revents)
			serve_datagram(polled[DATAGRAM_INFO].fd, 1);
		if (polled[DATAGRAM_ECHO].revents)
			serve_datagram(polled[DATAGRAM_ECHO].fd, 0);
		for (int slot = 0; ready > 0 && slot < CLIENTS_MAX; slot++) {
			if (polled[FIXED + slot].fd >= 0 && polled[FIXED + slot].revents)
				serve_client(slot);
		}
		drop_idle();
	}
}
