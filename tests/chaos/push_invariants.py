"""What must hold of pushes when all is quiet again. Each check yields sentences: what does
not."""
import collections
import json

from cluster import PUSHED_PROJECT

READ_RUNS = """
local out = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'runs', 0, -1)) do
    local run = redis.call('HMGET', KEYS[1] .. 'run:' .. id, 'trigger', 'project', 'workspace')
    if run[1] == 'webhook' then
        out[#out + 1] = {id, run[2], run[3], redis.call('GET', KEYS[1] .. 'spec:' .. id)}
    end
end
return out
"""


def read(cluster):
    """(commit, workspace) -> its runs that pushes have queued."""
    found = collections.defaultdict(list)
    for run, project, workspace, spec in cluster.script(READ_RUNS):
        found[json.loads(spec)["commit"], workspace if project == PUSHED_PROJECT else f"{project}/{workspace}"].append(run)
    return found


def one_run_a_commit_and_workspace(runs):
    for key, found in runs.items():
        if len(found) > 1:
            yield f"{key} has {len(found)} runs: {found}"


def taken_pushes_have_a_run(pusher, runs):
    for _, delivery, commit, workspace in pusher.pushes:
        if (commit, workspace) not in runs:
            yield f"delivery {delivery} was taken; {commit} of {workspace} has no run"


def only_pushes_queue(pusher, runs):
    """An answer may be lost, and the push be repeated by nobody: its commit is known all the same."""
    for (commit, workspace), found in runs.items():
        if pusher.told.get((commit, workspace), found[0]) not in found:
            yield f"{commit} of {workspace} is {found}, the answers named {pusher.told[commit, workspace]}"
        if commit not in pusher.commits:
            yield f"{commit} of {workspace} was not pushed, and is checked: {found}"
