#!/bin/bash
# Stands in for terraform in the chaos test: quick, moody, and a witness. Whoever works on a
# target holds a lock of the kernel's, which ends with the last process that has inherited
# it: two at once on one target show as a line `overlap`, however either of them dies.
#
# Lines in WORLD/log: what target pid time, then
#   start    <work directory> <run id>     (plan and apply: the id; else -)
#   exit     <status> <run id>             a plan has come to its end
#   apply    <work directory> <run id>     an apply has begun
#   sigint   - <run id>                    it was asked to stop
#   changed  <work directory> <run id>     it has changed the world
#   applied  <status> <run id>             it has come to its end
#   locked, unlocked  <command> <run id>   the state, by who gives it back when he is stopped
#   overlap  <work directory> <that of who is there already> <his command> <command>
world=@WORLD@

[ "$1" = version ] && exec echo '{"terraform_version": "1.11.4"}'

target=${PWD##*/}
out=- run=- lock=true
for argument; do
    case $argument in
    -lock=false) lock=false ;;
    -out=*) out=${argument#-out=} run=${out%/out/*} run=${run##*/} ;;
    */sealed/plan) run=${argument%/sealed/plan} run=${run##*/} ;;
    esac
done
note() { echo "$1 $target $$ $EPOCHREALTIME ${*:2}" >> "$world/log"; }
chance() { [ $((RANDOM % 1000)) -lt "$1" ]; }
moody() { [ -e "$world/moods" ] && chance "$1"; } # what takes many seconds
rest() { sleep "$1" & wait $!; }
lock_state() {
    $lock && [ -z "$stubborn" ] || return
    trap 'note unlocked '"$1"' "$run"' EXIT
    note locked "$1" "$run"
}

exec 8<> "$world/$target.lock"
if ! flock -n 8; then
    note overlap "$PWD" "$(cat "$world/$target.owner")" "$1"
    flock 8
fi
echo "$PWD $1" > "$world/$target.owner"
note start "$PWD" "$run"

stubborn='' stopped=''
if [ "$1" = apply ]; then
    trap 'note sigint - "$run"; stopped=1' INT # as terraform: what it is at is done first
elif chance 100; then
    stubborn=1
    trap '' INT
else
    trap 'sleep 0.2; exit 1' INT # as terraform, which gives the state back first
fi
chance 30 && { setsid sleep 300 & } # leaves its group and stays

case $1 in
init)
    moody 60 && { echo "Error: connection refused" >&2; exit 1; }
    mkdir -p "$TF_DATA_DIR" # what the worker looks for before it skips an init
    echo '{"backend": {"type": "local", "config": {"path": "/somewhere"}}}' > "$TF_DATA_DIR/terraform.tfstate"
    ;;
plan)
    lock_state plan
    rest 0.0$((RANDOM % 10))
    chance 120 && rest $((RANDOM % 4)).$((RANDOM % 10))
    moody 10 && rest 8
    moody 20 && rest 2$((RANDOM % 10))
    status=0
    if $lock; then chance 700; else chance 350; fi && status=2
    chance 80 && status=1
    moody 10 && { echo "Error: Error acquiring the state lock"; exit 1; }
    [ $status = 1 ] && echo "Error: a bad day"
    echo "not a plan" > "$out"
    note exit "$status" "$run"
    exit $status
    ;;
apply)
    lock_state apply
    note apply "$PWD" "$run"
    rest 0.$((RANDOM % 10))
    chance 200 && rest 1
    moody 500 && rest $((RANDOM % 4)).$((RANDOM % 10))
    moody 30 && rest 2$((RANDOM % 10))
    status=0
    chance 80 && status=1
    [ -n "$stopped" ] && chance 500 && status=1
    if [ $status = 0 ] || chance 500; then note changed "$PWD" "$run"; fi
    note applied "$status" "$run"
    [ $status = 0 ] && echo "Apply complete! Resources: 0 added, 1 changed, 0 destroyed."
    [ $status = 1 ] && echo "Error: a bad day"
    exit $status
    ;;
show)
    name=it
    chance 300 && name=that # another set of drifted resources
    cat << END
{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [{"address": "terraform_data.$name",
"mode": "managed", "type": "terraform_data", "name": "$name", "provider_name": "terraform.io/builtin/terraform",
"change": {"actions": ["update"], "before": {"input": "a"}, "after": {"input": "b"}, "after_unknown": {},
"before_sensitive": false, "after_sensitive": false}}]}
END
    ;;
esac
