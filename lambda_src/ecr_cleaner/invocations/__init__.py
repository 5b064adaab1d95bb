"""One night in several invocations, as AWS Step Functions makes them: between them everything lies in the bucket."""
