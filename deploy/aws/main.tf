# Secrets and roles on AWS. Each process has a secret of its own and a role that reads that one and nothing else. A pod takes
# the role by the cluster's OpenID Connect provider: no key is made, stored or rotated.
#
# The secrets' values are not set here, so that they are in no state file:
#   aws secretsmanager put-secret-value --secret-id tomoribot/production/worker --secret-string file://worker.json

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "oidc_provider_arn" {
  description = "The cluster's OpenID Connect provider in IAM."
  type        = string
}

variable "oidc_issuer" {
  description = "Its issuer without https://, such as oidc.eks.us-east-1.amazonaws.com/id/ABC."
  type        = string
}

variable "namespace" {
  description = "The namespace of the pods."
  type        = string
  default     = "tomori"
}

variable "prefix" {
  description = "What the secrets' names begin with."
  type        = string
  default     = "tomoribot/production"
}

variable "processes" {
  description = "The service accounts that read a secret."
  type        = set(string)
  default     = ["gateway", "worker"]
}

resource "aws_kms_key" "secrets" {
  description             = "Seals the secrets of ${var.prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_secretsmanager_secret" "process" {
  for_each                = var.processes
  name                    = "${var.prefix}/${each.key}"
  description             = "What the process ${each.key} must know (docs/security.md)"
  kms_key_id              = aws_kms_key.secrets.arn
  recovery_window_in_days = 30
}

data "aws_iam_policy_document" "trust" {
  for_each = var.processes

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${each.key}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  for_each = var.processes

  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.process[each.key].arn]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.secrets.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SecretARN"
      values   = [aws_secretsmanager_secret.process[each.key].arn]
    }
  }
}

resource "aws_iam_role" "process" {
  for_each             = var.processes
  name                 = "tomori-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "read" {
  for_each = var.processes
  name     = "read-own-secret"
  role     = aws_iam_role.process[each.key].id
  policy   = data.aws_iam_policy_document.read[each.key].json
}

output "roles" {
  description = "For the annotations in accounts.yaml."
  value       = { for process, role in aws_iam_role.process : process => role.arn }
}
