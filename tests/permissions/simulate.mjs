// Evaluates requests against policies, all in one process: JSON from standard input to standard output.
//
// In:  {"principal": ARN, "account": id, "policies": {name: document}, "requests": [{policy, action, resource, context}]}
// Out: [{"result": "Allowed" | "ImplicitlyDenied" | "ExplicitlyDenied" | "error", "ignored": [keys], "errors": ...}]

import { runSimulation } from '@cloud-copilot/iam-simulate'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { principal, account, policies, requests } = JSON.parse(Buffer.concat(chunks).toString())

async function evaluate({ policy, action, resource, context }) {
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: account },
        contextVariables: context
      },
      identityPolicies: [{ name: policy, policy: policies[policy] }],
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  if (answer.resultType === 'error') return { result: 'error', errors: answer.errors, ignored: [] }
  const single = answer.result ? [answer.result] : answer.results
  return { result: answer.overallResult, ignored: single.flatMap((each) => each.ignoredContextKeys ?? []) }
}

const results = []
for (const request of requests) results.push(await evaluate(request))
process.stdout.write(JSON.stringify(results))
