#!/bin/sh
# Can this machine run the lab? One clear line and exit 1 when not; changes nothing.
set -eu
fail() { printf 'make lab: %s\n' "$*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "needs Linux, this is $(uname -s)"
[ "$(uname -m)" = x86_64 ] || fail "needs x86_64, this is $(uname -m)"
[ "$(id -u)" = 0 ] || fail "needs root (network namespaces, eBPF): run it as root"
release=$(uname -r)
major=${release%%.*}
rest=${release#*.}
minor=${rest%%[!0-9]*}
if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 1 ]; }; then
  fail "needs Linux 6.1 or newer, this is $release"
fi
[ -r /sys/kernel/btf/vmlinux ] || fail "needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF), /sys/kernel/btf/vmlinux is missing"
for file in /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/uts; do
  [ -e "$file" ] || fail "needs a kernel with namespaces, $file is missing"
done
command -v npm >/dev/null 2>&1 || fail "needs npm (Debian: apt-get install npm)"
