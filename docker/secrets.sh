#!/bin/sh
# Makes docker/secrets/ for compose.yml: a directory for each service, which sees only its own.
# What is there stays; calling it again adds what is missing.
#
# Only the caller may enter docker/secrets/. The files themselves may be read by everybody,
# because a container's user is another one than yours.
set -eu

cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
umask 022
mkdir -p redis api worker scheduler env grafana

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # file, text
    [ -s "$1" ] || printf '%s\n' "$2" >"$1"
}

keep redis/password "$(random)"
password=$(cat redis/password)
keep redis/requirepass.conf "requirepass $password"
for program in api worker scheduler; do
    keep "$program/redis_url" "redis://:$password@redis:6379/0"
done
keep api/api_secret "$(random)"
keep grafana/password "$(random)"
echo "docker/secrets/ is ready; the API's token is in docker/secrets/api/api_secret"
