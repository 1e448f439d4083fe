"""Every sample of the Atlantis API's reference: requests as curl commands, answers as JSON.

As they stand there, but for `repo-name`, which is read as owner/repo.
"""
import json


def _answer(text):
    return json.loads(text)


PLAN_OF_A_PULL_REQUEST = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/plan' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "Repository": "owner/repo",
    "Ref": "main",
    "Type": "Github",
    "Paths": [{
      "Directory": ".",
      "Workspace": "default"
    }],
    "PR": 2
}'
"""

PLAN_WITHOUT_ONE = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/plan' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "Repository": "owner/repo",
    "Ref": "main",
    "Type": "Github",
    "Paths": [{
      "Directory": ".",
      "Workspace": "default"
    }]
}'
"""

APPLY = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/apply' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "Repository": "owner/repo",
    "Ref": "main",
    "Type": "Github",
    "Paths": [{
      "Directory": ".",
      "Workspace": "default"
    }],
    "PR": 2
}'
"""

REMEDIATE_PLAN = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/drift/remediate' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "repository": "owner/repo",
    "ref": "main",
    "type": "Github",
    "action": "plan",
    "drift_only": true
}'
"""

REMEDIATE_APPLY = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/drift/remediate' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "repository": "owner/repo",
    "ref": "main",
    "type": "Github",
    "action": "apply",
    "projects": ["vpc", "ec2"],
    "workspaces": ["production"]
}'
"""

DETECT_PROJECTS = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/drift/detect' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "repository": "owner/repo",
    "ref": "main",
    "type": "Github",
    "projects": ["vpc", "ec2"]
}'
"""

DETECT_PATHS = """
curl --request POST 'https://<ATLANTIS_HOST_NAME>/api/drift/detect' \\
--header 'X-Atlantis-Token: <ATLANTIS_API_SECRET>' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "repository": "owner/repo",
    "ref": "main",
    "type": "Github",
    "paths": [
        {"directory": "modules/vpc", "workspace": "production"},
        {"directory": "modules/ec2", "workspace": "production"}
    ]
}'
"""

LOCKS = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/locks'"
STATUS_OF_DRIFT = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/drift/status?repository=owner/repo'"
STATUS_OF_DRIFT_FILTERED = (
    "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/drift/status?repository=owner/repo&project=vpc&workspace=production'")
REMEDIATIONS = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/drift/remediate?repository=owner/repo'"
REMEDIATIONS_LIMITED = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/drift/remediate?repository=owner/repo&limit=10'"
REMEDIATION = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/api/drift/remediate/550e8400-e29b-41d4-a716-446655440000'"
STATUS = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/status'"
HEALTHZ = "curl --request GET 'https://<ATLANTIS_HOST_NAME>/healthz'"

ERROR_FORMAT = _answer("""
{
  "success": false,
  "data": null,
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "missing required parameter: repository"
  },
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

PLAN_SUCCESS = _answer("""
{
  "success": true,
  "data": {
    "command": "plan",
    "projects": [
      {
        "project_name": "",
        "directory": ".",
        "workspace": "default",
        "command": "plan",
        "status": "success",
        "output": "<terraform plan output>",
        "plan": {
          "has_changes": true,
          "to_add": 2,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "summary": "Plan: 2 to add, 1 to change, 0 to destroy."
        }
      }
    ],
    "total_projects": 1,
    "success_count": 1,
    "failure_count": 0,
    "executed_at": "2025-01-21T10:30:00Z"
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

PLAN_ERROR = _answer("""
{
  "success": false,
  "data": null,
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "at least one of 'Projects' or 'Paths' must be specified"
  },
  "request_id": "550e8400-e29b-41d4-a716-446655440001",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

PLAN_PROJECT_ERROR = _answer("""
{
  "success": true,
  "data": {
    "command": "plan",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "command": "plan",
        "status": "error",
        "error": "terraform plan failed: resource not found"
      }
    ],
    "total_projects": 1,
    "success_count": 0,
    "failure_count": 1,
    "executed_at": "2025-01-21T10:30:00Z"
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440002",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

APPLY_SUCCESS = _answer("""
{
  "success": true,
  "data": {
    "command": "apply",
    "projects": [
      {
        "project_name": "",
        "directory": ".",
        "workspace": "default",
        "command": "apply",
        "status": "success",
        "output": "Apply complete! Resources: 2 added, 1 changed, 0 destroyed."
      }
    ],
    "total_projects": 1,
    "success_count": 1,
    "failure_count": 0,
    "executed_at": "2025-01-21T10:30:00Z"
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

REMEDIATION_PLAN = _answer("""
{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "repository": "owner/repo",
    "ref": "main",
    "action": "plan",
    "status": "success",
    "started_at": "2025-01-21T10:30:00Z",
    "completed_at": "2025-01-21T10:31:00Z",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "status": "success",
        "plan_output": "Terraform will perform the following actions:\\n  # aws_vpc.main will be updated...",
        "drift_before": {
          "to_add": 0,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 1,
          "summary": "Plan: 0 to add, 1 to change, 0 to destroy.",
          "changes_outside": false
        },
        "drift_after": {
          "to_add": 0,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 1,
          "summary": "Plan: 0 to add, 1 to change, 0 to destroy.",
          "changes_outside": false
        }
      },
      {
        "project_name": "ec2",
        "directory": "modules/ec2",
        "workspace": "production",
        "status": "success",
        "plan_output": "No changes. Infrastructure is up-to-date."
      }
    ],
    "summary": {
      "total_projects": 2,
      "success_count": 2,
      "failure_count": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

REMEDIATION_APPLY = _answer("""
{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440001",
    "repository": "owner/repo",
    "ref": "main",
    "action": "apply",
    "status": "success",
    "started_at": "2025-01-21T10:30:00Z",
    "completed_at": "2025-01-21T10:32:00Z",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "status": "success",
        "plan_output": "Terraform will perform the following actions:\\n  # aws_vpc.main will be updated...",
        "apply_output": "Apply complete! Resources: 0 added, 1 changed, 0 destroyed.",
        "drift_before": {
          "to_add": 0,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 1,
          "summary": "Plan: 0 to add, 1 to change, 0 to destroy.",
          "changes_outside": false
        },
        "drift_after": {
          "to_add": 0,
          "to_change": 0,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 0,
          "summary": "Apply completed successfully",
          "changes_outside": false
        }
      }
    ],
    "summary": {
      "total_projects": 1,
      "success_count": 1,
      "failure_count": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440001",
  "timestamp": "2025-01-21T10:32:00Z"
}
""")

REMEDIATION_PARTIAL = _answer("""
{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440002",
    "repository": "owner/repo",
    "ref": "main",
    "action": "plan",
    "status": "partial",
    "started_at": "2025-01-21T10:30:00Z",
    "completed_at": "2025-01-21T10:31:00Z",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "status": "success",
        "plan_output": "No changes. Infrastructure is up-to-date."
      },
      {
        "project_name": "ec2",
        "directory": "modules/ec2",
        "workspace": "production",
        "status": "failed",
        "error": "terraform plan failed: Error acquiring state lock"
      }
    ],
    "summary": {
      "total_projects": 2,
      "success_count": 1,
      "failure_count": 1
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440002",
  "timestamp": "2025-01-21T10:31:00Z"
}
""")

DETECT_SUCCESS = _answer("""
{
  "success": true,
  "data": {
    "repository": "owner/repo",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "ref": "main",
        "has_drift": true,
        "drift": {
          "to_add": 1,
          "to_change": 2,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 3,
          "summary": "Plan: 1 to add, 2 to change, 0 to destroy.",
          "changes_outside": false
        },
        "last_checked": "2025-01-21T10:30:00Z"
      },
      {
        "project_name": "ec2",
        "directory": "modules/ec2",
        "workspace": "production",
        "ref": "main",
        "has_drift": false,
        "last_checked": "2025-01-21T10:30:00Z"
      }
    ],
    "detected_at": "2025-01-21T10:30:00Z",
    "summary": {
      "total_projects": 2,
      "projects_with_drift": 1,
      "projects_without_drift": 1,
      "projects_with_errors": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

LOCKS_HELD = _answer("""
{
  "success": true,
  "data": {
    "locks": [
      {
        "id": "owner/repo/./default",
        "project_name": "terraform",
        "repository": "owner/repo",
        "path": ".",
        "workspace": "default",
        "pull_request_id": 123,
        "pull_request_url": "https://github.com/owner/repo/pull/123",
        "locked_by": "jdoe",
        "locked_at": "2025-02-13T16:47:42.040856-08:00"
      }
    ],
    "total_count": 1
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

LOCKS_NONE = _answer("""
{
  "success": true,
  "data": {
    "locks": [],
    "total_count": 0
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440001",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

STATUS_WITH_DRIFT = _answer("""
{
  "success": true,
  "data": {
    "repository": "owner/repo",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "ref": "main",
        "has_drift": true,
        "drift": {
          "to_add": 2,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 3,
          "summary": "Plan: 2 to add, 1 to change, 0 to destroy.",
          "changes_outside": false
        },
        "last_checked": "2025-01-21T10:30:00Z"
      },
      {
        "project_name": "ec2",
        "directory": "modules/ec2",
        "workspace": "production",
        "ref": "main",
        "has_drift": false,
        "last_checked": "2025-01-21T10:25:00Z"
      }
    ],
    "checked_at": "2025-01-21T10:30:00Z",
    "summary": {
      "total_projects": 2,
      "projects_with_drift": 1,
      "projects_without_drift": 1,
      "projects_with_errors": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

STATUS_WITHOUT_DATA = _answer("""
{
  "success": true,
  "data": {
    "repository": "owner/repo",
    "projects": [],
    "checked_at": "2025-01-21T10:30:00Z",
    "summary": {
      "total_projects": 0,
      "projects_with_drift": 0,
      "projects_without_drift": 0,
      "projects_with_errors": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440001",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

REMEDIATION_LIST = _answer("""
{
  "success": true,
  "data": {
    "repository": "owner/repo",
    "count": 2,
    "results": [
      {
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "repository": "owner/repo",
        "ref": "main",
        "action": "plan",
        "status": "success",
        "started_at": "2025-01-21T10:30:00Z",
        "completed_at": "2025-01-21T10:31:00Z",
        "projects": [],
        "summary": {
          "total_projects": 2,
          "success_count": 2,
          "failure_count": 0
        }
      },
      {
        "id": "550e8400-e29b-41d4-a716-446655440001",
        "repository": "owner/repo",
        "ref": "main",
        "action": "apply",
        "status": "partial",
        "started_at": "2025-01-21T09:00:00Z",
        "completed_at": "2025-01-21T09:05:00Z",
        "projects": [],
        "summary": {
          "total_projects": 3,
          "success_count": 2,
          "failure_count": 1
        }
      }
    ]
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

REMEDIATION_LIST_EMPTY = _answer("""
{
  "success": true,
  "data": {
    "repository": "owner/repo",
    "count": 0,
    "results": []
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440001",
  "timestamp": "2025-01-21T10:30:00Z"
}
""")

REMEDIATION_BY_ID = _answer("""
{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "repository": "owner/repo",
    "ref": "main",
    "action": "plan",
    "status": "success",
    "started_at": "2025-01-21T10:30:00Z",
    "completed_at": "2025-01-21T10:31:00Z",
    "projects": [
      {
        "project_name": "vpc",
        "directory": "modules/vpc",
        "workspace": "production",
        "status": "success",
        "plan_output": "Terraform will perform the following actions:\\n  # aws_vpc.main will be updated...",
        "drift_before": {
          "to_add": 0,
          "to_change": 1,
          "to_destroy": 0,
          "to_import": 0,
          "total_changes": 1,
          "summary": "Plan: 0 to add, 1 to change, 0 to destroy.",
          "changes_outside": false
        }
      },
      {
        "project_name": "ec2",
        "directory": "modules/ec2",
        "workspace": "production",
        "status": "success",
        "plan_output": "No changes. Infrastructure is up-to-date."
      }
    ],
    "summary": {
      "total_projects": 2,
      "success_count": 2,
      "failure_count": 0
    }
  },
  "error": null,
  "request_id": "550e8400-e29b-41d4-a716-446655440000",
  "timestamp": "2025-01-21T10:31:00Z"
}
""")

STATUS_OF_SERVER = _answer("""
{
  "shutting_down": false,
  "in_progress_operations": 0,
  "version": "0.22.3"
}
""")

HEALTH = _answer("""
{
  "status": "ok"
}
""")
