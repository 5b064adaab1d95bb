# The state machine: when there is one, what it is told, and what starts it.

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

# A definition that a plan knows is shown to AWS.
override_resource {
  target          = aws_lambda_function.cleaner
  override_during = plan
  values          = { arn = "arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner" }
}

override_resource {
  target          = aws_sfn_state_machine.cleaner
  override_during = plan
  values          = { arn = "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner" }
}

override_resource {
  target          = aws_sqs_queue.failures
  override_during = plan
  values          = { arn = "arn:aws:sqs:us-east-1:123456789012:ecr-cleaner-failures", url = "https://sqs.us-east-1.amazonaws.com/123456789012/ecr-cleaner-failures" }
}

override_resource {
  target          = aws_iam_role.machine
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/ecr-cleaner-machine-us-east-1" }
}

override_resource {
  target          = aws_cloudwatch_log_group.machine
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/ecr-cleaner" }
}

variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

run "by_default_the_schedule_starts_the_function" {
  command = plan

  assert {
    condition     = length(aws_sfn_state_machine.cleaner) + length(aws_iam_role.machine) + length(aws_cloudwatch_log_group.machine) == 0 && output.state_machine_arn == null
    error_message = "One invocation is enough for most."
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].target[0].arn == "arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner" && [for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : s.Action[0]] == ["lambda:InvokeFunction", "sqs:SendMessage"]
    error_message = "The schedule starts the function."
  }

  assert {
    condition     = !contains([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid], "WriteRuns")
    error_message = "One invocation leaves nothing to another."
  }
}

run "on_request_the_schedule_starts_a_state_machine" {
  command = plan

  variables {
    state_machine      = true
    log_retention_days = 30
    tags               = { team = "platform" }
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].target[0].arn == "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner" && output.state_machine_arn == aws_scheduler_schedule.cleaner[0].target[0].arn
    error_message = "The schedule starts the machine."
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].target[0].input == "{}" && aws_scheduler_schedule.cleaner[0].target[0].retry_policy[0].maximum_retry_attempts == 2
    error_message = "A scheduled night is a plain one, and only its delivery is tried again."
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : s.Action[0] => s.Resource[0] } == {
      "states:StartExecution" = "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner"
      "sqs:SendMessage"       = "arn:aws:sqs:us-east-1:123456789012:ecr-cleaner-undelivered"
    }
    error_message = "The schedule may start this machine, and not the function beside it."
  }

  assert {
    condition = {
      namespace  = aws_cloudwatch_metric_alarm.failed[0].namespace
      metric     = aws_cloudwatch_metric_alarm.failed[0].metric_name
      dimensions = aws_cloudwatch_metric_alarm.failed[0].dimensions
      } == {
      namespace  = "AWS/States"
      metric     = "ExecutionsFailed"
      dimensions = tomap({ StateMachineArn = "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner" })
    }
    error_message = "A failed night rings, and not each failed scan."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent[0].metric_name == "Invocations" && aws_cloudwatch_metric_alarm.silent[0].dimensions == tomap({ FunctionName = "ecr-cleaner" })
    error_message = "A night begins with an invocation, so one without any did not take place."
  }

  assert {
    condition     = output.dry_run_command == "aws stepfunctions start-execution --region us-east-1 --state-machine-arn arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner --input '{\"action\":\"run\",\"dry_run\":true,\"schema_version\":1}'"
    error_message = "A person starts what the schedule starts."
  }

  assert {
    condition     = aws_sfn_state_machine.cleaner[0].name == "ecr-cleaner" && aws_sfn_state_machine.cleaner[0].tags == tomap({ team = "platform" }) && aws_iam_role.machine[0].tags == tomap({ team = "platform" })
    error_message = "It has the function's name and tags."
  }

  assert {
    condition     = aws_cloudwatch_log_group.machine[0].name == "/aws/vendedlogs/states/ecr-cleaner" && aws_cloudwatch_log_group.machine[0].retention_in_days == 30 && aws_sfn_state_machine.cleaner[0].logging_configuration[0].log_destination == "${aws_cloudwatch_log_group.machine[0].arn}:*"
    error_message = "What fails in it is logged, as long as the rest."
  }

  assert {
    condition     = distinct(regexall("arn:aws:lambda:[^\"]*", aws_sfn_state_machine.cleaner[0].definition)) == tolist(["arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner"]) && jsondecode(aws_sfn_state_machine.cleaner[0].definition).States.Tell.Parameters.QueueUrl == "https://sqs.us-east-1.amazonaws.com/123456789012/ecr-cleaner-failures" && jsondecode(aws_sfn_state_machine.cleaner[0].definition).States.Scan.MaxConcurrency == 40
    error_message = "It invokes this function, and tells this queue."
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.machine[0].policy).Statement : s.Sid => [s.Effect, s.Action, s.Resource] if s.Sid != "DeliverLogs" } == {
      FollowScans    = ["Allow", ["states:DescribeExecution", "states:StopExecution"], ["arn:aws:states:us-east-1:123456789012:execution:ecr-cleaner/*"]]
      InvokeFunction = ["Allow", ["lambda:InvokeFunction"], ["arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner"]]
      ReadItems      = ["Allow", ["s3:GetObject"], ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/runs/*"]]
      ReportFailures = ["Allow", ["sqs:SendMessage"], ["arn:aws:sqs:us-east-1:123456789012:ecr-cleaner-failures"]]
      StartScans     = ["Allow", ["states:StartExecution"], ["arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner"]]
    }
    error_message = "Its role reaches what is the module's, and nothing else."
  }

  assert {
    condition = jsondecode(aws_iam_role.machine[0].assume_role_policy).Statement == [{
      Sid       = "OnlyThisMachine"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnLike      = { "aws:SourceArn" = ["arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner", "arn:aws:states:us-east-1:123456789012:stateMachine:ecr-cleaner/*"] }
      }
    }]
    error_message = "Step Functions takes its role only for this machine."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "WriteRuns"] == [{
      Sid       = "WriteRuns"
      Effect    = "Allow"
      Action    = ["s3:PutObject"]
      Resource  = ["arn:aws:s3:::ecr-cleaner-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/runs/*"]
      Condition = { StringEquals = { "aws:ResourceAccount" = "123456789012" } }
    }]
    error_message = "The function leaves to itself what it found."
  }
}

run "other_accounts_bring_it" {
  command = plan

  variables {
    accounts                       = ["222233334444"]
    reserved_concurrent_executions = 5
  }

  assert {
    condition     = length(aws_sfn_state_machine.cleaner) == 1 && jsondecode(aws_sfn_state_machine.cleaner[0].definition).States.Scan.MaxConcurrency == 5
    error_message = "Each of them is looked at in an invocation of its own, and no more at once than there may be."
  }
}

run "an_organization_brings_it" {
  command = plan

  variables {
    organization                   = {}
    reserved_concurrent_executions = 0
  }

  assert {
    condition     = length(aws_sfn_state_machine.cleaner) == 1 && jsondecode(aws_sfn_state_machine.cleaner[0].definition).States.Scan.MaxConcurrency == 40
    error_message = "What is stopped is stopped by Lambda; without a limit a map would have none."
  }
}

run "it_needs_a_bucket" {
  command = plan

  variables {
    state_machine   = true
    history_enabled = false
  }

  expect_failures = [aws_sfn_state_machine.cleaner]
}

run "a_given_bucket_will_do" {
  command = plan

  variables {
    state_machine   = true
    history_enabled = false
    bucket_name     = "shared-bucket"
    kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.machine[0].policy).Statement : s if contains(["ReadItems", "UseKey"], s.Sid)] == [
      { Sid = "ReadItems", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::shared-bucket/ecr-cleaner/123456789012/us-east-1/ecr-cleaner/runs/*"] },
      { Sid = "UseKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.kms_key_arn] },
    ]
    error_message = "The machine reads there, with the key."
  }
}
