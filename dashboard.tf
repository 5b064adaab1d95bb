# What the runs did, at a glance. The metrics are those that each run writes, see report/metrics.py.

locals {
  alarm_names = concat(
    aws_cloudwatch_metric_alarm.failed[*].alarm_name,
    aws_cloudwatch_composite_alarm.not_run[*].alarm_name,
    aws_cloudwatch_metric_alarm.undelivered[*].alarm_name,
    aws_cloudwatch_metric_alarm.degraded[*].alarm_name,
    aws_cloudwatch_metric_alarm.tripwire[*].alarm_name,
  )
  alarm_arns = [for name in local.alarm_names : "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${name}"]

  # Each graph: its title, and metric to label. A run is one value, so a day's maximum is the run's.
  graphs = [
    { title = "Images", metrics = { ImagesScanned = "looked at", ImagesInUse = "in use", ImagesRemovable = "removable", ImagesInGrace = "in grace" } },
    { title = "Bytes, an upper bound: layers are shared", metrics = { BytesScanned = "looked at", BytesInUse = "in use", BytesRemovable = "removable" } },
    { title = "Images removed or archived", metrics = { ImagesRemoved = "removed", ImagesArchived = "archived", ImagesFailed = "failed" }, statistic = "Sum" },
    { title = "Bytes removed or archived, an upper bound", metrics = { BytesRemoved = "removed", BytesArchived = "archived" }, statistic = "Sum" },
    { title = "What went wrong", metrics = { Failures = "causes", Refused = "refused runs", TripwireTripped = "tripwire", ConsumersBroken = "consumers without their image" } },
    { title = "Seconds, of at most 900", metrics = { Duration = "duration" } },
    { title = "Calls of AWS", metrics = { Calls = "tries", ThrottledCalls = "throttled", FactsUsed = "readings that what earlier runs stored made needless" } },
    { title = "Sources of usages", metrics = { SourcesComplete = "complete", SourcesFailed = "failed", SourcesDisabled = "disabled", SourcesClosed = "regions closed", SourcesNotOffered = "not offered here" } },
  ]

  # Without other accounts no run has values of these.
  account_graphs = [
    { title = "Other accounts", metrics = { AccountsComplete = "looked at", AccountsFailed = "not looked at completely", AccountsExcepted = "accepted gaps", Degraded = "degraded runs" } },
  ]

  dashboard_text = <<-TEXT
    # ${var.name}: images that nobody uses ${var.dry_run ? "would go (dry run)" : "go"}

    | Rings | What to do |
    |---|---|
    | `${var.name}-failed` | Read the causes in the queue `${local.queue_name}` or in the log: each says what mends it |
    | `${var.name}-not-run` | Look at the schedule `${var.name}` |
    | `${var.name}-undelivered` | Read why in the queue `${local.undelivered_queue_name}`, then empty it |
    | `${var.name}-degraded` | Nothing is broken; the report's table of other accounts says what mends it |
    | `${var.name}-tripwire` | Find out why so much less is in use; if it is right, paste the command that the cause holds |

    Log group: `/aws/lambda/${var.name}`. To stop at once: `aws lambda put-function-concurrency --region ${local.region} --function-name ${var.name} --reserved-concurrent-executions 0`
  TEXT
}

resource "aws_cloudwatch_dashboard" "cleaner" {
  count = var.create && var.dashboard_enabled ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({
    widgets = concat(
      [
        { type = "text", x = 0, y = 0, width = 16, height = 6, properties = { markdown = local.dashboard_text } },
        { type = "alarm", x = 16, y = 0, width = 8, height = 6, properties = { title = "Alarms", alarms = local.alarm_arns } },
      ],
      [
        for number, graph in concat(local.graphs, [for one in local.account_graphs : one if local.looks_at_other_accounts]) : {
          type   = "metric"
          x      = number % 2 * 12
          y      = 6 + floor(number / 2) * 6
          width  = 12
          height = 6
          properties = {
            title   = graph.title
            region  = local.region
            view    = "timeSeries"
            stacked = false
            stat    = try(graph.statistic, "Maximum")
            period  = 24 * 60 * 60
            yAxis   = { left = { min = 0 } }
            metrics = [
              for name, label in graph.metrics : [var.metrics_namespace, name, "FunctionName", var.name, { label = label }]
            ]
          }
        }
      ],
    )
  })
}
