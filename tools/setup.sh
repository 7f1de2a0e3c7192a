#!/bin/sh
# Installs what a checkout needs: groups of Debian packages (tools/debian-packages.txt) and the npm
# packages of the lock file. Does nothing, quickly, when all is there.
#
#   tools/setup.sh npm            npm packages only (no root needed)
#   tools/setup.sh GROUP...       npm packages, and the Debian packages of each group
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

packages_of() {
  awk -v group="[$1]" '/^\[/ { on = ($0 == group); next } /^[^#]/ && on { print }' \
    tools/debian-packages.txt
}

missing_of() {
  for package in $(packages_of "$1"); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    # A kubectl that is already on PATH serves as well as Debian's.
    if [ "$package" = kubernetes-client ] && command -v kubectl >/dev/null 2>&1; then continue; fi
    [ "$status" = installed ] || printf '%s ' "$package"
  done
}

install_debian() {
  missing=""
  for group in "$@"; do
    grep -qFx "[$group]" tools/debian-packages.txt ||
      fail "no group $group in tools/debian-packages.txt"
    missing="$missing$(missing_of "$group")"
  done
  missing=${missing% }
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || fail "needs these Debian packages: $missing (no apt-get here)"
  [ "$(id -u)" = 0 ] || fail "needs root to install these Debian packages: $missing"
  say "installing Debian packages: $missing"
  log=$(mktemp)
  # Daemons of the packages must not start in the main namespace: the lab runs its own.
  policy=/usr/sbin/policy-rc.d
  made_policy=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    made_policy=yes
  fi
  ok=yes
  # shellcheck disable=SC2086 # the list is split on purpose
  { apt-get update && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $missing; } > "$log" 2>&1 || ok=no
  [ "$made_policy" = no ] || rm -f "$policy"
  if [ "$ok" = no ]; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: $missing"
  fi
  rm -f "$log"
}

install_npm() {
  command -v npm >/dev/null 2>&1 || fail "needs npm (Debian: apt-get install npm)"
  stamp=node_modules/.heddle-lock
  if [ -e "$stamp" ] && cmp -s package-lock.json "$stamp"; then return 0; fi
  say "installing npm packages of package-lock.json"
  npm ci --loglevel=error
  cp package-lock.json "$stamp"
}

[ "$#" -gt 0 ] || fail "usage: tools/setup.sh npm | GROUP..."
[ "$1" = npm ] || install_debian "$@"
install_npm
