# What inputs are held against beside their own form: AWS's rules, so that a plan says what would else be found out halfway
# through an apply.

locals {
  # The fields of cron(...), in order, after https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
  # What that page leaves open (L-3, LW, ranges over the end of a week or day) is left to AWS.
  cron_fields = [
    { name = "minutes", takes = "0 to 59, with , - * /", value = "[0-5]?[0-9]" },
    { name = "hours", takes = "0 to 23, with , - * /", value = "[01]?[0-9]|2[0-3]" },
    {
      name  = "day of month"
      takes = "1 to 31, with , - * / L W, or ?"
      value = "0?[1-9]|[12][0-9]|3[01]"
      other = "L|L-([1-9]|[12][0-9]|30)|LW|(0?[1-9]|[12][0-9]|3[01])W"
      alone = "[?]"
    },
    { name = "month", takes = "1 to 12 or JAN to DEC, with , - * /", value = "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC" },
    {
      name  = "day of week"
      takes = "1 to 7 or SUN to SAT, with , - * L, or one # such as 6#3, or ?"
      value = "[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT"
      steps = false
      other = "([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)?L"
      alone = "[?]|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5]"
    },
    { name = "year", takes = "1970 to 2199, with , - * /", value = "19[7-9][0-9]|20[0-9]{2}|21[0-9]{2}" },
  ]

  # Each a list of values, ranges and the like, or what only stands alone.
  cron_patterns = [
    for field in local.cron_fields : format("^(%s)$", join("|", compact([
      try(field.alone, ""),
      replace("ITEM(,ITEM)*", "ITEM", format("(%s)", join("|", compact([
        "([*]|(${field.value})(-(${field.value}))?)${try(field.steps, true) ? "(/[1-9][0-9]{0,2})?" : ""}",
        try(field.other, ""),
      ])))),
    ])))
  ]

  # The names of the IANA database, written by `make generate`.
  time_zones = split("\n", trimspace(file("${path.module}/time_zones.txt")))
}
