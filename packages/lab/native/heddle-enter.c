// SPDX-License-Identifier: Apache-2.0
/*
 * heddle-enter: runs a program inside a device of the lab, or keeps a device alive.
 *
 *   heddle-enter [options] -- PROGRAM [ARGUMENT...]   becomes PROGRAM
 *   heddle-enter [options]                            prints "ready" and waits for a signal
 *
 * The options are carried out in the order of this list, whatever their order on the command line:
 *
 *   --cgroup DIR           join a cgroup2 directory, so that all descendants can be found and killed
 *   --target PID           enter the mount, network and UTS namespace of a process
 *   --netns PATH           enter a network namespace, looked up in the mount namespace just entered
 *   --unshare LIST         leave into new namespaces: a comma-separated list of net, mount, uts
 *   --hostname NAME        set the host name; needs an own UTS namespace
 *   --bind SOURCE=TARGET   recursive bind mount, in the given order; needs an own mount namespace
 *   --bpffs TARGET         mount a bpf file system
 *   --chdir DIR            working directory of the program
 *   --background           own session, so that no terminal signal reaches the program
 *
 * The process keeps its id through all of it (no fork), so whoever started it knows whom to watch and kill.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define BINDS_MAX 16

struct options {
	const char *cgroup;
	const char *target;
	const char *netns;
	const char *hostname;
	const char *bpffs;
	const char *directory;
	char *binds[BINDS_MAX];
	int bind_count;
	int unshare_flags;
	int background;
};

static void fail(const char *what, const char *subject)
{
	fprintf(stderr, "heddle-enter: cannot %s %s: %s\n", what, subject, strerror(errno));
	exit(125);
}

static void refuse(const char *why, const char *subject)
{
	fprintf(stderr, "heddle-enter: %s: %s\n", subject, why);
	exit(125);
}

static int parse_namespaces(char *list)
{
	int flags = 0;
	char *rest = NULL;

	for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		if (strcmp(name, "net") == 0)
			flags |= CLONE_NEWNET;
		else if (strcmp(name, "mount") == 0)
			flags |= CLONE_NEWNS;
		else if (strcmp(name, "uts") == 0)
			flags |= CLONE_NEWUTS;
		else
			refuse("unknown namespace, want net, mount or uts", name);
	}
	return flags;
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "cgroup", required_argument, NULL, 'c' },
		{ "target", required_argument, NULL, 't' },
		{ "netns", required_argument, NULL, 'n' },
		{ "unshare", required_argument, NULL, 'u' },
		{ "hostname", required_argument, NULL, 'h' },
		{ "bind", required_argument, NULL, 'b' },
		{ "bpffs", required_argument, NULL, 'f' },
		{ "chdir", required_argument, NULL, 'd' },
		{ "background", no_argument, NULL, 'B' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		switch (option) {
		case 'c': options->cgroup = optarg; break;
		case 't': options->target = optarg; break;
		case 'n': options->netns = optarg; break;
		case 'u': options->unshare_flags |= parse_namespaces(optarg); break;
		case 'h': options->hostname = optarg; break;
		case 'f': options->bpffs = optarg; break;
		case 'd': options->directory = optarg; break;
		case 'B': options->background = 1; break;
		case 'b':
			if (options->bind_count == BINDS_MAX)
				refuse("too many bind mounts", optarg);
			options->binds[options->bind_count++] = optarg;
			break;
		default: exit(125);
		}
	}
}

/* "0" in cgroup.procs means the writing process. */
static void join_cgroup(const char *directory)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", directory) >= (int)sizeof(path))
		refuse("path is too long", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		fail("join cgroup", directory);
	close(fd);
}

/* All namespaces are opened before the first is entered: the mount namespace may have another /proc. */
static void enter_target(const char *pid)
{
	static const char *const names[] = { "net", "uts", "mnt" };
	int fds[3];
	char path[64];

	for (int i = 0; i < 3; i++) {
		if (snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, names[i]) >= (int)sizeof(path))
			refuse("not a process id", pid);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			fail("open", path);
	}
	for (int i = 0; i < 3; i++) {
		if (setns(fds[i], 0) < 0)
			fail("enter the namespaces of process", pid);
		close(fds[i]);
	}
	if (chdir("/") < 0)
		fail("change directory to", "/");
}

static void enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fail("enter network namespace", path);
	close(fd);
}

/*
 * Mounts made in here do not appear outside. Unmounts outside do reach us: a pod would otherwise keep the network
 * namespaces of all pods that were mounted in /run/netns when it started.
 */
static void leave_namespaces(int flags)
{
	if (unshare(flags) < 0)
		fail("leave", "the namespaces");
	if ((flags & CLONE_NEWNS) && mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		fail("detach the mounts of", "/");
}

static void bind_mount(char *pair)
{
	char *separator = strchr(pair, '=');

	if (!separator)
		refuse("want SOURCE=TARGET", pair);
	*separator = '\0';
	if (mount(pair, separator + 1, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail("bind-mount on", separator + 1);
}

static void prepare(const struct options *options)
{
	if (options->background && setsid() < 0 && errno != EPERM)
		fail("start", "a session");
	if (options->cgroup)
		join_cgroup(options->cgroup);
	if (options->target)
		enter_target(options->target);
	if (options->netns)
		enter_netns(options->netns);
	if (options->unshare_flags)
		leave_namespaces(options->unshare_flags);
	if (options->hostname && sethostname(options->hostname, strlen(options->hostname)) < 0)
		fail("set host name", options->hostname);
	for (int i = 0; i < options->bind_count; i++)
		bind_mount(options->binds[i]);
	if (options->bpffs && mount("bpf", options->bpffs, "bpf", 0, "mode=0700") < 0)
		fail("mount a bpf file system on", options->bpffs);
	if (options->directory && chdir(options->directory) < 0)
		fail("change directory to", options->directory);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };

	parse_options(argc, argv, &options);
	prepare(&options);
	if (optind < argc) {
		execvp(argv[optind], argv + optind);
		fail("run", argv[optind]);
	}
	if (puts("ready") < 0 || fflush(stdout) != 0)
		fail("report", "readiness");
	for (;;)
		pause();
}
