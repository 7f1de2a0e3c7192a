/*
 * heddle-cni: what a container runtime calls (CNI specification 1.1). It sends the verb, the
 * environment and stdin as one line of JSON to the agent's Unix socket and prints the answer. The
 * agent does the work; this starts fast, never hangs and always prints what a runtime can read.
 *
 * Request:  {"command":"ADD",…,"config":"<stdin as text>"}\n
 * Reply:    "0\n" or "1\n" (the exit code), then what is printed, then the end of the stream.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	CONFIG_BYTES_MAX = 512 * 1024,
	VARIABLE_BYTES_MAX = 4096,
	/* Escaping makes up to six bytes (\u00xx) of one: the configuration and six variables fit. */
	REQUEST_BYTES_MAX = 6 * (CONFIG_BYTES_MAX + 7 * VARIABLE_BYTES_MAX),
	REPLY_BYTES_MAX = 1024 * 1024,
	STDIN_TIMEOUT_MS = 10 * 1000,
	CONNECT_TIMEOUT_MS = 4500,
	ANSWER_TIMEOUT_MS = 60 * 1000,
	BAD_ENVIRONMENT = 4,
	IO_FAILURE = 5,
	TRY_AGAIN_LATER = 11,
};

static char config[CONFIG_BYTES_MAX + 2], request[REQUEST_BYTES_MAX], reply[REPLY_BYTES_MAX + 1];
static size_t request_len;
static char version[17] = "1.1.0";

/* Prints all of it and ends the process; partial writes and interruptions are normal on a pipe. */
__attribute__((noreturn)) static void finish(int status, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);
		if (n < 0 && errno != EINTR)
			_exit(1);
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	_exit(status);
}

/* Prints a CNI error. The text is ours and needs no escaping. */
__attribute__((noreturn, format(printf, 2, 3))) static void fail(int code, const char *format, ...)
{
	static const char document[] = "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\"}\n";
	char why[512], line[768];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	int len = snprintf(line, sizeof line, document, version, code, why);
	finish(1, line, (size_t)len);
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until fd is ready; false when the deadline has passed. */
static bool wait_for(int fd, short events, long deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	for (long left; (left = deadline_ms - now_ms()) > 0;)
		if (poll(&p, 1, (int)left) > 0)
			return true;
	return false;
}

/* Reads to the end of the stream. A reset counts as the end: what came before it counts. */
static size_t read_all(int fd, const char *what, char *buffer, size_t max, int timeout_ms, int late)
{
	size_t len = 0;
	for (long deadline = now_ms() + timeout_ms; len <= max;) {
		if (!wait_for(fd, POLLIN, deadline))
			fail(late, "Cannot read %s: no end within %d ms", what, timeout_ms);
		ssize_t n = read(fd, buffer + len, max + 1 - len);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return len;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			fail(IO_FAILURE, "Cannot read %s: %s", what, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	fail(IO_FAILURE, "Cannot read %s: want at most %zu bytes", what, max);
}

/* Finds the value of "cniVersion" for errors to echo. Proper parsing is the agent's. */
static void find_version(void)
{
	static const char key[] = "\"cniVersion\"";
	const char *p = strstr(config, key);
	if (p == NULL)
		return;
	p += sizeof key - 1;
	p += strspn(p, " \t\r\n:");
	size_t len = *p == '"' ? strspn(p + 1, "0123456789.") : 0;
	if (len > 0 && len < sizeof version && p[1 + len] == '"')
		snprintf(version, sizeof version, "%.*s", (int)len, p + 1);
}

/* Appends "name":"value" with the value escaped for JSON (RFC 8259 section 7). */
static void put_field(const char *name, const char *value, size_t len)
{
	const char *head = request_len == 0 ? "{" : ",";
	request_len += (size_t)sprintf(request + request_len, "%s\"%s\":\"", head, name);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		if (c < 0x20) {
			request_len += (size_t)sprintf(request + request_len, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			request[request_len++] = '\\';
		request[request_len++] = (char)c;
	}
	request[request_len++] = '"';
}

/* Retries until the timeout: an agent that restarts is soon back. */
static int connect_agent(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("HEDDLE_CNI_SOCKET");
	if (path == NULL || *path == '\0')
		path = "/run/heddle/cni.sock";
	if (strlen(path) >= sizeof address.sun_path)
		fail(BAD_ENVIRONMENT, "Cannot use HEDDLE_CNI_SOCKET: want less than 108 bytes");
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		fail(IO_FAILURE, "Cannot open a socket: %s", strerror(errno));
	for (long deadline = now_ms() + CONNECT_TIMEOUT_MS;;) {
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			return fd;
		if (now_ms() >= deadline)
			fail(TRY_AGAIN_LATER, "Cannot reach the heddle agent: %s", strerror(errno));
		poll(NULL, 0, 50);
	}
}

static void send_request(int fd)
{
	long deadline = now_ms() + ANSWER_TIMEOUT_MS;
	for (size_t sent = 0; sent < request_len;) {
		ssize_t n = send(fd, request + sent, request_len - sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return; /* The agent may have refused early: its answer is still readable. */
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			fail(IO_FAILURE, "Cannot write to the heddle agent: %s", strerror(errno));
		if (n < 0 && !wait_for(fd, POLLOUT, deadline))
			fail(TRY_AGAIN_LATER, "Cannot write to the heddle agent: it does not read");
		sent += n > 0 ? (size_t)n : 0;
	}
}

int main(void)
{
	static const char versions[] = "{\"cniVersion\":\"%s\",\"supportedVersions\":"
				       "[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";
	static const char *const variables[][2] = {
		{ "command", "CNI_COMMAND" }, { "containerId", "CNI_CONTAINERID" }, { "netns", "CNI_NETNS" },
		{ "ifname", "CNI_IFNAME" },   { "args", "CNI_ARGS" },               { "path", "CNI_PATH" },
	};
	/* The buffers are large and hardly used: the kernel shall not clear a huge page for them. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	const char *command = getenv("CNI_COMMAND");
	size_t len = read_all(0, "stdin", config, CONFIG_BYTES_MAX, STDIN_TIMEOUT_MS, IO_FAILURE);
	find_version();
	if (command == NULL || *command == '\0')
		fail(BAD_ENVIRONMENT, "Cannot use CNI_COMMAND: not set, want ADD, DEL, CHECK, STATUS or GC");
	if (strcmp(command, "VERSION") == 0)
		finish(0, reply, (size_t)sprintf(reply, versions, version));
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		const char *value = getenv(variables[i][1]);
		size_t value_len = value == NULL ? 0 : strlen(value);
		if (value_len > VARIABLE_BYTES_MAX)
			fail(BAD_ENVIRONMENT, "Cannot use %s: longer than 4096 bytes", variables[i][1]);
		put_field(variables[i][0], value, value_len);
	}
	put_field("config", config, len);
	request_len += (size_t)sprintf(request + request_len, "}\n");
	int fd = connect_agent();
	send_request(fd);
	len = read_all(fd, "the answer", reply, REPLY_BYTES_MAX, ANSWER_TIMEOUT_MS, TRY_AGAIN_LATER);
	if (len < 2 || (reply[0] != '0' && reply[0] != '1') || reply[1] != '\n')
		fail(TRY_AGAIN_LATER, "Cannot finish: the heddle agent closed the connection without an answer");
	finish(reply[0] - '0', reply + 2, len - 2);
}
