# Only what is built into terraform itself. Nothing real stands behind terraform_data, so
# what you see move here is an input that is read from outside, not the world.
terraform {
  backend "local" {}
}

variable "world" {
  type        = string
  description = "Directory that holds the file that is read."
}

resource "terraform_data" "motd" {
  input = file("${var.world}/motd.txt")
}
