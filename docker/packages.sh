#!/bin/sh
# Installs the Debian or Ubuntu packages that Kedge needs and that are missing.
#
#   docker/packages.sh build|run|test …     the sets may be combined
#
# Asks apt for nothing when everything is there, so it costs nothing on the second call.
set -eu

build='gcc make pkg-config libc6-dev libhiredis-dev libcurl4-openssl-dev libcjson-dev
       libgit2-dev libmicrohttpd-dev libssl-dev zlib1g-dev libyaml-dev'
run='redis-server redis-tools git curl jq ca-certificates unzip util-linux'
test='libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-jsonschema python3-yaml clang clang-format clang-tidy
      cppcheck shellcheck redis-server git curl jq unzip strace
      libgoogle-perftools-dev'
bench='wrk redis-tools'

wanted=
for set in "$@"; do
    case $set in
    build) wanted="$wanted $build" ;;
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    *)
        echo "packages.sh: no set named '$set' (build, run, test, bench)" >&2
        exit 64
        ;;
    esac
done

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Kedge needs these packages, and this system has no apt-get:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Kedge needs these packages; install them as root:" >&2
        echo "    apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# A redis-server installed here must not start the system's own service.
install() {
    $as_root env RUNLEVEL=1 apt-get install -y -q --no-install-recommends $missing
}
$as_root apt-get update -q >/dev/null || true
if ! install >/tmp/kedge-packages.$$ 2>&1; then
    tail -n 20 /tmp/kedge-packages.$$ >&2
    rm -f /tmp/kedge-packages.$$
    echo "The packages could not be installed. Is there a network? Needed:$missing" >&2
    exit 1
fi
rm -f /tmp/kedge-packages.$$
