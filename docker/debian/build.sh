#!/bin/sh
# Makes kedge_<version>_<architecture>.deb of programs that are built.
#
#   docker/debian/build.sh BUILD_DIRECTORY VERSION DIRECTORY      (make deb)
#
# DEBFULLNAME and DEBEMAIL say who answers for the package.
# The package is for the Debian it is made on: its libraries are those found there.
# SOURCE_DATE_EPOCH is the date of all that is in it.
set -eu

if ! command -v dpkg-shlibdeps >/dev/null; then
    echo "build.sh: dpkg-shlibdeps is missing: apt-get install dpkg-dev" >&2
    exit 69
fi

build=$1 version=$2 to=$3
maintainer="${DEBFULLNAME:-The Kedge maintainers} <${DEBEMAIL:-kedge@localhost}>"
here=$(dirname "$0")
arch=$(dpkg --print-architecture)
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
root=$staging/root
umask 022
mkdir -p "$root/DEBIAN" "$staging/debian"
chmod 755 "$root"

make -s install B="$build" VERSION="$version" PREFIX=/usr SYSCONFDIR=/etc DESTDIR="$root" \
    INSTALL_PROGRAM='install -s'

# Settings: empty ones that the administrator fills; only root reads them.
for name in api scheduler worker; do
    install -D -m 600 "$here/../systemd/$name.env" "$root/etc/kedge/$name.env"
done

doc=$root/usr/share/doc/kedge
install -m 644 "$here/copyright" "$doc/copyright"
date=$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
sed "s/@version@/$version/;s/@date@/$date/;s/@maintainer@/$maintainer/" \
    "$here/changelog" >"$doc/changelog"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/kedge"
gzip -9n "$doc/changelog" "$root"/usr/share/man/man8/*.8

# dpkg-shlibdeps wants a source package around it.
printf 'Source: kedge\n\nPackage: kedge\nArchitecture: any\n' >"$staging/debian/control"
(cd "$staging" && dpkg-shlibdeps -O root/usr/bin/kedge-* >substvars)
depends=$(sed -n 's/^shlibs:Depends=//p' "$staging/substvars")
size=$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)

control=$root/DEBIAN
sed -e "s/@version@/$version/;s/@arch@/$arch/;s/@size@/$size/;s/@depends@/$depends/" \
    -e "s/@maintainer@/$maintainer/" \
    "$here/control" >"$control/control"
install -m 644 "$here/conffiles" "$control"
install -m 755 "$here/preinst" "$here/postinst" "$here/prerm" "$here/postrm" "$control"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z |
    grep -zv '^etc/' | xargs -0 md5sum) >"$control/md5sums"

dpkg-deb --root-owner-group -Zxz --build "$root" "$to/kedge_${version}_$arch.deb"
