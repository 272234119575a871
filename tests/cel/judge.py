"""Judges requests by a ValidatingAdmissionPolicy, with the C++ implementation of CEL.

In: on stdin a JSON object with `policy` and `requests`, each `{request, object, oldObject}`. Out: for each request the messages of the validations that deny it, or
null where no match condition holds. Rule: an expression that fails to be evaluated denies, as `failurePolicy: Fail` has it.
"""

import json
import sys

from cel_expr_python import cel

NAMES = ["request", "object", "oldObject", "variables"]
ENV = cel.NewEnv(variables={name: cel.Type.DYN for name in NAMES})


def evaluate(expression, data):
    return ENV.compile(expression).eval(data=data).plain_value()


def judge(spec, request):
    data = {**request, "variables": {}}
    if not all(evaluate(condition["expression"], data) is True for condition in spec.get("matchConditions", [])):
        return None
    denied = []
    try:
        for variable in spec.get("variables", []):
            data["variables"] = {**data["variables"], variable["name"]: evaluate(variable["expression"], data)}
    except Exception as error:
        return [f"a variable cannot be evaluated: {error}"]
    for validation in spec["validations"]:
        try:
            holds = evaluate(validation["expression"], data) is True
        except Exception as error:
            denied.append(f"{validation['message']} (cannot be evaluated: {error})")
            continue
        if not holds:
            denied.append(validation["message"])
    return denied


given = json.load(sys.stdin)
json.dump([judge(given["policy"]["spec"], request) for request in given["requests"]], sys.stdout)
