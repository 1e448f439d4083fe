#!/bin/bash
# make run: a private Redis, the three programs and a sample, on this machine, in the
# foreground. Ctrl-C stops everything; calling it again goes on from where it was.
#
# Everything it writes is below var/. Settings: KEDGE_LISTEN (default 127.0.0.1:4141),
# DEMO_SAMPLE (local_file, aws_queue or builtin; default: the first that works here),
# DEMO_ONCE=1 (stop after the check: for tests).
set -euo pipefail

cd "$(dirname "$0")/../.."
root=$PWD
var=$root/var
demo=$var/demo
world=$demo/world
listen=${KEDGE_LISTEN:-127.0.0.1:4141}
url=http://$listen
emulator_port=${DEMO_EMULATOR_PORT:-4566}
emulator=http://127.0.0.1:$emulator_port
token_file=$var/token
export title='make run'
# shellcheck source=docker/demo/client.sh
source docker/demo/client.sh
umask 077
mkdir -p "$var"/{log,redis,bin} "$demo"/{git,state} "$world"

# ---- one at a time ----
exec 9>"$var/run.lock"
flock -n 9 || die "it is already running here (var/run.lock is held)"

# A Unix socket's path may have 107 bytes: a deep checkout gets a short way to its own var/.
short=$(mktemp -d /tmp/kedge.XXXXXX)
ln -s "$var" "$short/var"
socket=$short/var/redis.sock

# ---- processes ----
declare -A pid=()
start() { # name, command …: in a session of its own, so that Ctrl-C reaches this script alone
    local name=$1
    shift
    setsid "$@" >>"$var/log/$name.log" 2>&1 9>&- &
    pid[$name]=$!
}
stop() {
    local name
    trap - EXIT INT TERM
    for name in api scheduler worker emulator redis; do
        [ -n "${pid[$name]:-}" ] || continue
        [ "$name" != emulator ] || save_queue
        kill -TERM "${pid[$name]}" 2>/dev/null || true
        wait "${pid[$name]}" 2>/dev/null || true
    done
    rm -rf "$short"
    say "stopped."
}
trap stop EXIT
trap 'say ""; exit 0' INT TERM

wait_for() { # seconds, sentence, command …
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die "$what (see var/log/)"
        sleep 0.05
    done
}

# ---- terraform and the sample ----
terraform=$(docker/terraform.sh "$var/bin")
export TF_CLI_CONFIG_FILE=$var/terraform.rc TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
mirror=$(find / -maxdepth 3 -type d -name tf-plugins -not -path '/proc/*' -print -quit 2>/dev/null || true)
if [ -n "$mirror" ]; then
    cat >"$TF_CLI_CONFIG_FILE" <<RC
provider_installation {
  filesystem_mirror {
    path = "$mirror"
  }
  direct {
    exclude = ["registry.terraform.io/hashicorp/aws"]
  }
}
RC
else
    : >"$TF_CLI_CONFIG_FILE"
fi

save_queue() {
    sqs GetQueueAttributes "{\"QueueUrl\":\"$(cat "$demo/queue_url")\",\"AttributeNames\":[\"VisibilityTimeout\"]}" 2>/dev/null |
        jq -re .Attributes.VisibilityTimeout >"$demo/queue.new" 2>/dev/null &&
        mv "$demo/queue.new" "$demo/queue_timeout" || true
}
try_terraform() { # in the sample's working copy, with its variables and state
    (cd "$demo/apply" && "$terraform" "$@" 9>&-) >>"$var/log/sample.log" 2>&1
}
init_sample() {
    rm -rf "$demo/apply" && mkdir -p "$demo/apply"
    cp "docker/demo/$1/main.tf" "$demo/apply/"
    try_terraform init -input=false -no-color -backend-config="path=$demo/state/$1.tfstate"
}
start_emulator() {
    local npm=$demo/emulator
    command -v npm >/dev/null && command -v node >/dev/null || return 1
    if [ ! -x "$npm/node_modules/.bin/fauxqs" ]; then
        mkdir -p "$npm"
        (cd "$npm" && npm install --no-audit --no-fund --silent fauxqs@1 9>&-) \
            >>"$var/log/sample.log" 2>&1 || return 1
    fi
    start emulator env FAUXQS_PORT="$emulator_port" FAUXQS_LOGGER=false "$npm/node_modules/.bin/fauxqs"
    wait_for 15 "the emulator did not start" sqs ListQueues '{}'
    sqs CreateQueue "{\"QueueName\":\"orders\",\"Attributes\":{\"VisibilityTimeout\":\"$(cat "$demo/queue_timeout" 2>/dev/null || echo 30)\"},\"tags\":{\"team\":\"payments\"}}" |
        jq -re .QueueUrl >"$demo/queue_url"
}

# Each sample: can it run here, its variables, and what somebody does behind Terraform's back.
usable() {
    case $1 in
    local_file) init_sample local_file ;;
    aws_queue) [ -n "$mirror" ] && start_emulator && init_sample aws_queue ;;
    builtin) init_sample builtin ;;
    esac
}
variables() {
    case $1 in
    aws_queue) jq -nc --arg e "$emulator" --arg q "$(cat "$demo/queue_url")" '{endpoint: $e, queue_url: $q}' ;;
    *) jq -nc --arg w "$world" '{world: $w}' ;;
    esac
}
change_world() {
    case $1 in
    local_file)
        say "Somebody edits $world/motd.txt and deletes limits.conf by hand …"
        echo 'Welcome. No maintenance planned.' >"$world/motd.txt"
        rm -f "$world/limits.conf"
        ;;
    aws_queue)
        say "Somebody changes the queue's visibility timeout from 30 to 5 seconds in the console …"
        sqs SetQueueAttributes "{\"QueueUrl\":\"$(cat "$demo/queue_url")\",\"Attributes\":{\"VisibilityTimeout\":\"5\"}}" >/dev/null
        ;;
    builtin)
        say "The file that the sample reads changes …"
        echo 'Welcome. No maintenance planned.' >"$world/motd.txt"
        ;;
    esac
}

choose_sample() {
    local name
    for name in ${DEMO_SAMPLE:-$(cat "$demo/sample" 2>/dev/null || echo local_file aws_queue builtin)}; do
        if usable "$name"; then
            echo "$name" >"$demo/sample"
            sample=$name
            return
        fi
    done
    tail -n 20 "$var/log/sample.log" >&2
    die "terraform could not initialise any sample (var/log/sample.log)"
}

publish_sample() { # the sample as a bare git repository, the way a team's code lies on a server
    local bare=$demo/git/demo/$sample.git copy=$demo/checkout
    [ -f "$bare/HEAD" ] || git init -q --bare -b main "$bare"
    rm -rf "$copy" && git clone -q "$bare" "$copy" 2>/dev/null
    cp "docker/demo/$sample/main.tf" "$copy/"
    git -C "$copy" checkout -q -B main
    git -C "$copy" add -A
    git -C "$copy" diff --cached --quiet ||
        git -C "$copy" -c user.name=demo -c user.email=demo@localhost commit -qm 'The sample'
    git -C "$copy" push -q origin main
}

create_resources() {
    [ ! -s "$demo/state/$sample.tfstate" ] || return 0
    say "Creating the sample's resources with $("$terraform" version | head -n 1) …"
    [ "$sample" != builtin ] || echo 'Welcome.' >"$world/motd.txt"
    variables "$sample" >"$demo/apply/demo.auto.tfvars.json"
    try_terraform apply -input=false -no-color -auto-approve ||
        die "terraform apply of the sample failed (var/log/sample.log)"
}

# ---- the API, as any client uses it ----
[ -s "$token_file" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$token_file"

# ---- go ----
choose_sample
publish_sample
create_resources

if redis-cli -s "$var/redis.sock" ping >/dev/null 2>&1; then
    die "a redis-server still answers on var/redis.sock: stop it first"
fi
start redis redis-server --port 0 --unixsocket "$socket" --unixsocketperm 700 --dir "$var/redis" \
    --appendonly yes --appendfsync always --save '' --maxmemory-policy noeviction --daemonize no
wait_for 10 "Redis did not start" redis-cli -s "$socket" ping

export KEDGE_REDIS_URL=unix://$socket KEDGE_LISTEN=$listen KEDGE_DATA_DIR=$var/worker \
    KEDGE_GIT_URL=file://$demo/git KEDGE_REPO_ALLOWLIST='localhost/demo/*' KEDGE_TERRAFORM=$terraform \
    KEDGE_SANDBOX_READ="/usr:/lib:/lib64:/etc:/opt:$var/bin:$TF_CLI_CONFIG_FILE${mirror:+:$mirror}" \
    KEDGE_SANDBOX_WRITE="$demo/state:$world" KEDGE_API_SECRET_FILE=$var/token
start api build/kedge-api
start worker build/kedge-worker
start scheduler build/kedge-scheduler
dead() { ! kill -0 "${pid[api]}" || ! kill -0 "${pid[worker]}" || ! kill -0 "${pid[scheduler]}"; }
settled() { dead || { curl -fs --max-time 2 "$url/readyz" && sleep 0.2; }; }
wait_for 10 "kedge-api is not ready on $listen" settled
if dead 2>/dev/null; then
    die "a program did not start: $(tail -qn 1 "$var"/log/{api,worker,scheduler}.log)"
fi

must PUT /api/v1/projects/demo "{\"repository\":\"demo/$sample\",\"type\":\"Git\",\"ref\":\"main\"}" >/dev/null
must PUT /api/v1/projects/demo/workspaces/sample "$(jq -nc --argjson v "$(variables "$sample")" --arg p "$demo/state/$sample.tfstate" \
    '{directory: ".", variables: $v, backendConfig: {path: $p}}')" >/dev/null

if [ ! -e "$demo/changed.$sample" ]; then
    say ""
    say "First check, before anybody touched anything:"
    show "$(follow "$(must POST /api/v1/drift '{"projectId":"demo","workspaceId":"sample"}' | jq -r .runId)")"
    say ""
    change_world "$sample"
    touch "$demo/changed.$sample"
fi
say ""
say "Checking for drift:"
run=$(must POST /api/v1/drift '{"projectId":"demo","workspaceId":"sample"}' | jq -r .runId)
show "$(follow "$run")"
[ "$sample" != builtin ] || say "
  (No provider could be had here. The built-in one can only show changes that come in through
   the configuration; with hashicorp/local or a cloud's provider real drift shows the same way.)"

cat <<NEXT

Kedge listens on $url. Things to try next:

  T="Authorization: Bearer \$(cat $var/token)"
  curl -sH "\$T" '$url/api/v1/drift?projectId=demo&workspaceId=sample' | jq
  curl -sH "\$T" '$url/api/v1/runs/$run' | jq .metadata.driftedResources
  curl -sH "\$T" '$url/api/v1/runs/$run/log'
  curl -sH "\$T" -H 'Content-Type: application/json' -d '{"projectId":"demo","workspaceId":"sample"}' '$url/api/v1/drift'
  curl -sH "\$T" '$url/api/v1/drift/history?projectId=demo&workspaceId=sample' | jq '.[].status'
  curl -sH "\$T" -H 'Content-Type: application/json' -d '{"projectId":"demo","workspaceId":"sample","scheduleType":"drift","cron":"*/5 * * * *","enabled":true}' '$url/api/v1/drift/schedule'
  curl -sH "\$T" -H 'Content-Type: application/json' -d '{"kind":"slack","url":"https://hooks.slack.com/services/YOUR/OWN/ONE"}' '$url/api/v1/hooks'
  curl -s '$url/api/drift/status?repository=demo/$sample' | jq .data
  curl -s '$url/openapi.yaml'
  curl -s '$url/metrics'

Logs: var/log/. Ctrl-C stops everything; make run goes on from here.
NEXT
[ -z "${DEMO_ONCE:-}" ] || exit 0
wait -n "${pid[@]}" || true
die "a process ended: $(tail -qn 1 "$var"/log/{redis,api,worker,scheduler}.log)"
