#!/bin/sh
# Turns the Lua scripts into a C header on standard output.
#
#   embed.sh run_moves.def script.lua…
#
# A script is every file given but part_<name>.lua: those are shared parts, which a script
# or another part names in a line `--@include <name>` and which come in once. The line
# `--@moves` becomes the table of moves, one string "|from by to|from by to|". For each
# script the header has its bytes, its SHA-1 and a struct redis_script; LUA_SCRIPTS lists
# the pointers.
set -eu

moves_def=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

expand() # script.lua: the text with its parts
{
    awk -v dir="$(dirname "$1")" -v moves_def="$moves_def" '
    function fail(text)
    {
        print "embed.sh: " text > "/dev/stderr"
        failed = 1
        exit 1
    }
    function moves(    line, list)
    {
        list = "|"
        while ((getline line < moves_def) > 0)
            if (sub(/^MOVE\(/, "", line) && sub(/\)$/, "", line)) {
                gsub(/, /, " ", line)
                list = list line "|"
            }
        close(moves_def)
        if (list == "|")
            fail("no moves in " moves_def)
        return "local MOVES = \"" list "\""
    }
    function emit(path,    line, name, got)
    {
        while ((got = (getline line < path)) > 0) {
            if (line ~ /^--@include /) {
                name = substr(line, 12)
                if (!(name in seen)) {
                    seen[name] = 1
                    emit(dir "/part_" name ".lua")
                }
            } else if (line == "--@moves") {
                print moves()
            } else {
                print line
            }
        }
        if (got < 0)
            fail("cannot read " path)
        close(path)
    }
    BEGIN { emit(ARGV[1]); exit failed }
    ' "$1"
}

bytes() # file: its bytes as C initialisers
{
    od -An -v -tx1 "$1" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
}

names=
echo '/* Made by common/lua/embed.sh. */'
for file in "$@"; do
    name=$(basename "$file" .lua)
    case $name in part_*) continue ;; esac
    expand "$file" > "$work/text"
    sha1=$(sha1sum < "$work/text")
    printf 'static const unsigned char lua_text_%s[] = {\n' "$name"
    bytes "$work/text"
    printf '};\nstatic const struct redis_script lua_%s = {\n' "$name"
    printf '    "%s", lua_text_%s, sizeof(lua_text_%s), "%s"};\n' \
        "$name" "$name" "$name" "${sha1%% *}"
    names="$names \\
    &lua_$name,"
done
printf '#define LUA_SCRIPTS%s\n' "$names"
