#!/bin/bash
# The user of the demo in compose.yml: publishes a sample, creates what it describes, registers
# it, has it checked, changes the world behind Terraform's back, and has it checked again.
#
# The sample is a queue in the emulator; where the emulator or its provider cannot be had, one
# of what is built into terraform. DEMO_SAMPLE names one: aws_queue, local_file or builtin.
set -euo pipefail

tools=$(cd "$(dirname "$0")" && pwd)
demo=/demo
export url=$KEDGE_URL
export token_file=/run/secrets/api_secret
export emulator=http://emulator:4566
export title=demo HOME=/tmp CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
# shellcheck source=docker/demo/client.sh
source "$tools/client.sh"
mkdir -p "$demo"/{git,state,world}

try_terraform() { (cd "$demo/apply" && terraform "$@") >>"$demo/sample.log" 2>&1; }
init_sample() {
    rm -rf "$demo/apply" && mkdir -p "$demo/apply"
    cp "$tools/$1/main.tf" "$demo/apply/"
    try_terraform init -input=false -no-color -backend-config="path=$demo/state/$1.tfstate"
}
make_queue() {
    local tries=0
    until sqs ListQueues '{}' >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || return 1
        sleep 0.1
    done
    sqs CreateQueue '{"QueueName":"orders","Attributes":{"VisibilityTimeout":"30","MaximumMessageSize":"262144"},"tags":{"team":"payments"}}' |
        jq -re .QueueUrl >"$demo/queue_url"
}
usable() {
    [ "$1" != aws_queue ] || make_queue || return 1
    init_sample "$1"
}
choose_sample() {
    for sample in ${DEMO_SAMPLE:-aws_queue local_file builtin}; do
        if usable "$sample"; then
            return
        fi
        say "(The sample $sample cannot be had here.)"
    done
    tail -n 20 "$demo/sample.log" >&2
    die "terraform could not initialise any sample"
}
variables() {
    case $sample in
    aws_queue) jq -nc --arg e "$emulator" --arg q "$(cat "$demo/queue_url")" '{endpoint: $e, queue_url: $q}' ;;
    *) jq -nc --arg w "$demo/world" '{world: $w}' ;;
    esac
}
publish_sample() {
    local bare=$demo/git/demo/$sample.git copy=$demo/checkout
    [ -f "$bare/HEAD" ] || git init -q --bare -b main "$bare"
    rm -rf "$copy" && git clone -q "$bare" "$copy" 2>/dev/null
    git -C "$copy" checkout -q -B main
    cp "$tools/$sample/main.tf" "$copy/"
    git -C "$copy" add -A
    git -C "$copy" diff --cached --quiet ||
        git -C "$copy" -c user.name=demo -c user.email=demo@localhost commit -qm 'The sample'
    git -C "$copy" push -q origin main
}
create_resources() {
    echo 'Welcome.' >"$demo/world/motd.txt"
    variables >"$demo/apply/demo.auto.tfvars.json"
    say "Creating the sample's resources with $(terraform version | head -n 1) …"
    try_terraform apply -input=false -no-color -auto-approve || { tail -n 20 "$demo/sample.log" >&2; die "terraform apply of the sample failed"; }
}
change_world() {
    case $sample in
    aws_queue)
        say "Somebody changes the queue's visibility timeout from 30 to 5 seconds in the console …"
        sqs SetQueueAttributes "{\"QueueUrl\":\"$(cat "$demo/queue_url")\",\"Attributes\":{\"VisibilityTimeout\":\"5\"}}" >/dev/null
        ;;
    local_file) say "Somebody edits a file by hand …" && echo 'Welcome. No maintenance planned.' >"$demo/world/motd.txt" ;;
    builtin) say "The file that the sample reads changes …" && echo 'Welcome. No maintenance planned.' >"$demo/world/motd.txt" ;;
    esac
}
check() { follow "$(must POST /api/v1/drift '{"projectId":"demo","workspaceId":"sample"}' | jq -r .runId)"; }

choose_sample
publish_sample
create_resources
must PUT /api/v1/projects/demo "{\"repository\":\"demo/$sample\",\"type\":\"Git\",\"ref\":\"main\"}" >/dev/null
must PUT /api/v1/projects/demo/workspaces/sample "$(jq -nc --argjson v "$(variables)" --arg p "$demo/state/$sample.tfstate" \
    '{directory: ".", variables: $v, backendConfig: {path: $p}}')" >/dev/null
call GET /api/v1/hooks | jq -e 'any(.[]; .url == "http://receiver:8080/")' >/dev/null 2>&1 ||
    must POST /api/v1/hooks '{"kind":"slack","url":"http://receiver:8080/"}' >/dev/null

say "First check, before anybody touched anything:"
show "$(check)"
change_world
say "Checking for drift:"
show "$(check)"
say "The message to Slack: docker compose -f docker/compose.yml logs receiver"
