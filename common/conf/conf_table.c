/* The settings: one row, one fact. */
#include <stddef.h>

#include "common/base/mem.h"
#include "common/conf/conf_table.h"

#define FIELD(name)  offsetof(struct conf, name)
#define API          PROGRAM_API
#define WORKER       PROGRAM_WORKER
#define SCHEDULER    PROGRAM_SCHEDULER
#define ALL          PROGRAMS_ALL
#define MINUTE_MS    60000
#define DAY_MS       86400000
#define UP_TO(least) .min = (least), .max = INT64_MAX

const struct setting conf_settings[] = {
    {"KEDGE_REDIS_URL", &conf_redis_url, FIELD(redis_url), "redis://127.0.0.1:6379/0",
     ALL, .secret = true,
     .help = "where Redis is: redis://[[user]:password@]host[:port][/db], "
             "unix:///path?db=0 or redis+sentinel://host:port,host:port/master/db; "
             "rediss:// and rediss+sentinel:// are over TLS"},
    {"KEDGE_REDIS_CA", &conf_text, FIELD(redis_ca), NULL, ALL,
     .unset = "the system's store",
     .help = "PEM file of the CAs that may sign the certificate of Redis"},
    {"KEDGE_REDIS_CERT", &conf_text, FIELD(redis_cert), NULL, ALL,
     .help = "PEM certificate that is shown to Redis; with KEDGE_REDIS_KEY"},
    {"KEDGE_REDIS_KEY", &conf_text, FIELD(redis_key), NULL, ALL,
     .help = "PEM private key of that certificate"},
    {"KEDGE_REDIS_TLS_NAME", &conf_word, FIELD(redis_tls_name), NULL, ALL,
     .unset = "the host that is connected to",
     .help = "the name that the certificate of Redis must bear"},
    {"KEDGE_REDIS_PREFIX", &conf_text, FIELD(redis_prefix), "{kedge}:", ALL,
     .help = "prefix of every key"},
    {"KEDGE_UNSAFE_REDIS", &conf_flag, FIELD(unsafe_redis), "false", ALL,
     .help = "start although Redis evicts keys or keeps no append-only file"},
    {"KEDGE_LOG_LEVEL", &conf_level, FIELD(log_level), "info", ALL,
     .help = "error, warn, info or debug"},

    {"KEDGE_LISTEN", &conf_listen, FIELD(listen), "127.0.0.1:4141", API,
     .help = "where to serve HTTP; port 0 picks a free one, told in the log event "
             "`listening`"},
    {"KEDGE_TLS_CERT", &conf_text, FIELD(tls_cert), NULL, API,
     .help = "PEM certificate chain; HTTPS when both this and the key are set; both are "
             "read again on SIGHUP"},
    {"KEDGE_TLS_KEY", &conf_text, FIELD(tls_key), NULL, API,
     .help = "PEM private key of the certificate"},
    {"KEDGE_DRAIN_DELAY", &conf_duration, FIELD(drain_delay_ms), "0s", API,
     .max = 10 * MINUTE_MS,
     .help =
         "how long a stopping api goes on listening while /readyz says that it is not "
         "ready: for balancers that ask before they send"},
    {"KEDGE_API_SECRET", &conf_token, FIELD(api_secret), NULL, API, .secret = true,
     .reload = true,
     .unset = "everything that needs a token is disabled, unless there is a "
              "KEDGE_TOKENS_FILE",
     .help = "the API token, good for everything"},
    {"KEDGE_READ_TOKEN", &conf_token, FIELD(read_token), NULL, API, .secret = true,
     .reload = true, .help = "a second token, good for GET only"},
    {"KEDGE_TOKENS_FILE", &conf_text, FIELD(tokens_file), NULL, API,
     .help = "JSON file of named tokens with scopes and projects; read again on SIGHUP"},
    {"KEDGE_AUDIT_DAYS", &conf_count, FIELD(audit_days), "90", API, .max = 3650,
     .help = "days that the audit keeps who did what; 0: nothing is recorded"},
    {"KEDGE_AUTH_READS", &conf_flag, FIELD(auth_reads), "false", API,
     .help = "the Atlantis family's GETs need a token too (never /healthz, /readyz)"},
    {"KEDGE_PUBLIC_URL", &conf_public_url, FIELD(public_url), NULL, API | SCHEDULER,
     .help = "base of links in notifications and of `Location`"},
    {"KEDGE_MAX_QUEUED", &conf_count, FIELD(max_queued), "10000", API, UP_TO(1),
     .help = "waiting runs in all, but those of schedules; more are answered 429. A "
             "tenth of it per project"},
    {"KEDGE_REPO_ALLOWLIST", &conf_patterns, FIELD(repo_allowlist), NULL, API | WORKER,
     .unset = "nothing is allowed",
     .help = "comma list of patterns over host/owner/repo; `*` matches any characters, "
             "a leading `!` excludes and wins; letter case does not matter"},
    {"KEDGE_DRIFT_STORAGE", &conf_flag, FIELD(drift_storage), "true", API,
     .help = "false: drift detect, status and remediate answer 503"},
    {"KEDGE_GITHUB_WEBHOOK_SECRET", &conf_token, FIELD(github_webhook_secret), NULL, API,
     .secret = true, .reload = true, .unset = "/api/v1/webhooks/github answers 503",
     .help = "the secret of GitHub webhooks: push events queue checks"},
    {"KEDGE_GITLAB_WEBHOOK_SECRET", &conf_token, FIELD(gitlab_webhook_secret), NULL, API,
     .secret = true, .reload = true, .unset = "/api/v1/webhooks/gitlab answers 503",
     .help = "the secret token or signing token (whsec_…) of GitLab webhooks"},
    {"AZURE_OPENAI_ENDPOINT", &conf_public_url, FIELD(azure_endpoint), NULL, API,
     .unset = "no suggestions, unless there is a KEDGE_AI_URL",
     .help = "the Azure OpenAI resource that is asked for suggestions, as in "
             "https://name.openai.azure.com"},
    {"AZURE_OPENAI_API_KEY", &conf_token, FIELD(azure_key), NULL, API, .secret = true,
     .reload = true, .help = "a key of that resource"},
    {"AZURE_OPENAI_DEPLOYMENT", &conf_word, FIELD(azure_deployment), NULL, API,
     .help = "the name of the model's deployment there"},
    {"AZURE_OPENAI_API_VERSION", &conf_word, FIELD(azure_api_version), "2024-10-21", API,
     .help = "api-version of its REST API; `v1` asks the API that has none"},
    {"KEDGE_AI_URL", &conf_public_url, FIELD(ai_url), NULL, API,
     .help = "base URL of any other server that speaks OpenAI's chat completions, as in "
             "http://127.0.0.1:11434/v1; `/chat/completions` is added"},
    {"KEDGE_AI_MODEL", &conf_text, FIELD(ai_model), NULL, API,
     .help = "the model it is asked for"},
    {"KEDGE_AI_API_KEY", &conf_token, FIELD(ai_key), NULL, API, .secret = true,
     .reload = true, .unset = "no Authorization is sent",
     .help = "its key, sent as a bearer token"},
    {"KEDGE_AI_TIMEOUT", &conf_duration, FIELD(ai_timeout_ms), "5m", API, .min = 100,
     .max = 60 * MINUTE_MS, .help = "longest that one suggestion may take"},
    {"KEDGE_AI_IDLE_TIMEOUT", &conf_duration, FIELD(ai_idle_timeout_ms), "1m", API,
     .min = 100, .max = 60 * MINUTE_MS,
     .help = "longest silence of the model, before its first word and between words"},
    {"KEDGE_AI_MAX_STREAMS", &conf_count, FIELD(ai_max_streams), "500", API, .min = 1,
     .max = 100000, .help = "suggestions under way at a time; more are answered 429"},
    {"KEDGE_PROFILING", &conf_flag, FIELD(profiling), "false", API,
     .help = "serve /debug/pprof/ to those who have the API token"},

    {"KEDGE_METRICS_LISTEN", &conf_listen, FIELD(metrics_listen), NULL,
     WORKER | SCHEDULER, .help = "serve /metrics and /healthz there; --health asks them"},
    {"KEDGE_DATA_DIR", &conf_text, FIELD(data_dir), "./var", WORKER,
     .help = "repository cache, plugin cache, and `w<n>/` for each worker that shares "
             "it"},
    {"KEDGE_DATA_MAX", &conf_size, FIELD(data_max_bytes), "20G", WORKER, UP_TO(1),
     .help = "above it, or below 10 % free, caches and work directories are evicted, "
             "least recently used first"},
    {"KEDGE_TERRAFORM", &conf_text, FIELD(terraform), NULL, WORKER,
     .unset = "terraform, else tofu, from PATH", .help = "default binary"},
    {"KEDGE_TERRAFORM_VERSIONS_DIR", &conf_text, FIELD(terraform_versions_dir), NULL,
     WORKER, .unset = "no version can be pinned",
     .help = "its `<version>/terraform` serves a workspace that pins that version"},
    {"KEDGE_WORKER_SLOTS", &conf_count, FIELD(worker_slots), "2", WORKER, .min = 1,
     .max = 1024, .help = "runs at a time"},
    {"KEDGE_RUN_MEMORY", &conf_size, FIELD(run_memory_bytes), "1G", WORKER, UP_TO(0),
     .help = "claims a run only while that much memory is free; one process of a run may "
             "take four times as much, at least 4G"},
    {"KEDGE_RUN_TIMEOUT", &conf_duration, FIELD(run_timeout_ms), "1h", WORKER, .min = 1,
     .max = INT64_C(30) * DAY_MS, .help = "longest run; then it is cancelled"},
    {"KEDGE_CANCEL_GRACE", &conf_duration, FIELD(cancel_grace_ms), "30s", WORKER,
     .min = 1, .max = 60 * MINUTE_MS, .help = "time between the steps of a cancel"},
    {"KEDGE_STOP_TIMEOUT", &conf_duration, FIELD(stop_timeout_ms), "1m", WORKER,
     .max = INT64_C(30) * DAY_MS,
     .help = "how long a stopping worker lets its runs go on before it interrupts them"},
    {"KEDGE_SANDBOX", &conf_sandbox, FIELD(sandbox), "auto", WORKER,
     .help = "landlock: refuse to start without it; none; auto: use it where the kernel "
             "has it, else warn at every start"},
    {"KEDGE_SANDBOX_READ", &conf_directories, FIELD(sandbox_read),
     "/usr:/lib:/lib64:/etc:/opt", WORKER,
     .help = "colon list of what a run may read besides its own directories"},
    {"KEDGE_SANDBOX_WRITE", &conf_directories, FIELD(sandbox_write), NULL, WORKER,
     .help = "colon list of what a run may write besides its own directories"},
    {"KEDGE_ENV_DIR", &conf_text, FIELD(env_dir), NULL, WORKER,
     .help = "`<projectId>.env`, `<projectId>/<workspaceId>.env` and `default.env` "
             "(KEY=VALUE): credentials for runs; they never enter Redis"},
    {"KEDGE_ENV_PASS", &conf_names, FIELD(env_pass),
     "AWS_*,ARM_*,GOOGLE_*,TF_VAR_*,TF_TOKEN_*,TF_CLI_CONFIG_FILE,HTTPS_PROXY,NO_PROXY,"
     "SSL_CERT_FILE",
     WORKER,
     .help = "which of the worker's own variables a run may see, besides PATH, LANG, a "
             "private HOME and TMPDIR"},
    {"KEDGE_GITHUB_URL", &conf_clone_url, FIELD(github_url), "https://github.com",
     API | WORKER, .help = "clone base of Github: `<url>/<repository>.git`"},
    {"KEDGE_GITLAB_URL", &conf_clone_url, FIELD(gitlab_url), "https://gitlab.com",
     API | WORKER, .help = "clone base of Gitlab"},
    {"KEDGE_GIT_URL", &conf_clone_url, FIELD(git_url), NULL, API | WORKER,
     .unset = "the type Git is refused",
     .help = "clone base of any other git server; `file:///…` works"},
    {"KEDGE_GITHUB_TOKEN", &conf_token, FIELD(github_token), NULL, WORKER, .secret = true,
     .reload = true, .help = "sent only to the host of KEDGE_GITHUB_URL"},
    {"KEDGE_GITLAB_TOKEN", &conf_token, FIELD(gitlab_token), NULL, WORKER, .secret = true,
     .reload = true, .help = "sent only to the host of KEDGE_GITLAB_URL"},
    {"KEDGE_GIT_TOKEN", &conf_token, FIELD(git_token), NULL, WORKER, .secret = true,
     .reload = true, .help = "sent only to the host of KEDGE_GIT_URL"},
    {"KEDGE_GITHUB_API_URL", &conf_public_url, FIELD(github_api_url),
     "https://api.github.com", WORKER,
     .help = "where the state of a pull request is asked"},
    {"KEDGE_GITLAB_API_URL", &conf_public_url, FIELD(gitlab_api_url), NULL, WORKER,
     .unset = "KEDGE_GITLAB_URL and `/api/v4`",
     .help = "where the state of a merge request is asked"},
    {"KEDGE_PLAN_REQUIREMENTS", &conf_requirements, FIELD(plan_requirements), NULL,
     WORKER,
     .help = "comma list of approved, mergeable, undiverged, policies_passed: what must "
             "hold before a plan, besides what atlantis.yaml asks"},
    {"KEDGE_APPLY_REQUIREMENTS", &conf_requirements, FIELD(apply_requirements), NULL,
     WORKER, .help = "the same, before an apply"},
    {"KEDGE_POLICY_COMMAND", &conf_program, FIELD(policy_command), NULL, WORKER,
     .unset = "policies_passed is never met",
     .help = "absolute path of a program that is called with the path of a plan's JSON; "
             "exit status 0 passes, what it prints says why not"},

    {"KEDGE_SLACK_WEBHOOK_URL", &conf_public_url, FIELD(slack_webhook_url), NULL,
     SCHEDULER, .secret = true, .reload = true,
     .help = "a Slack incoming webhook that is told of every project"},
    {"KEDGE_HOOK_ALLOW_PRIVATE", &conf_flag, FIELD(hook_allow_private), "false",
     API | SCHEDULER,
     .help = "hooks may go to private, loopback and link-local addresses"},
    {"KEDGE_HOOK_PROXY", &conf_public_url, FIELD(hook_proxy), NULL, SCHEDULER,
     .unset = "hooks are sent directly",
     .help = "HTTP proxy for hooks; it resolves names, so it is what keeps hooks out of "
             "private networks then"},
    {"KEDGE_HOOK_TIMEOUT", &conf_duration, FIELD(hook_timeout_ms), "10s", SCHEDULER,
     .min = 100, .max = 50000, .help = "longest a hook's receiver may take to answer"},
    {"KEDGE_HOOK_RETRY", &conf_duration, FIELD(hook_retry_ms), "5s", SCHEDULER, .min = 1,
     .max = 10 * MINUTE_MS,
     .help = "pause before a delivery that failed is sent again; further ones grow to a "
             "day, and after the eighth attempt it is given up"},

    {"KEDGE_KEEP_RUNS", &conf_count, FIELD(keep_runs), "100", SCHEDULER, UP_TO(1),
     .help = "ended runs kept per workspace; the newest always stays"},
    {"KEDGE_KEEP_DAYS", &conf_count, FIELD(keep_days), "30", SCHEDULER, .min = 1,
     .max = 36500, .help = "days an ended run is kept"},
    {"KEDGE_STORE_MAX", &conf_size, FIELD(store_max_bytes), NULL, SCHEDULER, UP_TO(0),
     .unset = "no limit",
     .help = "total bytes of stored outputs; the oldest are dropped first"},
};
const size_t conf_setting_count = ARRAY_LEN(conf_settings);
