# The API as any client uses it, and the emulator of a queue: for scripts that source this.
# They set: url, token_file, emulator, and as title what their messages begin with.
# shellcheck shell=bash disable=SC2154

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$title" "$*" >&2; exit 1; }

sqs() { # action, JSON body
    curl -fsS --max-time 5 "$emulator/" -H "X-Amz-Target: AmazonSQS.$1" \
        -H 'Content-Type: application/x-amz-json-1.0' -d "$2"
}

call() { # method, path [, JSON]
    curl -sS --max-time 70 -X "$1" "$url$2" -H "Authorization: Bearer $(cat "$token_file")" \
        ${3:+-H 'Content-Type: application/json' -d "$3"}
}
must() {
    local answer
    answer=$(call "$@") || die "$1 $2: no answer"
    if jq -e '.error.code? // empty' <<<"$answer" >/dev/null && ! jq -e '.status?' <<<"$answer" >/dev/null; then
        die "$1 $2: $(jq -r '.error.message' <<<"$answer")"
    fi
    printf '%s' "$answer"
}
follow() { # run id: waits on the server, not in a loop of sleeps
    local run
    while :; do
        run=$(must GET "/api/v1/runs/$1?wait=20")
        case $(jq -r .status <<<"$run") in
        queued | running) ;;
        *) break ;;
        esac
    done
    printf '%s' "$run"
}
show() {
    jq -r '"  status   \(.status)\n  \(if .error then "error    \(.error.code): \(.error.message)" else "summary  \(.metadata.summary)" end)",
        (.metadata.driftedResources // [] | .[] |
            "  \(.severity)\t\(.action)\t\(.address)   (moved: \(.origin))",
            (.changes[:8][] | "      \(.attribute): \(.before | tojson) -> \(.after | tojson)")),
        (if (.status == "error") then (.output | split("\n")[:20] | map("  | " + .) | join("\n")) else empty end)' <<<"$1"
}
