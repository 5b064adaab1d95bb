// Evaluates requests against policies, all in one process: a line of JSON on standard input is answered by a line on
// standard output.
//
// In:  {"principal": ARN, "policies": {name: document}, "requests": [{policy, action, resource, owner, trust, context}]}
// Out: [{"result": "Allowed" | "ImplicitlyDenied" | "ExplicitlyDenied" | "error", "ignored": [keys], "errors": ...}]

import { createInterface } from 'node:readline'

import { runSimulation } from '@cloud-copilot/iam-simulate'

async function evaluate({ principal, policies }, { policy, action, resource, owner, trust, context }) {
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: owner },
        contextVariables: context
      },
      identityPolicies: [{ name: policy, policy: policies[policy] }],
      resourcePolicy: trust ? policies[trust] : undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  if (answer.resultType === 'error') return { result: 'error', errors: answer.errors, ignored: [] }
  const single = answer.result ? [answer.result] : answer.results
  return { result: answer.overallResult, ignored: single.flatMap((each) => each.ignoredContextKeys ?? []) }
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  const results = []
  for (const request of asked.requests) results.push(await evaluate(asked, request))
  process.stdout.write(`${JSON.stringify(results)}\n`)
}
