#!/bin/bash
# Stands in for terraform in the chaos test: quick, moody, and a witness. Whoever works on a
# target holds a lock of the kernel's, which ends with the last process that has inherited
# it: two at once on one target show as a line `overlap`, however either of them dies.
#
# Lines in WORLD/log: what target pid time, then
#   start    <work directory> <run id>     (plan only: the id; else -)
#   exit     <status> <run id>             a plan has come to its end
#   overlap  <work directory> <work directory of who is there already>
world=@WORLD@

[ "$1" = version ] && exec echo '{"terraform_version": "1.11.4"}'

target=${PWD##*/}
out=- run=-
for argument; do
    case $argument in -out=*) out=${argument#-out=} run=${out%/out/*} run=${run##*/} ;; esac
done
note() { echo "$1 $target $$ $EPOCHREALTIME ${*:2}" >> "$world/log"; }
chance() { [ $((RANDOM % 1000)) -lt "$1" ]; }
moody() { [ -e "$world/moods" ] && chance "$1"; } # what takes half a minute and more
rest() { sleep "$1" & wait $!; }

exec 8<> "$world/$target.lock"
if ! flock -n 8; then
    note overlap "$PWD" "$(cat "$world/$target.owner")"
    flock 8
fi
echo "$PWD" > "$world/$target.owner"
note start "$PWD" "$run"

if chance 100; then trap '' INT; else trap 'exit 1' INT; fi
chance 30 && { setsid sleep 300 & } # leaves its group and stays

case $1 in
init)
    moody 60 && { echo "Error: connection refused" >&2; exit 1; }
    mkdir -p "$TF_DATA_DIR" # what the worker looks for before it skips an init
    ;;
plan)
    rest 0.0$((RANDOM % 10))
    chance 120 && rest $((RANDOM % 4)).$((RANDOM % 10))
    chance 10 && rest 8
    moody 20 && rest 2$((RANDOM % 10))
    status=0
    chance 350 && status=2
    chance 80 && status=1
    moody 10 && { echo "Error: Error acquiring the state lock"; exit 1; }
    [ $status = 1 ] && echo "Error: a bad day"
    echo "not a plan" > "$out"
    note exit "$status" "$run"
    exit $status
    ;;
show)
    cat << 'END'
{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [{"address": "terraform_data.it",
"mode": "managed", "type": "terraform_data", "name": "it", "provider_name": "terraform.io/builtin/terraform",
"change": {"actions": ["update"], "before": {"input": "a"}, "after": {"input": "b"}, "after_unknown": {},
"before_sensitive": false, "after_sensitive": false}}]}
END
    ;;
esac
