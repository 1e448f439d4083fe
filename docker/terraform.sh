#!/bin/sh
# Prints the path of a terraform (or OpenTofu) binary: the one on PATH, else one downloaded
# from its publisher into the directory given, its checksum verified.
#
#   docker/terraform.sh <directory>
#
# TERRAFORM_VERSION and TERRAFORM_DOWNLOAD_URL (a mirror of the publisher's tree:
# <url>/<version>/terraform_<version>_linux_<arch>.zip and …_SHA256SUMS) may be set.
set -eu

directory=$1
version=${TERRAFORM_VERSION:-1.11.4}
base=${TERRAFORM_DOWNLOAD_URL:-https://releases.hashicorp.com/terraform}

for name in terraform tofu; do
    if command -v "$name" >/dev/null; then
        command -v "$name"
        exit 0
    fi
done
if [ -x "$directory/terraform" ]; then
    echo "$directory/terraform"
    exit 0
fi

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*)
    echo "no terraform for $(uname -m) here: put terraform or tofu on PATH" >&2
    exit 1
    ;;
esac

mkdir -p "$directory"
work=$(mktemp -d "$directory/download.XXXXXX")
trap 'rm -rf "$work"' EXIT
zip=terraform_${version}_linux_${arch}.zip
sums=terraform_${version}_SHA256SUMS
for file in "$zip" "$sums"; do
    if ! curl -fsSL --retry 2 --connect-timeout 10 -o "$work/$file" "$base/$version/$file"; then
        echo "terraform is not on PATH and could not be downloaded from $base." >&2
        echo "Put terraform or tofu on PATH, or name a mirror in TERRAFORM_DOWNLOAD_URL." >&2
        exit 1
    fi
done
line=$(grep " $zip\$" "$work/$sums" || true)
if [ -z "$line" ] || ! (cd "$work" && echo "$line" | sha256sum -c --quiet -) >&2; then
    echo "$zip from $base does not have the checksum its publisher gives: not used." >&2
    exit 1
fi
unzip -q -o "$work/$zip" terraform -d "$work"
mv "$work/terraform" "$directory/terraform"
echo "$directory/terraform"
