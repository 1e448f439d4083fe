#!/bin/sh
# Turns a file into a C header on standard output: an array of its bytes.
#
#   embed.sh file name
set -eu

echo '/* Made by api/embed.sh. */'
printf 'static const unsigned char %s[] = {\n' "$2"
od -An -v -tx1 "$1" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
echo '};'
