# A file somewhere on a machine. Somebody edits it by hand: that is drift.
terraform {
  backend "local" {}
  required_providers {
    local = { source = "hashicorp/local" }
  }
}

variable "world" {
  type        = string
  description = "Directory that stands for the real world."
}

resource "local_file" "motd" {
  filename        = "${var.world}/motd.txt"
  content         = "Welcome. Maintenance window: Sunday 02:00 UTC.\n"
  file_permission = "0644"
}

resource "local_file" "limits" {
  filename        = "${var.world}/limits.conf"
  content         = "max_connections = 200\n"
  file_permission = "0644"
}
