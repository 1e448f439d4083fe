#!/bin/bash
# Stands in for terraform in the chaos test: quick, moody, and a witness. Whoever works on a
# target holds a lock of the kernel's, which ends with the last process that has inherited
# it: two at once on one target show as a line `overlap`, however either of them dies.
#
# Lines in WORLD/log: what target pid time, then
#   start    <work directory> <run id>     (plan and apply: the id; else -)
#   exit     <status> <run id> [<deeds>]   a plan has come to its end; what it would do, where it may be reconciled
#   apply    <work directory> <run id>     an apply has begun
#   sigint   - <run id>                    it was asked to stop
#   changed  <work directory> <run id>     it has changed the world
#   deeds    <deeds> <run id>              by these, where it may be reconciled: action:name, comma-separated
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
is_reconciled() { [[ $target == c* ]]; }
make_deeds() {
    local all=(update:it)
    chance 250 && all+=(delete:old)
    chance 150 && all+=(replace:other)
    chance 150 && all+=(update:guarded)
    local IFS=,
    echo "${all[*]}"
}
show_deed() { # action, name
    local actions="\"$1\"" after='{"input": "b"}'
    [ "$1" != replace ] || actions='"delete", "create"'
    [ "$1" != delete ] || after=null
    cat << END
{"address": "terraform_data.$2", "mode": "managed", "type": "terraform_data", "name": "$2",
"provider_name": "terraform.io/builtin/terraform", "change": {"actions": [$actions], "before": {"input": "a"},
"after": $after, "after_unknown": {}, "before_sensitive": false, "after_sensitive": false}}
END
}
locked=''
lock_state() {
    $lock && [ -z "$stubborn" ] || return
    trap unlock_state EXIT
    locked=$1
    note locked "$1" "$run"
}
unlock_state() { # also when the second of two signals comes while that is done for the first
    trap '' INT
    [ -z "$locked" ] || note unlocked "$locked" "$run"
    locked=''
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
    trap 'trap "" INT; sleep 0.2; unlock_state; exit 1' INT # as terraform, which gives the state back first
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
    deeds=''
    is_reconciled && deeds=$(make_deeds)
    echo "${deeds:-not a plan}" > "$out"
    note exit "$status" "$run" $deeds
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
    if [ $status = 0 ] || chance 500; then
        note changed "$PWD" "$run"
        is_reconciled && note deeds "$(cat "${!#}")" "$run"
    fi
    note applied "$status" "$run"
    [ $status = 0 ] && echo "Apply complete! Resources: 0 added, 1 changed, 0 destroyed."
    [ $status = 1 ] && echo "Error: a bad day"
    exit $status
    ;;
show)
    deeds=update:it
    chance 300 && deeds=update:that # another set of drifted resources
    is_reconciled && deeds=$(cat "${!#}")
    echo '{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": ['
    comma=''
    for deed in ${deeds//,/ }; do
        echo "$comma"
        show_deed "${deed%:*}" "${deed#*:}"
        comma=,
    done
    echo ']}'
    ;;
esac
