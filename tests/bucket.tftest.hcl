# Where the history lies: a bucket of the module's own, one that is given, or none.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

run "a_bucket_of_its_own" {
  command = plan

  assert {
    condition     = aws_s3_bucket.history[0].bucket == "ecr-cleaner-123456789012-useast1" && output.bucket_name == aws_s3_bucket.history[0].bucket
    error_message = "The bucket's name carries name, account and region."
  }

  assert {
    condition     = !aws_s3_bucket.history[0].force_destroy
    error_message = "A history is not destroyed in passing."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.history[0].block_public_acls,
      aws_s3_bucket_public_access_block.history[0].block_public_policy,
      aws_s3_bucket_public_access_block.history[0].ignore_public_acls,
      aws_s3_bucket_public_access_block.history[0].restrict_public_buckets,
    ])
    error_message = "The bucket is private."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.history[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket is encrypted."
  }

  assert {
    condition     = aws_s3_bucket_versioning.history[0].versioning_configuration[0].status == "Enabled"
    error_message = "The bucket is versioned."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.history[0].rule[0].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Old versions do not pile up."
  }

  assert {
    condition = { for r in aws_s3_bucket_lifecycle_configuration.history[0].rule : r.id => [one(r.filter).prefix, one(r.expiration).days] if length(r.expiration) > 0 } == {
      forget-old-facts   = ["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/facts/", 30]
      forget-old-journal = ["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/journal/", 180]
      forget-old-plans   = ["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/plans/", 365]
      forget-old-reports = ["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/", 365]
      forget-old-runs    = ["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/runs/", 7]
    }
    error_message = "Facts, journal, plans, reports and what a night left expire, and nothing else does: the history stays."
  }

  assert {
    condition = [for s in jsondecode(aws_s3_bucket_policy.history[0].policy).Statement : s if s.Sid == "FactsAndRunsOnlyByFunction"] == [{
      Sid       = "FactsAndRunsOnlyByFunction"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:PutObject"]
      Resource = [
        "arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/facts/*",
        "arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/runs/*",
      ]
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/ecr-cleaner-us-east-1" } }
    }]
    error_message = "Nobody but the function's role writes facts and scans, whatever its own policy allows it."
  }

  assert {
    condition     = { for r in aws_s3_bucket_lifecycle_configuration.history[0].rule : r.id => r.noncurrent_version_expiration[0].noncurrent_days if contains(["forget-old-facts", "forget-old-runs"], r.id) } == { forget-old-facts = 1, forget-old-runs = 7 }
    error_message = "Facts are written every night, and nobody needs those of the night before; of a night nothing stays."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.history[0].policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } } && jsondecode(aws_s3_bucket_policy.history[0].policy).Statement[0].Effect == "Deny"
    error_message = "Nobody reads it without TLS."
  }

  assert {
    condition     = aws_s3_object.marker[0].key == "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/marker.json" && jsondecode(aws_s3_object.marker[0].content) == { schema_version = 1, state = "new" }
    error_message = "The marker says that no history has begun."
  }

  assert {
    condition     = aws_s3_object.settings[0].content == aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]
    error_message = "Settings that fit stay in the environment, and lie in the bucket too."
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid => [s.Action, s.Resource, s.Condition] if s.Effect == "Allow" && startswith(s.Action[0], "s3:") } == {
      ReadBucket = [
        ["s3:GetObject"],
        ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/*"],
        { StringEquals = { "aws:ResourceAccount" = "123456789012" } },
      ]
      WriteFacts = [
        ["s3:PutObject"],
        ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/facts/*"],
        { StringEquals = { "aws:ResourceAccount" = "123456789012" } },
      ]
      WriteHistory = [
        ["s3:PutObject"],
        [
          "arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/history/*",
          "arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/marker.json",
        ],
        { StringEquals = { "aws:ResourceAccount" = "123456789012" } },
      ]
      WriteReports = [
        ["s3:PutObject"],
        ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/*"],
        { StringEquals = { "aws:ResourceAccount" = "123456789012" } },
      ]
    }
    error_message = "The role reads beneath its prefix, and writes facts, its history, the marker and its reports."
  }

  assert {
    condition     = output.reports_uri == "s3://ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/" && jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage.reports
    error_message = "Reports are written where the output says."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.history[0].rule :
      [rule.status, rule.filter[0].prefix, rule.expiration[0].days] if rule.id == "forget-old-reports"
    ] == [["Enabled", "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/", 365]]
    error_message = "Reports are forgotten after a year, and nothing else is."
  }

  assert {
    condition     = length(setsubtract(["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"], flatten([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Action if s.Effect == "Deny"]))) == 0
    error_message = "The role cannot forget, whatever a bucket's policy says."
  }
}

run "a_real_run_writes_a_journal" {
  command = plan

  variables {
    dry_run                = false
    journal_retention_days = 7
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "WriteJournal"] == [[
      ["s3:PutObject"],
      ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/journal/*"],
      { StringEquals = { "aws:ResourceAccount" = "123456789012" } },
    ]]
    error_message = "The role adds to the journal."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage.journal
    error_message = "The function knows where."
  }

  assert {
    condition     = [for r in aws_s3_bucket_lifecycle_configuration.history[0].rule : one(r.expiration).days if r.id == "forget-old-journal"] == [7]
    error_message = "The journal is kept as long as is said."
  }
}

run "with_a_key_and_the_longest_name" {
  command = plan

  variables {
    name                 = "a-name-of-thirty-six-letters-exactly"
    force_destroy_bucket = true
    kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = length(aws_s3_bucket.history[0].bucket) <= 61 && aws_s3_bucket.history[0].force_destroy
    error_message = "The longest name leaves room for the longest region, apsoutheast1."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.history[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" && one(one(aws_s3_bucket_server_side_encryption_configuration.history[0].rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "The bucket uses the key."
  }
}

run "a_bucket_that_is_given" {
  command = plan

  variables {
    bucket_name = "shared-bucket"
  }

  assert {
    condition     = length(aws_s3_bucket.history) + length(aws_s3_bucket_policy.history) + length(aws_s3_bucket_lifecycle_configuration.history) == 0
    error_message = "A given bucket is left as it is."
  }

  assert {
    condition     = aws_s3_object.marker[0].bucket == "shared-bucket" && output.bucket_name == "shared-bucket"
    error_message = "The marker lies in the given bucket."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "ReadBucket"] == [{ Sid = "ReadBucket", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/*"] }]
    error_message = "The role reads there, beneath its prefix."
  }
}

run "reports_kept_for_ever" {
  command = plan

  variables {
    report_retention_days = 0
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.history[0].rule : rule.status if rule.id == "forget-old-reports"] == ["Disabled"]
    error_message = "0 forgets none."
  }
}

run "without_reports" {
  command = plan

  variables {
    reports_enabled = false
  }

  assert {
    condition     = output.reports_uri == null && !jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage.reports
    error_message = "The function is told of no place."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "WriteReports"]) == 0
    error_message = "The role may not write what nobody wants."
  }
}

run "reports_without_a_history" {
  command = plan

  variables {
    history_enabled = false
    bucket_name     = "shared-bucket"
  }

  assert {
    condition     = output.reports_uri == "s3://shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/"
    error_message = "A given bucket is enough."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid if s.Effect == "Allow" && startswith(s.Action[0], "s3:")] == ["ReadBucket", "WriteFacts", "WriteReports"]
    error_message = "The role reads the totals of former runs, and writes facts and reports."
  }
}

run "without_a_history" {
  command = plan

  variables {
    history_enabled = false
  }

  assert {
    condition     = length(aws_s3_bucket.history) == 0 && length(aws_s3_object.marker) == 0 && output.bucket_name == null && output.reports_uri == null
    error_message = "Nothing is made."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage == null
    error_message = "The function knows that it has neither history nor journal."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Effect == "Allow" && startswith(s.Action[0], "s3:")]) == 0
    error_message = "The role needs no bucket."
  }
}

run "a_role_with_a_name_and_a_path_of_its_own" {
  command = plan

  variables {
    iam_role_name = "cleans"
    iam_role_path = "/tools/registry/"
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.history[0].policy).Statement : s.Condition if s.Sid == "FactsAndRunsOnlyByFunction"] == [{ ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/tools/registry/cleans" } }]
    error_message = "The bucket's policy names that role."
  }

  assert {
    condition     = [aws_iam_role.function[0].path, aws_iam_role.function[0].name] == ["/tools/registry/", "cleans"]
    error_message = "It is the function's."
  }
}

run "a_given_bucket_without_a_history" {
  command = plan

  variables {
    bucket_name     = "shared-bucket"
    dry_run         = false
    history_enabled = false
  }

  assert {
    condition     = { for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid => s.Resource if s.Effect == "Allow" && startswith(s.Action[0], "s3:") } == { ReadBucket = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/*"], WriteFacts = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/facts/*"], WriteJournal = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/journal/*"], WriteReports = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/*"] }
    error_message = "There are facts, a journal and reports wherever there is a bucket."
  }
}

run "plans_that_wait_for_approval" {
  command = plan

  variables {
    require_approval = true
    dry_run          = false
  }

  assert {
    condition     = [jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).require_approval, jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage.prefix] == [true, "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/"]
    error_message = "The function knows that plans wait, and below which prefix they lie."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "WritePlans"] == [{
      Sid       = "WritePlans"
      Effect    = "Allow"
      Action    = ["s3:PutObject"]
      Resource  = ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/plans/*"]
      Condition = { StringEquals = { "aws:ResourceAccount" = "123456789012" } }
    }]
    error_message = "The role writes plans, and nothing beside them."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.history[0].rule : [rule.filter[0].prefix, rule.expiration[0].days] if rule.id == "forget-old-plans"] == [["ecr-cleaner/123456789012/us-east-1/ecr-cleaner/plans/", 365]]
    error_message = "Plans are deleted after a year, and nothing beside them."
  }

  assert {
    condition     = strcontains(output.approve_command, "--payload '{\"action\":\"apply\",\"plan\":\"PLAN\",\"schema_version\":1}'") && strcontains(output.approve_command, "--region us-east-1 --function-name ecr-cleaner")
    error_message = "The command says what to send."
  }
}

run "a_dry_run_writes_no_plan" {
  command = plan

  variables {
    require_approval = true
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "WritePlans"]) == 0
    error_message = "What is not written needs no permission."
  }
}

run "without_approval_there_are_no_plans" {
  command = plan

  variables {
    dry_run = false
  }

  assert {
    condition     = !jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).require_approval && output.approve_command == null && length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "WritePlans"]) == 0
    error_message = "Nothing waits, nothing is written, nothing is to be sent."
  }
}

run "approval_in_a_given_bucket_without_a_history" {
  command = plan

  variables {
    require_approval = true
    bucket_name      = "shared-bucket"
    dry_run          = false
    history_enabled  = false
  }

  assert {
    condition     = { for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid => s.Resource if s.Effect == "Allow" && startswith(s.Action[0], "s3:") } == { ReadBucket = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/*"], WriteFacts = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/facts/*"], WriteJournal = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/journal/*"], WritePlans = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/plans/*"], WriteReports = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/reports/*"] }
    error_message = "A bucket is all it takes."
  }
}

run "approval_needs_a_bucket" {
  command = plan

  variables {
    require_approval = true
    history_enabled  = false
  }

  expect_failures = [aws_lambda_function.cleaner]
}

run "a_bucket_of_another_region" {
  command = plan

  variables {
    bucket_name   = "shared-bucket"
    bucket_region = "eu-west-1"
  }

  expect_failures = [aws_lambda_function.cleaner]
}

run "a_bucket_of_the_same_region" {
  command = plan

  variables {
    bucket_name   = "shared-bucket"
    bucket_region = "us-east-1"
  }

  assert {
    condition     = aws_s3_object.marker[0].bucket == "shared-bucket"
    error_message = "It is used."
  }
}

run "a_bucket_without_a_history" {
  command = plan

  variables {
    create_bucket   = true
    history_enabled = false
  }

  assert {
    condition     = length(aws_s3_bucket.history) == 1 && length(aws_s3_object.marker) == 0 && jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).storage.bucket == "ecr-cleaner-123456789012-useast1"
    error_message = "Journal and reports need no history."
  }
}
