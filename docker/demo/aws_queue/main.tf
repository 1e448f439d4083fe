# A queue in a local emulator of a cloud. Somebody turns a knob in the console: that is drift.
terraform {
  backend "local" {}
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {
  type        = string
  description = "URL of the emulator."
}

variable "queue_url" {
  type        = string
  description = "URL of the queue that exists already and is taken over."
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "demo"
  secret_key                  = "demo"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    sqs = var.endpoint
  }
}

import {
  to = aws_sqs_queue.orders
  id = var.queue_url
}

resource "aws_sqs_queue" "orders" {
  name                       = "orders"
  visibility_timeout_seconds = 30
  tags                       = { team = "payments" }
}
