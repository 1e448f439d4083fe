#!/bin/sh
# Installs the Debian or Ubuntu packages that Kedge needs and that are missing.
#
#   docker/packages.sh build|run|test …     the sets may be combined
#   docker/packages.sh names image          only prints what a set is, a name a line
#
# Asks apt for nothing when everything is there, so it costs nothing on the second call.
set -eu

build='gcc make pkg-config libc6-dev libhiredis-dev libcurl4-openssl-dev libcjson-dev
       libgit2-dev libmicrohttpd-dev libgnutls28-dev libssl-dev zlib1g-dev libyaml-dev
       libgoogle-perftools-dev'
run='redis-server redis-tools git curl jq ca-certificates unzip util-linux'
test='libcmocka-dev openssl python3 python3-pytest python3-pytest-xdist python3-jsonschema python3-yaml clang clang-format clang-tidy lld
      cppcheck shellcheck redis-server git curl jq unzip strace'
bench='wrk redis-tools'
ship='debootstrap bubblewrap docker.io docker-compose slirp4netns iptables iproute2 procps git openssl mandoc lintian'
# Besides the libraries: what the container image has (Debian 13's names).
image='ca-certificates git tini tzdata tzdata-legacy'

only_names=
if [ "${1:-}" = names ]; then
    only_names=1
    shift
fi

wanted=
for set in "$@"; do
    case $set in
    build) wanted="$wanted $build" ;;
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    ship)
        wanted="$wanted $ship"
        # Of its own from Debian 13 on.
        ! apt-cache show docker-cli >/dev/null 2>&1 || wanted="$wanted docker-cli"
        ;;
    image) wanted="$wanted $image" ;;
    *)
        echo "packages.sh: no set named '$set' (build, run, test, bench, ship, image)" >&2
        exit 64
        ;;
    esac
done

if [ -n "$only_names" ]; then
    printf '%s\n' $wanted
    exit 0
fi

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
# What is installed here (redis-server, docker.io) must not start as the system's own service:
# 101 is Debian's word for that, given to all who install until we are done.
install() {
    $as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            trap "exit 1" HUP INT TERM
            printf "#!/bin/sh\nexit 101\n" >$policy
            chmod 755 $policy
        fi
        apt-get install -y -q --no-install-recommends "$@"' install $missing
}
$as_root apt-get update -q >/dev/null || true
if ! install >/tmp/kedge-packages.$$ 2>&1; then
    tail -n 20 /tmp/kedge-packages.$$ >&2
    rm -f /tmp/kedge-packages.$$
    echo "The packages could not be installed. Is there a network? Needed:$missing" >&2
    exit 1
fi
rm -f /tmp/kedge-packages.$$
